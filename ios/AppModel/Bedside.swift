import Countersign

/// A nurse at a bed. All are private: a badge's code is the badge.
public enum AtBed: Equatable, Sendable {
    /// The badges, and devices that were met.
    case ward(WardScreen)
    /// A badge was scanned, and gets a password.
    case newBadge(String, wrong: Text? = nil)
    /// A badge gets another password.
    case newPassword(BadgeScreen, wrong: Text? = nil)
    /// A device to sign in at.
    case device(DeviceScreen, wrong: Text? = nil)
    /// What is seen of a session.
    case session(SessionScreen, wrong: Text? = nil)
    /// A value is typed.
    case value(SessionScreen, CommandChoice, wrong: Text? = nil)
    /// A command is confirmed.
    case command(CommandScreen, wrong: Text? = nil)

    /// Whether the other is the same kind of screen.
    func isLike(_ other: AtBed) -> Bool {
        switch (self, other) {
        case (.ward, .ward), (.device, .device), (.session, .session): true
        default: false
        }
    }

    /// Why what was typed cannot be used.
    public var wrong: Text? {
        switch self {
        case .ward: nil
        case .newBadge(_, let wrong), .newPassword(_, let wrong), .device(_, let wrong), .session(_, let wrong),
            .value(_, _, let wrong), .command(_, let wrong):
            wrong
        }
    }

    /// What is said aloud when it comes.
    func spoken(in words: Words) -> String? {
        if let wrong { return words.of(wrong) }
        guard case .session(let shown, _) = self else { return nil }
        let news = [shown.halt].compactMap { $0 } + shown.warnings + [shown.sent?.text].compactMap { $0 }
        return news.isEmpty ? nil : news.map(words.of).joined(separator: " ")
    }
}

/// The key of what the button for the next step says; nothing if there is none.
public func label(of next: BedsideNext) -> String? {
    switch next {
    case .enrol: "enrol.do"
    case .takeBadge: "ward.scan-badge"
    case .sync: "settings.sync"
    case .scanDevice: "ward.scan-device"
    case .signIn: "session.again"
    case .unlock, .nothing: nil
    }
}

/// How a measurement looks; nothing more than its number if it holds.
public struct ReadingLook: Sendable {
    /// The name of one of Apple's symbols.
    public let symbol: String
    public let shade: Shade

    public init?(_ mark: ReadingMark) {
        switch mark {
        case .holds: return nil
        case .doubtful: (symbol, shade) = ("questionmark.circle", .attention)
        case .absent: (symbol, shade) = ("minus.circle", .attention)
        case .old: (symbol, shade) = ("exclamationmark.triangle", .attention)
        }
    }
}

/// How something looks that was sent to a device.
public struct SentLook: Sendable {
    public let symbol: String
    public let shade: Shade

    public init(_ state: SentState) {
        (symbol, shade) =
            switch state {
            case .sent: ("ellipsis.circle", .text)
            case .shown: ("checkmark", .authentic)
            case .notShown: ("exclamationmark.triangle", .attention)
            }
    }
}
