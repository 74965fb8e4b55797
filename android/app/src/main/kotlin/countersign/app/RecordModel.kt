package countersign.app

import countersign.core.AccessAnswer
import countersign.core.AskChoice
import countersign.core.AuthorityAddress
import countersign.core.CountersignException
import countersign.core.FaultScreen
import countersign.core.ImageScreen
import countersign.core.LineMode
import countersign.core.MedicalDocument
import countersign.core.NewRecordLine
import countersign.core.RecordQuestion
import countersign.core.RecordStep
import countersign.core.RequestStep
import countersign.core.accessesScreen
import countersign.core.askScreen
import countersign.core.documentScreen
import countersign.core.recordScreen
import countersign.core.requestScreen
import java.io.InputStream
import java.io.OutputStream

/** Medical records: the order of their screens. What each shows, and what can be done there, the core says. */
class RecordModel(private val phone: Phone, private val model: Model) {
    /** A call that changes nothing where this phone's data is too old for it: it is brought up to date first. */
    private fun <T> fresh(call: () -> T): T = try {
        call()
    } catch (early: CountersignException.Retry) {
        if (early.afterMillis != 0uL) throw early
        phone.sync()
        call()
    }

    fun all() = model.run(::gathered, then = model::go)

    fun refreshAll() = model.run({
        phone.sync()
        gathered()
    }, then = model::put)

    private fun gathered(): Screen.Records {
        val own = phone.records.all().map { recordScreen(it, document(it.id)) }
        val clinic = phone.clinician()?.run {
            tidy()
            Screen.Clinic(records(), asked().map { asked -> requestScreen(asked, if (asked.kept) read(asked.thread) else null) })
        }
        return Screen.Records(own, clinic)
    }

    private fun document(record: String): MedicalDocument? = try {
        phone.records.document(record)
    } catch (_: CountersignException.Refused) {
        // There is none yet.
        null
    }

    /** Whose keys are used: the code of a hospital. */
    fun scanAuthority() = model.learn(Aim.AUTHORITY, "records.point-authority")

    fun use(authority: AuthorityAddress) = model.run({
        phone.useAuthority(authority)
        gathered()
    }, then = model::returned)

    // A patient

    fun begin() {
        if (phone.authority() == null) return scanAuthority()
        model.run({ own(phone.records.begin(phone.authority()!!.identity)) }, then = model::go)
    }

    /** What a lost phone is replaced with. */
    fun paper(record: String) = model.run({ Screen.Paper(phone.records.paper(record).trim().lines()) }, then = model::go)

    fun restoring() {
        if (phone.authority() == null) scanAuthority() else model.go(Screen.Restoring())
    }

    fun restore(paper: String) = model.run({ own(phone.records.restore(paper, phone.authority()!!.identity)) }, ::wrong, model::swap)

    fun open(record: String) = model.run({ own(record) }, then = model::go)

    private fun own(record: String): Screen.Record {
        val held = phone.records.all().first { it.id == record }
        val document = document(record)
        return Screen.Record(recordScreen(held, document), document?.let(::documentScreen))
    }

    fun enrol(record: String, code: String) = model.run({
        phone.records.enrol(record, code.trim())
        own(record)
    }, ::wrong, model::put)

    private fun wrong(fault: FaultScreen) {
        when (val there = model.screen) {
            is Screen.Record -> model.put(there.copy(wrong = fault.text))
            is Screen.Sharing -> model.put(there.copy(wrong = fault.text))
            is Screen.AskingFor -> model.put(there.copy(wrong = fault.text))
            is Screen.Restoring -> model.put(Screen.Restoring(fault.text))
            else -> model.go(Screen.Faulty(fault))
        }
    }

    /** A document that a doctor signed, from a file. */
    fun take(file: ByteArray) {
        val record = (model.screen as? Screen.Record)?.screen?.id ?: return
        change(record) { phone.records.take(record, file) }
    }

    /** Says what is to hold, and then makes it so: what is cut off in between goes on by itself, and is not said twice. */
    private fun change(record: String, said: () -> Unit) = model.run({
        said()
        own(record)
    }, ::wrong) { there ->
        model.returned(there)
        publish(record)
    }

    fun publish(record: String) = model.run({
        steps(record)
        own(record)
    }, then = model::returned)

    private fun steps(record: String) {
        while (fresh { phone.records.step(record) } != RecordStep.DONE) Unit
    }

    fun read() {
        val shown = model.screen as? Screen.Record ?: return
        shown.document?.let { model.go(Screen.Document(it, Screen.Source.Own(shown.screen.id))) }
    }

    // Images of a document

    fun show(image: ImageScreen) {
        val of = (model.screen as? Screen.Document)?.of ?: return
        model.run({
            val file = phone.picture(image.name)
            when (of) {
                is Screen.Source.Own -> phone.records.writeImage(of.record, image.digest, file.path)
                is Screen.Source.Asked -> clinician().writeImage(of.thread, image.digest, file.path)
            }
            Screen.Picture(image, file)
        }, then = model::go)
    }

    /** One that its author handed over in a file. With that it is shared with the part that names it. */
    fun take(image: ImageScreen, open: () -> InputStream) {
        val own = (model.screen as? Screen.Document)?.of as? Screen.Source.Own ?: return
        model.run({
            val file = phone.picture(image.name)
            // No further than its end: the core says whether it is the one.
            open().use { from -> file.outputStream().use { copy(from, it, image.bytes.toLong() + 1) } }
            phone.records.takeImage(own.record, image.digest, file.path)
            phone.forgetPictures()
            read(own)
        }) { there ->
            model.put(there)
            model.run({
                steps(own.record)
                read(own)
            }, then = model::put)
        }
    }

