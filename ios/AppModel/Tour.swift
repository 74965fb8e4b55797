import Countersign
import Foundation

/// The screens of a person's tasks one after the other, with made-up content: for those who have no register. What the core
/// decides, it decides here too.
enum Tour {
    private static let noon: UInt64 = 1_795_694_400_000
    private static let hour: UInt64 = 3_600_000
    private static let unit = "https://id.gs1.org/00/095060001343520017"
    private static let record = "7c1e9a5504b2d3f8a6e1c09b27d4f311"
    private static let ada = "spiffe://meds.example/doctor/ada"

    /// By the key of the task's title, in the order in which they are offered.
    static let tasks: [(key: String, screens: [Screen])] = [
        ("home.carry", carrying), ("records.mine", own), ("records.patients", patients),
        ("home.ward", BedsideTour.screens), ("home.domains", DomainTour.screens),
    ]

    private static let carrying: [Screen] = {
        let offer = Offer(
            message: Data(), goods: unit, giver: "spiffe://meds.example/distributor/fabrikam-logistics",
            place: "Gare du Nord", issuedMillis: noon, expiresMillis: noon + hour, hops: 2,
            unit: Packed(packs: 48, scanned: 3), listsPacks: false, contradicts: false)
        let code = "CS1:" + String(repeating: "LPADAXCFAXIACYVW", count: 30)
        let handover = Handover(id: "01", goods: unit, gives: false, codes: [code], expiresMillis: noon)
        let waiting = Outgoing(
            id: "0", goods: unit, kind: "medicine.handover", signedMillis: noon, delivery: .waiting, cause: nil,
            tries: 0,
            dueMillis: noon)
        let goods = goodsText(link: unit)
        let held = Carried(link: unit, goods: goods, holder: text("carry.mine"), mine: true)
        return [
            .carry(Carry(goods: [held], pending: [], outgoing: 1)),
            .offered(Offered(screen: offerScreen(offer: offer), offer: offer, goods: [unit])),
            .showing(Showing(screen: handoverScreen(handover: handover), handover: handover)),
            .done(Done(goods: goods, link: unit)),
            .proof(Proof(screen: proof, file: nil)),
            .outbox([outgoingScreen(outgoing: waiting)]),
        ]
    }()

    private static let proof = ProofScreen(
        goods: goodsText(link: unit),
        lines: [
            text(
                "proof.signed", ("party", .party(name: "fabrikam-logistics", role: "distributor")),
                ("at", .moment(noon))),
            text("proof.signed", ("party", .party(name: "bruno", role: "courier")), ("at", .moment(noon + 4000))),
            text("proof.condition", ("condition", .step("proof.intact"))),
            text("take.place", ("place", .text("48.88, 2.36"))),
        ],
        recorded: text("proof.recorded"),
        number: text("proof.number", ("number", .text(String(repeating: "9f2c", count: 16)))), way: [])

    private static let own: [Screen] = {
        let lines = [
            line("role: cardiologist and hospital: north", .atOnce, 1440, 3, 4, 6),
            line("role: nurse or role: pharmacist", .ask, 60, 4),
            line("role: physician", .emergency, 60, 3, 4, 5, 6, 7),
            line("member: \(ada)", .ask, 43_200),
        ]
        let held = MedicalRecord(
            id: record, region: "meds.example", version: 1, open: true, lines: lines, changingTo: nil, published: true,
            restoring: false)
        let accesses = RecordAccesses(
            list: [
                access(.granted, seen: [noon], reason: "not conscious", policy: "role: physician", emergency: true),
                access(.waiting, reason: "ward round"),
                access(.waiting, policy: "role: cardiologist"),
                access(.granted, seen: [noon, noon + 60_000], policy: "role: cardiologist"),
            ],
            unread: 3, completeMillis: noon)
        let shown = documentScreen(document: document())
        let screen = recordScreen(record: held, document: document())
        let url = "shlink:/" + String(repeating: "eyJ1cmwiOiJodHRwczovL3N0b3JlLmV4YW1wbGUv", count: 5)
        let shared = SharedLink(
            name: "1", link: url, label: "For Dr. Grace", untilMillis: noon + 168 * hour, passcode: false, version: 1,
            parts: Data([4, 6]))
        let link = sharedLinkScreen(link: shared, document: document())
        return [
            .record(Record(screen: screen, document: shown, isOpen: true)),
            .document(shown, of: .own(record)),
            .sharing(Sharing(record: record, sections: shown.sections, thread: nil)),
            .accesses(Accesses(record: record, screen: accessesScreen(accesses: accesses))),
            .links(Links(record: record, links: [link])),
            .linked(Linked(record: record, screen: link)),
        ]
    }()

