import Countersign
import Foundation

/// What a result feels like in the hand.
public enum Feeling: Sendable { case good, bad, open }

/// How a verdict looks: five symbols that differ without colour, five grounds, and a tap that can be felt.
public struct VerdictLook: Sendable {
    /// The name of one of Apple's symbols.
    public let symbol: String
    public let ground: Shade
    /// The key of its word.
    public let word: String
    public let feels: Feeling

    public init(_ verdict: VerdictKind) {
        switch verdict {
        case .authentic: self.init("checkmark.circle", .authentic, "verdict.authentic", .good)
        case .attention: self.init("exclamationmark.triangle", .attention, "verdict.attention", .bad)
        case .suspect: self.init("xmark.octagon", .suspect, "verdict.suspect", .bad)
        case .checkScan: self.init("arrow.clockwise", .checkScan, "verdict.check-scan", .open)
        case .cannotTell: self.init("questionmark.square", .cannotTell, "verdict.cannot-tell", .open)
        }
    }

    private init(_ symbol: String, _ ground: Shade, _ word: String, _ feels: Feeling) {
        (self.symbol, self.ground, self.word, self.feels) = (symbol, ground, word, feels)
    }
}

extension Screen {
    /// Whether the other is the same kind of screen.
    func isLike(_ other: Screen) -> Bool {
        switch (self, other) {
        case (.records, .records), (.record, .record), (.accesses, .accesses): true
        case (.atBed(let one), .atBed(let two)): one.isLike(two)
        case (.atDomain(let one), .atDomain(let two)): one.isLike(two)
        default: false
        }
    }

    /// What a result feels like; nothing if this is none.
    public var feels: Feeling? {
        switch self {
        case .verdict(let shown): VerdictLook(shown.screen.verdict).feels
        case .done: .good
        default: nil
        }
    }

    /// What is said aloud when it comes, to those who have the screen read to them.
    public func spoken(in words: Words) -> String? {
        switch self {
        case .camera(let camera): words.of(camera.hint)
        case .verdict(let shown):
            "\(words.of(shown.screen.title)). \(words.of(shown.screen.reason)) \(words.of(shown.screen.next))"
        case .faulty(let fault): "\(words.of(fault.title)). \(words.of(fault.text))"
        case .typing(_, let wrong?), .enrol(let wrong?), .preferences(_, let wrong?), .record(_, let wrong?),
            .restoring(let wrong?), .sharing(_, let wrong?), .linking(_, let wrong?), .askingFor(_, let wrong?),
            .reporting(_, let wrong?):
            words.of(wrong)
        case .done: words.of("show.both-hold")
        case .atBed(let there): there.spoken(in: words)
        case .atDomain(let there): there.spoken(in: words)
        default: nil
        }
    }
}

/// How the mark of a stop looks on the line of a pack's way.
public struct MarkLook: Sendable {
    public let symbol: String
    public let shade: Shade
    /// The key of what is read out.
    public let label: String

    public init(_ mark: WayMark) {
        (symbol, shade, label) =
            switch mark {
            case .inOrder: ("circle.fill", .authentic, "label.in-order")
            case .misfit: ("xmark", .suspect, "label.misfit")
            case .void: ("circle", .cannotTell, "label.void")
            }
    }
}

/// The key of what a button of the core says.
public func label(of action: Action) -> String {
    switch action {
    case .back: "action.back"
    case .retry: "action.retry"
    case .scan: "home.scan"
    case .follow, .sync: "settings.sync"
    case .setClock, .openSettings: "action.open-settings"
    case .enrol: "enrol.do"
    case .pin: "start.pin"
    }
}

/// The key of what a step of a request says.
public func label(of step: RequestStep) -> String {
    switch step {
    case .resume: "records.resume"
    case .sync: "settings.sync"
    case .open: "records.open"
    case .read: "records.read"
    case .askAgain: "records.again"
    case .forget: "records.forget"
    }
}

/// The key of what an answer to a request says.
public func label(of answer: AccessAnswer) -> String {
    switch answer {
    case .allow: "records.allow"
    case .allowParts: "records.allow-parts"
    case .deny: "records.deny"
    case .withdraw: "records.withdraw"
    }
}

/// How a request looks in the list of who asked.
public struct AccessLook: Sendable {
    public let symbol: String
    public let shade: Shade

