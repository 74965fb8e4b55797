import Countersign
import Foundation

/// What the person sees, with everything that it shows: a screen is drawn from this alone.
public enum Screen: Equatable, Sendable {
    /// Nothing is pinned yet.
    case start
    /// A register, whose words are to be compared.
    case pin(Register)
    /// Where everything begins.
    case home(examples: Bool)
    case camera(Camera)
    /// A code is typed; `wrong` is why the last one could not be used.
    case typing(Aim, wrong: Text? = nil)
    case verdict(Verdict)
    case rests(Rests)
    case medicines([Kept])
    case history(History)
    /// A suspicion about a pack is written.
    case reporting(Reporting, wrong: Text? = nil)
    case reports([ReportLine])
    case carry(Carry)
    case enrol(wrong: Text? = nil)
    case offered(Offered)
    /// The reason of a refusal is typed.
    case refusing(Offered)
    case showing(Showing)
    /// Both hold the proof.
    case done(Done)
    case proof(Proof)
    case outbox([OutgoingScreen])
    case preferences(Preferences, wrong: Text? = nil)
    case erasing
    // Medical records. All are private, codes of a record among them: a picture of one is the code itself.
    case records(Medical)
    case record(Record, wrong: Text? = nil)
    /// A document; its images come from where it is from.
    case document(DocumentScreen, of: Source? = nil)
    case picture(Picture)
    /// The record's secret, to be written down.
    case paper([String])
    /// A record is restored from its paper.
    case restoring(wrong: Text? = nil)
    case sharing(Sharing, wrong: Text? = nil)
    case accesses(Accesses)
    case code(CodeToShow)
    // Links for doctors without this app. A picture of one is the link itself.
    case links(Links)
    case linking(Linking, wrong: Text? = nil)
    case linked(Linked)
    /// A record, by its number.
    case recordErasing(String)
    /// What may be asked for of a patient's record.
    case asking(AskScreen)
    case askingFor(Question, wrong: Text? = nil)
    case atBed(AtBed)
    case atDomain(AtDomain)
    case faulty(FaultScreen)

    /// Whether it shows somebody's health, and so is covered whenever the app is not in front.
    public var isPrivate: Bool {
        switch self {
        case .camera(let camera): [.pack, .record, .badge].contains(camera.aim)
        case .verdict, .medicines, .history, .reporting, .reports, .records, .record, .document, .picture, .paper,
            .restoring, .sharing, .accesses, .code, .links, .linking, .linked, .recordErasing, .asking, .askingFor,
            .atBed:
            true
        default: false
        }
    }

    /// Whether a file is there for it.
    var isPicture: Bool { if case .picture = self { true } else { false } }

    /// Whether another phone's camera reads it: then it is bright, and does not go dark.
    public var showsCodes: Bool {
        switch self {
        case .showing, .code, .linked: true
        case .atDomain(let there): there.showsCodes
        default: false
        }
    }

    /// Whether it does not go dark while nobody touches it: codes are shown or read.
    public var staysOn: Bool {
        if case .camera = self { true } else { showsCodes }
    }
}

/// What the camera looks for.
public enum Aim: Equatable, Sendable {
    case register, domain, greeting, authority, record, badge, device, pack, take, damage, answer, load

    /// Whether what it looks for can be typed.
    public var isTyped: Bool { [.pack, .take, .load, .badge, .device].contains(self) }

    /// Whether it is what members scan, who have a register: then every code of theirs leads to its screen.
    var isOfMembers: Bool { [.record, .badge, .device, .greeting, .pack].contains(self) }

    /// The key of how a code is typed.
    public var typedHint: String { [.badge, .device].contains(self) ? "enrol.code" : "scan.type-hint" }
}

/// The camera: what to do, and how far it is.
public struct Camera: Equatable, Sendable {
    public let aim: Aim
    /// The key of what helps to a better picture.
    public internal(set) var hint: String
    /// Parts that were read, of those that are needed.
    public internal(set) var have = 0
    public internal(set) var need = 0
    /// Goods that were scanned, and the offer that was read.
    var goods: [String] = []
    var offer: Offer?
    public internal(set) var light = false
}

/// The answer about a pack.
public struct Verdict: Equatable, Sendable {
    public let screen: VerdictScreen
    /// What this phone knows of the pack from before.
    public let seen: Seen
    /// Whether the register takes reports of suspicions.
    let takesReports: Bool
    public internal(set) var isKept = false

    /// Whether a suspicion can be reported.
    public var isDoubtful: Bool { takesReports && [.suspect, .attention].contains(screen.verdict) }
}