    private static let patients: [Screen] = {
        let requests = [AccessState.granted, .waiting].map { state in
            let request = RecordRequest(
                thread: "\(state)", record: record, untilMillis: noon + hour, state: state, kept: false)
            return requestScreen(request: request, kept: nil)
        }
        let offers = [
            offer("role: cardiologist and hospital: north", .atOnce, fits: true),
            offer("role: nurse or role: pharmacist", .ask, fits: false),
            offer("role: physician", .emergency, fits: true),
        ]
        let asking = askScreen(record: record, offers: offers, hasKey: true)
        let read = document(withheld: 1, until: noon + 24 * hour)
        return [
            .records(Medical(own: [], clinic: Clinic(patients: [record], requests: requests))),
            .asking(asking),
            .document(documentScreen(document: read), of: .asked("")),
        ] + asking.choices.suffix(1).map { .askingFor(Question(record: record, choice: $0, name: "Dr. Ada")) }
    }()

    private static func document(withheld: UInt32 = 0, until: UInt64? = nil) -> MedicalDocument {
        MedicalDocument(
            title: "Patient summary", date: "2026-01-02", status: "final", patient: "Jane Roe", birthDate: "1970-01-01",
            authors: ["Dr. Grace"], signer: "spiffe://meds.example/doctor/grace", version: 1,
            sections: [
                section(3, "Problems", ["Diabetes mellitus type 2", "Hypertension"]),
                section(4, "Medication", ["Metformin 500 mg, twice a day", "Ramipril 5 mg, once a day"]),
                section(5, "Allergies", state: .empty(reason: "no information available")),
                section(6, "Results", ["Glucose: 7.10 mmol/L"]),
                section(7, "Social history", state: .withheld(reason: "withheld")),
                section(8, "Devices", state: .empty(reason: nil)),
            ],
            images: [image], withheld: withheld, notDelivered: 0, untilMillis: until, fetchedMillis: until.map { _ in noon })
    }

    private static let image = MedicalImage(
        part: 6, digest: "00", locator: "https://images.example/1", mediaType: "image/dicom", bytes: 2_400_000,
        available: false)

    private static func section(
        _ part: UInt8, _ title: String, _ lines: [String] = [], state: SectionState = .present
    ) -> MedicalSection {
        MedicalSection(part: part, code: nil, title: title, state: state, text: nil, lines: lines, marks: [])
    }

    private static func line(_ policy: String, _ mode: LineMode, _ minutes: UInt32, _ parts: UInt8...) -> RecordLine {
        RecordLine(label: policy, isPrivate: false, policy: policy, mode: mode, minutes: minutes, parts: Data(parts))
    }

    private static func access(
        _ state: AccessState, seen: [UInt64] = [], reason: String? = nil, policy: String? = nil, emergency: Bool = false
    ) -> RecordAccess {
        let purpose = emergency ? "ETREAT" : "TREAT"
        return RecordAccess(
            thread: "\(state) \(policy ?? "")", askedMillis: noon,
            authority: "spiffe://meds.example/attribute-authority/clinics",
            requester: RecordRequester(identity: ada, name: "Dr. Ada", purpose: purpose, reason: reason), unnamed: nil,
            policy: policy, emergency: emergency, untilMillis: noon + hour, state: state, deliveredMillis: seen,
            fault: nil, unrecorded: false)
    }

    private static func offer(_ policy: String, _ mode: LineMode, fits: Bool) -> RecordOffer {
        RecordOffer(label: "00", isPrivate: false, policy: policy, mode: mode, minutes: 1440, fits: fits)
    }

    private static func text(_ key: String, _ arguments: (String, Value)...) -> Text {
        Text(key: key, arguments: arguments.map { Argument(name: $0, value: $1) })
    }
}