    public init(_ mark: AccessMark) {
        (symbol, shade) =
            switch mark {
            case .emergency: ("exclamationmark.octagon", .suspect)
            case .waiting: ("exclamationmark.triangle", .attention)
            case .open: ("checkmark", .authentic)
            case .closed: ("minus.circle", .text)
            }
    }
}

/// What a patient's record is called, before anybody has read a name in it.
public func title(ofRecord id: String, in words: Words) -> String {
    words.of("record.title", "number", .text(String(id.prefix(8))))
}

extension Way {
    /// Whether it does not count, and so is struck out.
    public var isVoid: Bool { mark == .void }
    /// Whether its notes are of something that is wrong.
    public var warns: Bool { mark != .inOrder }
}

extension Handover {
    /// The goods, and who has signed last, in the list of what is under way.
    public var title: Text { goodsText(link: goods) }
    public var state: Text { Text(key: gives ? "show.you-signed" : "show.they-signed", arguments: []) }
}

extension ProofScreen {
    /// The proof in words, to whom the person sends it; the register has the signed statement under its number.
    public func sent(in words: Words) -> String {
        ([goods] + lines + [recorded, number]).map(words.of).joined(separator: "\n")
    }
}

extension Settings {
    /// What the settings show of the register, a line each; what they say of the wallet, in words.
    public func lines(in words: Words) -> [String] {
        let asOf = knowledge.asOfMillis
        let known = asOf.map { words.of("settings.synced", "at", .moment($0)) } ?? words.of("settings.never-synced")
        let members = memberships.map { member in
            // spiffe://DOMAIN/ROLE/NAME
            let parts = member.identity.split(separator: "/").map(String.init)
            let party = Value.party(name: parts.last, role: parts.dropLast().last ?? "")
            let arguments = [
                Argument(name: "party", value: party), Argument(name: "at", value: .time(member.untilMillis)),
            ]
            return words.of(Text(key: "settings.member", arguments: arguments))
        }
        let following = words.of("settings.following", "count", .number(self.following))
        return [known, following, words.of("settings.stored", "size", .text(words.size(bytes)))] + members
    }

    /// The register's name.
    public func title(in words: Words) -> String { words.of("settings.register", "ledger", .text(knowledge.ledger)) }
}

extension Register {
    public func explained(in words: Words) -> String { words.of("pin.text", "ledger", .text(ledger)) }
    /// The words in rows of three.
    public var rows: [String] {
        stride(from: 0, to: words.count, by: 3).map { words[$0..<min($0 + 3, words.count)].joined(separator: "  ") }
    }
}

extension Camera {
    /// How far it is, if several parts make up what is read.
    public func progress(in words: Words) -> String? {
        guard need > 1 else { return nil }
        let arguments = [
            Argument(name: "have", value: .number(UInt64(have))), Argument(name: "need", value: .number(UInt64(need))),
        ]
        return words.of(Text(key: "take.progress", arguments: arguments))
    }
}

/// A place to about a kilometre, in degrees: as machines write numbers, whatever the person's language.
public func roughly(latitude: Double, longitude: Double) -> String {
    String(format: "%.2f, %.2f", locale: Locale(identifier: "en_US_POSIX"), latitude, longitude)
}

/// The back camera to read codes with.
public struct Lens: Equatable, Sendable {
    public let name: String
    /// How many lenses it chooses from by itself.
    public let lenses: Int
    public let focuses: Bool
    /// From how near it sees sharply, in millimetres; not above zero if that is unknown.
    public let nearest: Int

    public init(name: String, lenses: Int, focuses: Bool, nearest: Int) {
        (self.name, self.lenses, self.focuses, self.nearest) = (name, lenses, focuses, nearest)
    }

    /// One that focuses, and then one of several lenses, which comes as near as the nearest of them; else the one that sees
    /// nearest by itself.
    public static func best(of all: [Lens]) -> Lens? {
        func rank(_ lens: Lens) -> (Int, Int, Int) {
            (lens.focuses ? 0 : 1, lens.lenses > 1 ? 0 : 1, lens.nearest > 0 ? lens.nearest : Int.max)
        }
        return all.min { rank($0) < rank($1) }
    }
}

/// The screen's brightness, full while codes are shown to another phone, and then what it was.
public struct Glow: Sendable {
    private var before: Double?

    public init() {}

    /// - Returns: what the brightness is set to, if it changes.
    public mutating func want(_ bright: Bool, now: Double) -> Double? {
        if bright, before == nil {
            before = now
            return 1
        }
        if !bright, let was = before {
            before = nil
            return was
        }
        return nil
    }
}