    /** Out of this app, to where the person wants it. */
    fun save(open: () -> OutputStream) {
        val shown = model.screen as? Screen.Picture ?: return
        model.run({ open().use { to -> shown.file.inputStream().use { it.copyTo(to) } } }) { }
    }

    private fun read(own: Screen.Source.Own) = Screen.Document(documentScreen(phone.records.document(own.record)), own)

    private fun copy(from: InputStream, to: OutputStream, most: Long) {
        val piece = ByteArray(1 shl 16)
        var left = most
        while (left > 0) {
            val read = from.read(piece, 0, left.coerceAtMost(piece.size.toLong()).toInt())
            if (read < 0) return
            to.write(piece, 0, read)
            left -= read
        }
    }

    /** For the doctor who signs: the record's number and the key of this phone. */
    fun showDoctor(record: String) = model.run({
        val key = phone.records.holder(record).joinToString("") { "%02x".format(java.util.Locale.ROOT, it) }
        Screen.Code("records.show-doctor", "records.show-doctor-text", "$record $key")
    }, then = model::go)

    fun showLink(record: String) =
        model.run({ Screen.Code("records.link", "records.link-text", phone.records.link(record)) }, then = model::go)

    fun share(record: String, thread: String? = null) =
        model.run({ Screen.Sharing(record, documentScreen(phone.records.document(record)).sections, thread) }, then = model::go)

    fun shared(policy: String, parts: List<UByte>, mode: LineMode, minutes: UInt) {
        val sharing = model.screen as? Screen.Sharing ?: return
        val (record, bytes) = sharing.record to parts.map { it.toByte() }.toByteArray()
        val thread = sharing.thread ?: return change(record) { phone.records.share(record, NewRecordLine(false, policy, mode, minutes, bytes)) }
        model.run({ fresh { phone.records.allowParts(record, thread, bytes) } }, ::wrong) {
            model.run({
                steps(record)
                phone.sync()
                asked(record)
            }, then = model::returned)
        }
    }

    fun close(record: String, label: String) = change(record) { phone.records.close(record, label) }

    fun setOpen(record: String, open: Boolean) = change(record) { phone.records.setOpen(record, open) }

    fun erasing(record: String) = model.go(Screen.RecordErasing(record))

    fun erase(record: String) = model.run({ phone.records.erase(record) }) {
        model.run({
            steps(record)
            gathered()
        }, then = model::returned)
    }

    fun accesses(record: String) = model.run({ asked(record) }, then = model::go)

    fun refresh(record: String) = model.run({
        phone.sync()
        asked(record)
    }, then = model::put)

    private fun asked(record: String) = Screen.Accesses(record, accessesScreen(fresh { phone.records.accesses(record) }))

    fun answer(record: String, thread: String, answer: AccessAnswer) {
        if (answer == AccessAnswer.ALLOW_PARTS) return share(record, thread)
        model.run({
            when (answer) {
                AccessAnswer.ALLOW -> fresh { phone.records.allow(record, thread) }
                AccessAnswer.DENY -> phone.records.deny(record, thread)
                else -> phone.records.withdraw(record, thread)
            }
            phone.sync()
            asked(record)
        }, then = model::put)
    }

    // Somebody who treats patients

    fun scanPatient() = model.learn(Aim.RECORD, "records.point-link")

    fun add(link: String) = model.run({ added(link) }, then = model::swap)

    /** A patient's code that the phone's own camera read. */
    fun linked(link: String) = model.run({ added(link) }, then = model::go)

    private fun added(link: String): Screen.Asking {
        val record = clinician().add(link)
        phone.sync()
        return asking(record)
    }

    fun ask(record: String) = model.run({ asking(record) }, then = model::go)

    fun fetchKey(record: String) = model.run({
        clinician().fetchKey()
        asking(record)
    }, then = model::put)

    private fun asking(record: String) = Screen.Asking(askScreen(record, fresh { clinician().offers(record) }, clinician().hasKey()))

    fun choose(record: String, choice: AskChoice) = model.go(Screen.AskingFor(record, choice, phone.name))

    fun send(name: String, reason: String) {
        val asking = model.screen as? Screen.AskingFor ?: return
        val choice = asking.choice
        model.run({
            phone.name = name.trim()
            val question = RecordQuestion(asking.record, choice.label, choice.isPrivate, choice.minutes, choice.purpose, reason.trim().ifEmpty { null }, name.trim())
            fresh { clinician().ask(question) }
            phone.sync()
            gathered()
        }, ::wrong, model::returned)
    }

    fun step(thread: String, record: String, step: RequestStep) {
        if (step == RequestStep.ASK_AGAIN) return ask(record)
        model.run({
            val document = when (step) {
                RequestStep.OPEN -> clinician().open(thread)
                RequestStep.READ -> clinician().read(thread)
                else -> null
            }
            when (step) {
                RequestStep.RESUME -> clinician().resume(thread)
                RequestStep.SYNC -> phone.sync()
                RequestStep.FORGET -> clinician().dismiss(thread)
                else -> Unit
            }
            gathered() to document?.let(::documentScreen)
        }) { (list, document) ->
            model.put(list)
            document?.let { model.go(Screen.Document(it, Screen.Source.Asked(thread))) }
        }
    }

    private fun clinician() = phone.clinician() ?: throw CountersignException.KeyNeeded()
}
