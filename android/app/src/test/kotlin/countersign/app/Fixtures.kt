package countersign.app

import countersign.core.Answer
import countersign.core.Argument
import countersign.core.Carried
import countersign.core.Cause
import countersign.core.Clock
import countersign.core.CountersignException
import countersign.core.Delivery
import countersign.core.Event
import countersign.core.Fault
import countersign.core.Handover
import countersign.core.Kept
import countersign.core.Knowledge
import countersign.core.KnownLog
import countersign.core.Membership
import countersign.core.NextStep
import countersign.core.Offer
import countersign.core.Outgoing
import countersign.core.Packed
import countersign.core.Product
import countersign.core.ProofScreen
import countersign.core.Register
import countersign.core.ReportLine
import countersign.core.Scanned
import countersign.core.Seen
import countersign.core.Settings
import countersign.core.Text
import countersign.core.Value
import countersign.core.VerdictKind
import countersign.core.faultScreen
import countersign.core.goodsText
import countersign.core.handoverScreen
import countersign.core.offerScreen
import countersign.core.outgoingScreen
import countersign.core.verdictScreen

/** Every screen in each of its states, with the same content every time. What the core decides, it decides here too. */
object Fixtures {
    private const val CLASS = "https://id.gs1.org/01/09506000134352"
    private const val PACK = "$CLASS/10/NW2611A/21/PGH46ZQFH5"
    private const val UNIT = "https://id.gs1.org/00/095060001343520017"
    private const val NOON = 1_795_694_400_000uL
    private const val DAY = 86_400_000uL
    private fun spiffe(role: String, name: String) = "spiffe://meds.example/$role/$name"
    private fun party(role: String, name: String) = Value.Party(name, role)
    private val maker = spiffe("manufacturer", "northwind-pharma")
    private val agency = spiffe("authority", "medicines-agency")
    private val wholesaler = spiffe("distributor", "fabrikam-logistics")

    private fun event(days: Long, kind: String, by: String, to: String? = null, order: Boolean = true, void: Boolean = false, unit: Packed? = null, late: ULong? = null) =
        Event(NOON - (days.toULong() * DAY), late, "medicine.$kind", by, to, unit, null, "00", order, void)

    private val history = listOf(
        event(90, "certificate", agency),
        event(80, "material", spiffe("supplier", "alpine-chemicals"), maker),
        event(60, "approval", agency, maker),
        event(50, "commission", maker),
        event(40, "distribution", maker, wholesaler, unit = Packed(48uL, 3uL)),
        event(20, "sales-status", wholesaler, maker, late = NOON - 2uL * DAY),
    )

    private fun reason(key: String, vararg arguments: Pair<String, Value>) = Text(key, arguments.map { (name, value) -> Argument(name, value) })

    private fun verdict(
        kind: VerdictKind,
        vararg reasons: Text,
        way: List<Event> = history,
        accountable: String? = null,
        readings: List<Product> = emptyList(),
        age: ULong? = 3uL * 3_600_000uL,
        clock: Clock = Clock.Trusted,
        followed: Boolean = true,
    ): Screen.Verdict {
        val expires = NOON + 700uL * DAY
        val answer = Answer(
            verdict = kind, reasons = reasons.toList(), product = Product(CLASS, PACK, "PGH46ZQFH5", expires), expiresMillis = expires,
            readings = readings, accountable = accountable, history = way, checkpoint = 38uL.takeIf { followed }, asOfMillis = NOON.takeIf { followed },
            logs = if (followed) listOf(KnownLog("supply", 38uL, NOON), KnownLog("trust", 9uL, NOON)) else emptyList(), ageMillis = age, clock = clock,
        )
        return Screen.Verdict(verdictScreen(answer))
    }

    private val authentic = verdict(VerdictKind.AUTHENTIC)
    private val recalled = reason("recalled", "party" to party("authority", "medicines-agency"), "at" to Value.Time(NOON), "why" to Value.Text("particles found"))

    private val offer = Offer(
        message = ByteArray(0), goods = UNIT, giver = wholesaler, place = "Gare du Nord", issuedMillis = NOON, expiresMillis = NOON + 600_000uL,
        hops = 2u, unit = Packed(48uL, 3uL), listsPacks = false, contradicts = false,
    )
    private val warned = offer.copy(contradicts = true)
    private val given = Handover("00", UNIT, true, codes("offer", 7), NOON)
    private val received = Handover("01", UNIT, false, codes("answer", 1), NOON)

    /** Texts of the length that real ones have. */
    private fun codes(name: String, count: Int) = List(count) { "UR:BYTES/${it + 1}-$count/" + "LPADAXCFAXIACYVWHDFHNDHKADCLHKAX".repeat(20) + name.uppercase(java.util.Locale.ROOT) }

