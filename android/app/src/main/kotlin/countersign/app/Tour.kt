package countersign.app

import countersign.core.AccessState
import countersign.core.Argument
import countersign.core.Carried
import countersign.core.Delivery
import countersign.core.Handover
import countersign.core.LineMode
import countersign.core.MedicalDocument
import countersign.core.MedicalImage
import countersign.core.MedicalRecord
import countersign.core.MedicalSection
import countersign.core.Offer
import countersign.core.Outgoing
import countersign.core.Packed
import countersign.core.ProofScreen
import countersign.core.RecordAccess
import countersign.core.RecordAccesses
import countersign.core.RecordLine
import countersign.core.RecordOffer
import countersign.core.RecordRequest
import countersign.core.RecordRequester
import countersign.core.SectionState
import countersign.core.Text
import countersign.core.SharedLink
import countersign.core.Value
import countersign.core.accessesScreen
import countersign.core.askScreen
import countersign.core.documentScreen
import countersign.core.goodsText
import countersign.core.handoverScreen
import countersign.core.offerScreen
import countersign.core.outgoingScreen
import countersign.core.recordScreen
import countersign.core.requestScreen
import countersign.core.sharedLinkScreen

/**
 * The screens of a person's tasks one after the other, with made-up content: for those who have no register. What the core
 * decides, it decides here too.
 */
object Tour {
    const val NOON = 1_795_694_400_000uL
    private const val HOUR = 3_600_000uL
    const val RECORD = "7c1e9a5504b2d3f8a6e1c09b27d4f311"
    private const val ADA = "spiffe://meds.example/doctor/ada"
    private const val CLINICS = "spiffe://meds.example/attribute-authority/clinics"

    private fun section(part: Int, title: String, state: SectionState = SectionState.Present, lines: List<String> = emptyList(), marks: List<Text> = emptyList()) =
        MedicalSection(part.toUByte(), null, title, state, null, lines, marks)

    val whole = MedicalDocument(
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
        listOf(MedicalImage(6u, "00", "https://images.example/1", "image/dicom", 2_400_000uL, false)), 0u, 0u, null, null,
    )
    val shown = whole.copy(
        status = "amended", sections = whole.sections.filter { it.part != 3.toUByte() }, withheld = 1u, notDelivered = 1u, untilMillis = NOON + 24uL * HOUR, fetchedMillis = NOON,
    )

    private fun line(policy: String, mode: LineMode, minutes: UInt, vararg parts: Byte) = RecordLine("00", false, policy, mode, minutes, parts)

    val record = MedicalRecord(
        RECORD, "meds.example", 1uL, true,
        listOf(
            line("role: cardiologist and hospital: north", LineMode.AT_ONCE, 1440u, 3, 4, 6),
            line("role: nurse or role: pharmacist", LineMode.ASK, 60u, 4),
            line("role: physician", LineMode.EMERGENCY, 60u, 3, 4, 5, 6, 7, 8, 9),
            line("member: $ADA", LineMode.ASK, 43_200u),
        ),
        null, true, false,
    )

    private fun access(state: AccessState, delivered: List<ULong>, reason: String? = null, policy: String? = "role: cardiologist", emergency: Boolean = false, named: Boolean = true, fault: String? = null, unrecorded: Boolean = false) =
        RecordAccess(
            "t", NOON, CLINICS, RecordRequester(ADA, "Dr. Ada", if (emergency) "ETREAT" else "TREAT", reason).takeIf { named }, null, policy, emergency, NOON + HOUR, state,
            delivered, fault, unrecorded,
        )

    val accesses = RecordAccesses(
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
    val offers = listOf(
        offer("role: cardiologist and hospital: north", LineMode.AT_ONCE, true), offer("role: nurse or role: pharmacist", LineMode.ASK, false),
        offer("role: physician", LineMode.EMERGENCY, true),
    )
    val asking = askScreen(RECORD, offers, true)

    fun request(state: AccessState?, kept: Boolean = false) = requestScreen(RecordRequest("t", RECORD, NOON + HOUR, state, kept), if (kept) shown else null)

    val own = recordScreen(record, whole)

    private fun byLink(name: String, label: String?, passcode: Boolean, vararg parts: Byte) =
        sharedLinkScreen(SharedLink(name, "shlink:/" + "eyJ1cmwiOiJodHRwczovL3N0b3JlLmV4YW1wbGUv".repeat(5), label, NOON + 7uL * 24uL * HOUR, passcode, 1uL, parts), whole)
    val links = listOf(byLink("1", "For Dr. Grace", false, 4, 6), byLink("2", null, true, 3))


    private const val UNIT = "https://id.gs1.org/00/095060001343520017"
    private val offer = Offer(
        ByteArray(0), UNIT, "spiffe://meds.example/distributor/fabrikam-logistics", "Gare du Nord", NOON, NOON + HOUR, 2u, Packed(48uL, 3uL), listsPacks = false, contradicts = false,
    )
    private val received = Handover("01", UNIT, false, listOf("CS1:" + "LPADAXCFAXIACYVW".repeat(30)), NOON)
    private val proof = ProofScreen(
        goodsText(UNIT),
        listOf(
            text("proof.signed", "party" to Value.Party("fabrikam-logistics", "distributor"), "at" to Value.Moment(NOON)),
            text("proof.signed", "party" to Value.Party("bruno", "courier"), "at" to Value.Moment(NOON + 4_000uL)),
            text("proof.condition", "condition" to Value.Step("proof.intact")),
            text("take.place", "place" to Value.Text("48.88, 2.36")),
        ),
        text("proof.recorded"), text("proof.number", "number" to Value.Text("9f2c".repeat(16))), emptyList(),
    )

    private fun text(key: String, vararg arguments: Pair<String, Value>) = Text(key, arguments.map { (name, value) -> Argument(name, value) })

    /** By the key of its title. */
    val TASKS: Map<String, List<Screen>> by lazy {
        mapOf(
            "home.carry" to listOf(
                Screen.Carry(listOf(Carried(UNIT, goodsText(UNIT), text("carry.mine"), true)), emptyList(), 1),
                Screen.Offered(offer, offerScreen(offer), listOf(UNIT)),
                Screen.Showing(received, handoverScreen(received)),
                Screen.Done(goodsText(UNIT), UNIT),
                Screen.Proof(proof, null),
                Screen.Outbox(listOf(outgoingScreen(Outgoing("0", UNIT, "medicine.handover", NOON, Delivery.Waiting, null, 0u, NOON)))),
            ),
            "records.mine" to listOf(
                Screen.Record(own, documentScreen(whole)),
                Screen.Document(documentScreen(whole), Screen.Source.Own(RECORD)),
                Screen.Sharing(RECORD, documentScreen(whole).sections, null),
                Screen.Accesses(RECORD, accessesScreen(accesses)),
                Screen.Links(RECORD, links),
                Screen.Linked(RECORD, links.first()),
            ),
            "records.patients" to listOf(
                Screen.Records(emptyList(), Screen.Clinic(listOf(RECORD), listOf(request(AccessState.GRANTED), request(AccessState.WAITING)))),
                Screen.Asking(asking),
                Screen.AskingFor(RECORD, asking.choices.last(), "Dr. Ada"),
                Screen.Document(documentScreen(shown), Screen.Source.Asked("t")),
            ),
            "home.ward" to BedsideTour.SCREENS,
            "home.domains" to DomainTour.SCREENS,
        )
    }
}
