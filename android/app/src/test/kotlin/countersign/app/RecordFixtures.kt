package countersign.app

import countersign.core.AccessState
import countersign.core.LineMode
import countersign.core.MedicalDocument
import countersign.core.MedicalRecord
import countersign.core.MedicalSection
import countersign.core.RecordAccess
import countersign.core.RecordAccesses
import countersign.core.RecordLine
import countersign.core.RecordOffer
import countersign.core.RecordRequest
import countersign.core.RecordRequester
import countersign.core.SectionState
import countersign.core.Text
import countersign.core.accessesScreen
import countersign.core.askScreen
import countersign.core.documentScreen
import countersign.core.recordScreen
import countersign.core.requestScreen

/** The screens of medical records. */
object RecordFixtures {
    private const val NOON = 1_795_694_400_000uL
    private const val HOUR = 3_600_000uL
    private const val RECORD = "7c1e9a5504b2d3f8a6e1c09b27d4f311"
    private const val ADA = "spiffe://meds.example/doctor/ada"
    private const val CLINICS = "spiffe://meds.example/attribute-authority/clinics"

    private fun section(part: Int, title: String, state: SectionState = SectionState.Present, lines: List<String> = emptyList(), marks: List<Text> = emptyList()) =
        MedicalSection(part.toUByte(), null, title, state, null, lines, marks)

    private val whole = MedicalDocument(
        "Patient summary", "2026-01-02", "final", "Jane Roe", "1970-01-01", listOf("Dr. Grace"), "spiffe://meds.example/doctor/grace", 1uL,
        listOf(
            section(3, "Problems", lines = listOf("Diabetes mellitus type 2", "Hypertension")),
            section(4, "Medication", lines = listOf("Metformin 500 mg, twice a day", "Ramipril 5 mg, once a day")),
            section(5, "Allergies", SectionState.Empty("no information available")),
            section(6, "Results", lines = listOf("Glucose: 7.10 mmol/L"), marks = listOf(Text("section.entries-only", emptyList()))),
            section(7, "Social history", SectionState.Withheld("withheld")),
            section(8, "Devices", SectionState.Empty(null)),
            section(9, "Immunizations", SectionState.Empty(null)),
        ),
        0u, 0u, null, null,
    )
    private val shown = whole.copy(
        status = "amended", sections = whole.sections.filter { it.part != 3.toUByte() }, withheld = 1u, notDelivered = 1u, untilMillis = NOON + 24uL * HOUR, fetchedMillis = NOON,
    )

    private fun line(policy: String, mode: LineMode, minutes: UInt, vararg parts: Byte) = RecordLine("00", false, policy, mode, minutes, parts)

    private val record = MedicalRecord(
        RECORD, "meds.example", 1uL, true,
        listOf(
            line("role: cardiologist and hospital: north", LineMode.AT_ONCE, 1440u, 3, 4, 6),
            line("role: nurse or role: pharmacist", LineMode.ASK, 60u, 4),
            line("role: physician", LineMode.EMERGENCY, 60u, 3, 4, 5, 6, 7, 8, 9),
            line("member: $ADA", LineMode.ASK, 43_200u),
        ),
        null, true,
    )

    private fun access(state: AccessState, delivered: List<ULong>, reason: String? = null, policy: String? = "role: cardiologist", emergency: Boolean = false, named: Boolean = true, fault: String? = null, unrecorded: Boolean = false) =
        RecordAccess(
            "t", NOON, CLINICS, RecordRequester(ADA, "Dr. Ada", if (emergency) "ETREAT" else "TREAT", reason).takeIf { named }, null, policy, emergency, NOON + HOUR, state,
            delivered, fault, unrecorded,
        )

    private val accesses = RecordAccesses(
        listOf(
            access(AccessState.GRANTED, listOf(NOON), "not conscious", "role: physician", emergency = true),
            access(AccessState.WAITING, emptyList(), "ward round", policy = null),
            access(AccessState.WAITING, emptyList()),
            access(AccessState.GRANTED, listOf(NOON, NOON + 60_000uL)),
            access(AccessState.WITHDRAWN, listOf(NOON), unrecorded = true),
            access(AccessState.ENDED, emptyList(), named = false, fault = "a delivery after its end"),
        ),
        3uL, NOON,
    )

    private fun offer(policy: String, mode: LineMode, fits: Boolean) = RecordOffer("00", false, policy, mode, 1440u, fits)
    private val offers = listOf(
        offer("role: cardiologist and hospital: north", LineMode.AT_ONCE, true), offer("role: nurse or role: pharmacist", LineMode.ASK, false),
        offer("role: physician", LineMode.EMERGENCY, true),
    )
    private val asking = askScreen(RECORD, offers, true)

    private fun request(state: AccessState?, kept: Boolean = false) = requestScreen(RecordRequest("t", RECORD, NOON + HOUR, state, kept), if (kept) shown else null)

    private val own = recordScreen(record, whole)

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
        "accesses" to Screen.Accesses(RECORD, accessesScreen(accesses)),
        "accesses-none" to Screen.Accesses(RECORD, accessesScreen(RecordAccesses(emptyList(), 0uL, NOON))),
        "document-own" to Screen.Document(documentScreen(whole)),
        "document" to Screen.Document(documentScreen(shown)),
        "document-in-error" to Screen.Document(documentScreen(shown.copy(status = "entered-in-error", patient = "", sections = emptyList(), withheld = 0u, notDelivered = 0u))),
        "ask" to Screen.Asking(asking),
        "ask-no-key" to Screen.Asking(askScreen(RECORD, offers.map { it.copy(fits = false) }, false)),
        "ask-for" to Screen.AskingFor(RECORD, asking.choices.first(), "Dr. Ada"),
        "ask-for-emergency" to Screen.AskingFor(RECORD, asking.choices.last(), "Dr. Ada", Text("fault.invalid-reason", emptyList())),
        "scan-patient" to Screen.Eye(Aim.RECORD, "records.point-link"),
    )
}