/// What was scanned, if the person wants it remembered.
public struct History: Equatable, Sendable {
    public let scans: [Scanned]
    public let isOn: Bool
}

/// A report of a suspicion.
public struct Reporting: Equatable, Sendable {
    let link: String
    public let product: Text
    /// The file of a photograph.
    public internal(set) var photograph: Data?
}

/// What an answer rests on.
public struct Rests: Equatable, Sendable {
    public let lines: [Text]
    public let damaged: Bool
    public let contradictions: Bool
}

/// What a courier carries.
public struct Carry: Equatable, Sendable {
    public let goods: [Carried]
    /// Handovers under way.
    public let pending: [Handover]
    /// How many statements are to be sent.
    public let outgoing: Int
}

/// An offer that was read, with the goods that were scanned.
public struct Offered: Equatable, Sendable {
    public let screen: OfferScreen
    let offer: Offer
    let goods: [String]
}

/// Codes for the other phone.
public struct Showing: Equatable, Sendable {
    public let screen: HandoverScreen
    public let handover: Handover
    public internal(set) var paceMillis = 200
}

/// Both hold the proof of a delivery.
public struct Done: Equatable, Sendable {
    public let goods: Text
    public let link: String
}

/// Proof of a delivery, in words and as a file; an example has none.
public struct Proof: Equatable, Sendable {
    public let screen: ProofScreen
    public let file: ProofFile?
}

/// The settings.
public struct Preferences: Equatable, Sendable {
    public let settings: Settings
    /// Whether the place is said in what is signed.
    public internal(set) var saysPlace: Bool
}

/// Medical records: the person's own, and those of patients, for those who signed in and scanned their house's code.
public struct Medical: Equatable, Sendable {
    public let own: [RecordScreen]
    public let clinic: Clinic?
}

/// What somebody who treats patients has asked for.
public struct Clinic: Equatable, Sendable {
    /// The records whose codes were scanned.
    public let patients: [String]
    public let requests: [RequestScreen]
}

/// A record of one's own.
public struct Record: Equatable, Sendable {
    public let screen: RecordScreen
    public let document: DocumentScreen?
    /// Whether somebody whom no line fits may ask.
    public let isOpen: Bool
}

/// Where a document is from: the person's own record, by its number, or what a request opened, by its thread.
public enum Source: Equatable, Sendable {
    case own(String)
    case asked(String)
}

/// An image. Its file is there only while somebody looks at it.
public struct Picture: Equatable, Sendable {
    public let image: ImageScreen
    public let file: URL
}

/// Some parts are opened to somebody: to whoever fits a policy that is typed, or to the one who asked.
public struct Sharing: Equatable, Sendable {
    let record: String
    public let sections: [SectionScreen]
    let thread: String?

    /// Whether the person says to whom, and for how long.
    public var isFree: Bool { thread == nil }

    public static let modes: [(key: String, mode: LineMode)] = [
        ("mode.at-once", .atOnce), ("mode.ask", .ask), ("mode.emergency", .emergency),
    ]
    /// For how long a line may be open.
    public static let times: [(text: Text, minutes: UInt32)] = [
        ("lasts.hours", 1, 60), ("lasts.days", 1, 1440), ("lasts.days", 30, 43_200),
    ]
    .map { key, count, minutes in
        (Text(key: key, arguments: [Argument(name: "count", value: .number(count))]), minutes)
    }
}

public struct Accesses: Equatable, Sendable {
    public let record: String
    public let screen: AccessesScreen
}

/// A code to show, with the keys of what it is and what it is for.
public struct CodeToShow: Equatable, Sendable {
    public let title: String
    public let text: String
    public let code: String
}

/// The links of a record.
public struct Links: Equatable, Sendable {
    public let record: String
    public let links: [SharedLinkScreen]
}

/// A link that is made.
public struct Linking: Equatable, Sendable {
    let record: String
    public let sections: [SectionScreen]

    /// For how long a link may lead to something.
    public static let times: [(text: Text, days: UInt16)] = [1, 7, 30].map { days in
        (Text(key: "lasts.days", arguments: [Argument(name: "count", value: .number(UInt64(days)))]), days)
    }
}

/// A link that was made.
public struct Linked: Equatable, Sendable {
    public let record: String
    public let screen: SharedLinkScreen
}

/// A request that is written.
public struct Question: Equatable, Sendable {
    let record: String
    public let choice: AskChoice
    /// The name by which patients know this phone's member.
    public let name: String
}

extension FaultScreen {
    /// Whether everything still works without the camera: by a photograph, or typed.
    public var leavesOtherWays: Bool { title.key == "fault.camera-denied" }
}