    private val settings = Settings(
        listOf(Membership("signing", spiffe("courier", "ana"), NOON + 300uL * DAY)), "https://ledger.example:7443",
        Knowledge("meds.example", 38uL, NOON, 3_600_000uL, Clock.Trusted, false, 0uL), 12uL, 4_200_000uL,
    )

    private fun scanned(link: String, verdict: VerdictKind, title: String) =
        Scanned(link, goodsText(link), verdict, Text(title, emptyList()), reason("history.scanned", "at" to Value.Moment(NOON)), authentic.screen.expires, false)

    private fun outgoing(id: String, kind: String, delivery: Delivery, cause: Cause? = null) =
        outgoingScreen(Outgoing(id, UNIT, "medicine.$kind", NOON, delivery, cause, 2u, NOON))

    private fun failed(error: CountersignException) = Screen.Faulty(faultScreen(Fault.Failed(error)))

    val SCREENS: Map<String, Screen> by lazy { OWN + RecordFixtures.SCREENS + BedsideFixtures.SCREENS + DomainFixtures.SCREENS }

    private val OWN: Map<String, Screen> = linkedMapOf(
        "start" to Screen.Start,
        "pin" to Screen.Pin(Register("meds.example", "https://ledger.example", ByteArray(0), listOf("able", "acid", "also", "apex", "aqua", "arch", "atom", "aunt", "away", "axis", "back", "bald"))),
        "home" to Screen.Home(false),
        "home-examples" to Screen.Home(true),
        "scan" to Screen.Eye(Aim.PACK, "scan.point"),
        "scan-hold-still" to Screen.Eye(Aim.PACK, "scan.hold-still", light = true),
        "scan-progress" to Screen.Eye(Aim.TAKE, "take.scan-offer", have = 4, need = 7),
        "scan-damage" to Screen.Eye(Aim.DAMAGE, "take.damaged"),
        "type" to Screen.Typing(Aim.PACK),
        "type-wrong" to Screen.Typing(Aim.PACK, Text("fault.invalid-code", emptyList())),
        "authentic" to authentic,
        "authentic-kept" to authentic.copy(kept = true),
        "recalled" to verdict(VerdictKind.ATTENTION, recalled, way = history + event(0, "recall", agency)),
        "dispensed" to verdict(VerdictKind.ATTENTION, reason("dispensed", "party" to party("pharmacy", "corner"), "at" to Value.Time(NOON))),
        "suspect" to verdict(
            VerdictKind.SUSPECT,
            reason("broken-history", "step" to Value.Step("step.sales-status")),
            reason("expiry-mismatch", "label" to Value.Time(NOON + 700uL * DAY), "stated" to Value.Time(NOON + 300uL * DAY)),
            way = history.dropLast(1) + event(20, "sales-status", wholesaler, maker, order = false) + event(10, "dispense", spiffe("pharmacy", "excluded"), void = true),
            accountable = wholesaler,
        ).copy(reports = true),
        "check-scan" to verdict(
            VerdictKind.CHECK_SCAN, reason("separator-lost"), way = emptyList(),
            readings = listOf(Product(CLASS, PACK, "PGH46ZQFH5", null), Product(CLASS, "$CLASS/10/NW2611/21/APGH46ZQFH5", "APGH46ZQFH5", null)),
        ),
        "not-followed" to verdict(VerdictKind.CANNOT_TELL, reason("not-followed"), way = emptyList(), age = null, followed = false),
        "too-old" to verdict(VerdictKind.CANNOT_TELL, reason("snapshot-too-old", "days" to Value.Number(9uL)), age = 9uL * DAY),
        "clock-wrong" to verdict(VerdictKind.CANNOT_TELL, reason("clock-behind", "at" to Value.Moment(NOON)), age = null, clock = Clock.Behind(NOON)),
        "rests" to Screen.Rests(authentic.screen.rests, damaged = false, contradictions = false),
        "rests-warns" to Screen.Rests(authentic.screen.rests, damaged = true, contradictions = true),
        "medicines" to Screen.Medicines(
            listOf(
                Kept(PACK, goodsText(PACK), VerdictKind.AUTHENTIC, Text("verdict.all-in-order", emptyList()), authentic.screen.expires),
                Kept("$CLASS/10/L2/21/T1", goodsText("$CLASS/10/L2/21/T1"), VerdictKind.ATTENTION, recalled.copy(key = "reason.recalled"), authentic.screen.expires),
                Kept("$CLASS/10/L3/21/U1", goodsText("$CLASS/10/L3/21/U1"), null, Text("medicines.fetching", emptyList()), null),
            ),
        ),
        "authentic-seen" to authentic.copy(
            seen = Seen(reason("seen.before", "at" to Value.Time(NOON)), reason("seen.given-out-before", "party" to party("pharmacy", "corner"), "at" to Value.Time(NOON))),
        ),
        "history" to Screen.History(
            listOf(scanned(PACK, VerdictKind.AUTHENTIC, "verdict.authentic"), scanned("$CLASS/10/L2/21/T1", VerdictKind.SUSPECT, "verdict.suspect")), true,
        ),
        "history-off" to Screen.History(emptyList(), false),
        "report" to Screen.Reporting(PACK, goodsText(PACK), ByteArray(0), Text("fault.invalid-report", emptyList())),
        "reports" to Screen.Reports(
            listOf(
                ReportLine("0", reason("report.written", "at" to Value.Moment(NOON)), Text("report.waiting", emptyList()), false),
                ReportLine("1", reason("report.written", "at" to Value.Moment(NOON - DAY)), Text("report.received", emptyList()), true),
            ),
        ),
        "reports-none" to Screen.Reports(emptyList()),
        "medicines-empty" to Screen.Medicines(emptyList()),
        "carry" to Screen.Carry(
            listOf(
                Carried(UNIT, goodsText(UNIT), Text("carry.mine", emptyList()), true),
                Carried("https://id.gs1.org/00/095060001343520024", goodsText("https://id.gs1.org/00/095060001343520024"), reason("carry.with", "party" to party("courier", "bruno")), false),
            ),
            listOf(given), 3,
        ),
        "carry-empty" to Screen.Carry(emptyList(), emptyList(), 0),
        "enrol" to Screen.Enrol(),
        "enrol-refused" to Screen.Enrol(Text("refused.enrol-code", emptyList())),
        "offered" to Screen.Offered(offer, offerScreen(offer), listOf(UNIT)),
        "offered-warns" to Screen.Offered(warned, offerScreen(warned), listOf(UNIT)),
        "refuse" to Screen.Refusing(offer, listOf(UNIT)),
        "show-offer" to Screen.Showing(given, handoverScreen(given)),
        "show-answer" to Screen.Showing(received, handoverScreen(received)),
        "done" to Screen.Done(goodsText(UNIT), UNIT),
        "proof" to Screen.Proof(
            ProofScreen(
                goodsText(UNIT),
                listOf(
                    reason("proof.signed", "party" to party("courier", "ana"), "at" to Value.Moment(NOON)),
                    reason("proof.signed", "party" to party("courier", "bruno"), "at" to Value.Moment(NOON + 4_000uL)),
                    reason("proof.condition", "condition" to Value.Step("proof.intact")),
                    reason("take.place", "place" to Value.Text("48.88, 2.36")),
                ),
                Text("proof.recorded", emptyList()), reason("proof.number", "number" to Value.Text("9f2c".repeat(16))), authentic.screen.way.takeLast(2),
            ),
            null,
        ),
        "outbox" to Screen.Outbox(
            listOf(
                outgoing("0", "handover", Delivery.Waiting),
                outgoing("1", "handover", Delivery.Sent),
                outgoing("2", "handover", Delivery.Refused("custody-conflict", NextStep.CONFLICT_RECORDED)),
                outgoing("3", "refusal", Delivery.Refused("follows-refused", NextStep.HAND_OVER_AGAIN), Cause("2", "custody-conflict")),
            ),
        ),
        "outbox-empty" to Screen.Outbox(emptyList()),
        "settings" to Screen.Preferences(settings),
        "settings-wrong-node" to Screen.Preferences(settings, place = true, wrong = Text("fault.invalid-address", emptyList())),
        "erase" to Screen.Erasing,
        "fault-camera-denied" to Screen.Faulty(faultScreen(Fault.CameraDenied)),
        "fault-camera-busy" to Screen.Faulty(faultScreen(Fault.CameraBusy)),
        "fault-node-gone" to failed(CountersignException.Retry(null)),
        "fault-refused" to failed(CountersignException.Refused("goods-differ")),
        "fault-cancelled" to failed(CountersignException.Cancelled()),
        "fault-key-needed" to failed(CountersignException.KeyNeeded()),
        "fault-key-store" to failed(CountersignException.KeyStoreFailed()),
        "fault-distrusted" to failed(CountersignException.Distrusted()),
        "fault-clock" to failed(CountersignException.Clock()),
        "fault-storage" to failed(CountersignException.Storage()),
        "fault-not-pinned" to Screen.Faulty(faultScreen(Fault.NotPinned)),
        "fault-other-register" to Screen.Faulty(faultScreen(Fault.OtherRegister("meds.example"))),
    )

    /** The screens of the contact sheet, in the order in which a person meets them. */
    val SHEET = listOf(
        "start", "pin", "home", "scan", "authentic", "recalled", "suspect", "check-scan", "not-followed", "medicines",
        "carry", "scan-progress", "offered", "show-offer", "done", "proof", "outbox", "record", "accesses", "ask",
        "document", "session", "command", "domains", "licence-granted", "trace", "looked",
    )
}
