import Countersign

/// Somebody who looks into other domains.
public enum AtDomain: Equatable, Sendable {
    /// Licences, data, and the domains on this phone.
    case all(DomainsScreen)
    /// The register of a domain, whose words are to be compared.
    case adding(Register)
    /// Somebody signs in at a domain.
    case signingIn(DomainLine, wrong: Text? = nil)
    /// A message by which somebody becomes known in another domain: one that came, or one to show.
    case greeting(DomainGreeting, GreetingScreen, wrong: Text? = nil)
    case data(DataScreen)
    /// A licence is asked for.
    case asking(AskDataScreen, wrong: Text? = nil)
    case licence(LicenceScreen)
    /// A licence is taken back.
    case revoking(LicenceScreen, wrong: Text? = nil)
    /// Who looked at data, by its key.
    case accesses(String, DataAccessesScreen)
    /// Where data went, by its key.
    case trace(String, TraceScreen)

    /// Whether the other is the same kind of screen.
    func isLike(_ other: AtDomain) -> Bool {
        switch (self, other) {
        case (.all, .all), (.licence, .licence): true
        default: false
        }
    }

    /// Why what was typed or chosen cannot be used.
    public var wrong: Text? {
        switch self {
        case .signingIn(_, let wrong), .greeting(_, _, let wrong), .asking(_, let wrong), .revoking(_, let wrong): wrong
        default: nil
        }
    }

    /// What is said aloud when it comes.
    func spoken(in words: Words) -> String? {
        if let wrong { return words.of(wrong) }
        switch self {
        case .licence(let shown): return words.of(shown.state)
        case .greeting(_, let shown, _): return words.of(shown.text)
        default: return nil
        }
    }

    /// Whether another phone's camera reads it.
    var showsCodes: Bool { if case .greeting(_, let shown, _) = self { !shown.codes.isEmpty } else { false } }
}

/// The key of what the button of a message between domains says.
public func label(of next: GreetingNext) -> String {
    switch next {
    case .reply: "greeting.go"
    case .keep: "greeting.keep"
    case .scan: "greeting.read"
    case .done: "action.ok"
    }
}

/// How a licence looks.
public struct LicenceLook: Sendable {
    public let symbol: String
    public let shade: Shade

    public init(_ mark: LicenceMark) {
        (symbol, shade) =
            switch mark {
            case .waiting: ("ellipsis.circle", .text)
            case .allowed: ("checkmark", .authentic)
            case .refused: ("minus.circle", .suspect)
            }
    }
}

extension TraceRow {
    /// The whole row as it is read out, with its level, which the branch draws.
    public func spoken(in words: Words) -> String {
        let texts = [level, title] + lines
        return (texts.map(words.of) + [words.moment(atMillis)] + notes.map(words.of)).joined(separator: ". ")
    }

    /// Whether its notes are of something that is wrong.
    public var warns: Bool { mark != .inOrder }
}
