package countersign.app

import countersign.core.FaultScreen
import countersign.core.MedicalDocument
import countersign.core.NewSharedLink
import countersign.core.documentScreen
import countersign.core.sharedLinkScreen

/** Links for doctors without this app: the order of their screens. */
class SharedLinkModel(private val phone: Phone, private val model: Model) {
    fun all(record: String) = model.run({ links(record) }, then = model::go)

    private fun links(record: String): Screen.Links {
        val document = phone.records.document(record)
        return Screen.Links(record, phone.records.sharedLinks(record).map { sharedLinkScreen(it, document) })
    }

    fun choose(record: String) = model.run({ Screen.Linking(record, documentScreen(phone.records.document(record)).sections) }, then = model::go)

    fun make(parts: List<UByte>, days: UShort, passcode: String, name: String) {
        val record = (model.screen as? Screen.Linking)?.record ?: return
        val bytes = parts.map { it.toByte() }.toByteArray()
        val new = NewSharedLink(bytes, days, passcode.ifEmpty { null }, name.trim().ifEmpty { null })
        model.run({
            val document: MedicalDocument = phone.records.document(record)
            Screen.Linked(record, sharedLinkScreen(phone.records.shareByLink(record, new), document))
        }, ::wrong, model::swap)
    }

    fun show(shown: Screen.Linked) = model.go(shown)

    fun end(record: String, name: String) = model.run({
        phone.records.endLink(record, name)
        links(record)
    }) { there ->
        while (model.screen !is Screen.Links && model.back()) Unit
        model.put(there)
    }

    private fun wrong(fault: FaultScreen) {
        val there = model.screen as? Screen.Linking ?: return model.go(Screen.Faulty(fault))
        model.put(there.copy(wrong = fault.text))
    }
}
