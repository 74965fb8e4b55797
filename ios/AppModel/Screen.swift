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
    case verdict(VerdictScreen, kept: Bool = false)
    case rests(Rests)
    case medicines([Kept])
    case carry(Carry)
    case enrol(wrong: Text? = nil)
    case offered(Offered)
    /// The reason of a refusal is typed.
    case refusing(Offered)
    case showing(Showing)
    /// Both hold the proof.
    case done(goods: Text)
    case outbox([OutgoingScreen])
    case preferences(Settings, wrong: Text? = nil)
    case erasing
    case faulty(FaultScreen)

    /// Whether it shows somebody's health, and so is covered whenever the app is not in front.
    public var isPrivate: Bool {
        switch self {
        case .camera(let camera): camera.aim == .pack
        case .verdict, .medicines: true
        default: false
        }
    }

    /// Whether another phone's camera reads it: then it is bright, and does not go dark.
    public var showsCodes: Bool {
        if case .showing = self { true } else { false }
    }

    /// Whether it does not go dark while nobody touches it: codes are shown or read.
    public var staysOn: Bool {
        if case .camera = self { true } else { showsCodes }
    }
}

/// What the camera looks for.
public enum Aim: Equatable, Sendable {
    case register, pack, take, damage, answer, load

    /// Whether what it looks for can be typed.
    public var isTyped: Bool { [.pack, .take, .load].contains(self) }
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

    /// Which of the codes is shown so many seconds after the first one was.
    public func code(after seconds: TimeInterval) -> Int {
        // Half a millisecond, so that a frame of the display that begins just before its moment is in time.
        Int((seconds * 1000 + 0.5) / Double(paceMillis)) % max(handover.codes.count, 1)
    }
}

extension FaultScreen {
    /// Whether everything still works without the camera: by a photograph, or typed.
    public var leavesOtherWays: Bool { title.key == "fault.camera-denied" }
}
