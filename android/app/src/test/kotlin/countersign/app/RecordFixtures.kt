package countersign.app

import countersign.app.Tour.NOON
import countersign.app.Tour.RECORD
import countersign.app.Tour.accesses
import countersign.app.Tour.asking
import countersign.app.Tour.links
import countersign.app.Tour.offers
import countersign.app.Tour.own
import countersign.app.Tour.record
import countersign.app.Tour.request
import countersign.app.Tour.shown
import countersign.app.Tour.whole
import countersign.core.AccessState
import countersign.core.RecordAccesses
import countersign.core.Text
import countersign.core.accessesScreen
import countersign.core.askScreen
import countersign.core.documentScreen
import countersign.core.recordScreen
import java.io.File

/** The screens of medical records. */
object RecordFixtures {
    val SCREENS: Map<String, Screen> = linkedMapOf(
        "records-begin" to Screen.Records(emptyList(), null),
        "records" to Screen.Records(
            listOf(own),
            Screen.Clinic(
                listOf(RECORD),
                listOf(
                    request(AccessState.GRANTED, kept = true), request(AccessState.WAITING), request(null), request(AccessState.DENIED), request(AccessState.WITHDRAWN),
                    request(AccessState.ENDED),
                ),
            ),
        ),
        "record-enrol" to Screen.Record(recordScreen(record.copy(region = null, version = null, lines = emptyList()), null), null, Text("refused.record-other-owner", emptyList())),
        "record-empty" to Screen.Record(recordScreen(record.copy(version = null, lines = emptyList()), null), null),
        "record-changing" to Screen.Record(recordScreen(record.copy(lines = emptyList(), changingTo = emptyList(), open = false), whole), documentScreen(whole)),
        "record" to Screen.Record(own, documentScreen(whole)),
        "record-erase" to Screen.RecordErasing(RECORD),
        "record-code" to Screen.Code("records.link", "records.link-text", "countersign-record:1:" + "hFAAESIzRFVmd4iZqrvM3e7_".repeat(5)),
        "record-share" to Screen.Sharing(RECORD, documentScreen(whole).sections, null, Text("fault.invalid-policy", emptyList())),
        "record-allow-parts" to Screen.Sharing(RECORD, documentScreen(whole).sections, "t"),
        "record-links" to Screen.Links(RECORD, links),
        "record-links-none" to Screen.Links(RECORD, emptyList()),
        "record-link-making" to Screen.Linking(RECORD, documentScreen(whole).sections, Text("refused.link-passcode", emptyList())),
        "record-linked" to Screen.Linked(RECORD, links.first()),
        "accesses" to Screen.Accesses(RECORD, accessesScreen(accesses)),
        "accesses-none" to Screen.Accesses(RECORD, accessesScreen(RecordAccesses(emptyList(), 0uL, NOON))),
        "record-paper" to Screen.Paper(List(7) { "QF7K-2MXA-9PLD-${it}TRC" }),
        "record-restore" to Screen.Restoring(Text("fault.invalid-paper", emptyList())),
        "document-unsigned" to Screen.Document(documentScreen(whole.copy(signer = "", version = 0uL))),
        "document-own" to Screen.Document(documentScreen(whole)),
        "document" to Screen.Document(documentScreen(shown)),
        "document-in-error" to Screen.Document(documentScreen(shown.copy(status = "entered-in-error", patient = "", sections = emptyList(), withheld = 0u, notDelivered = 0u))),
        "image" to Screen.Picture(image("image/png"), File("src/test/pictures/light/done.png")),
        "image-not-drawn" to Screen.Picture(image("image/dicom"), File("none")),
        "ask" to Screen.Asking(asking),
        "ask-no-key" to Screen.Asking(askScreen(RECORD, offers.map { it.copy(fits = false) }, false)),
        "ask-for" to Screen.AskingFor(RECORD, asking.choices.first(), "Dr. Ada"),
        "ask-for-emergency" to Screen.AskingFor(RECORD, asking.choices.last(), "Dr. Ada", Text("fault.invalid-reason", emptyList())),
        "scan-patient" to Screen.Eye(Aim.RECORD, "records.point-link"),
    )

    private fun image(type: String) = whole.copy(images = whole.images.map { it.copy(mediaType = type, available = true) })
        .let { document -> documentScreen(document).sections.flatMap { it.images }.single() }
}
