import Countersign
import Foundation

/// The texts of a language, with places such as `{name}` for their arguments.
public protocol Catalogue: Sendable {
    /// The text of a key, or nothing.
    func text(_ key: String) -> String?
    /// The form of a text for a number, which is written into it with the digits of `locale`.
    func text(_ key: String, counting number: Int64, in locale: Locale) -> String?
}

/// Texts in the person's language, as the core names them.
public struct Words: Sendable {
    private let catalogue: any Catalogue
    private let locale: Locale

    public init(_ catalogue: any Catalogue, in locale: Locale) {
        self.catalogue = catalogue
        self.locale = locale
    }

    /// A text with its arguments filled in by name. What was filled in is not looked at again. The catalogue has each place
    /// isolated (Unicode, UAX 9).
    public func of(_ text: Text) -> String {
        let template = template(text)
        var shown = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            shown += rest[..<open]
            let name = rest[rest.index(after: open)..<close]
            if let argument = text.arguments.first(where: { $0.name == name }) { shown += self.shown(argument.value) }
            rest = rest[rest.index(after: close)...]
        }
        return shown + rest
    }

    /// A text without arguments.
    public func of(_ key: String) -> String { of(Text(key: key, arguments: [])) }

    /// A text with one argument.
    public func of(_ key: String, _ name: String, _ value: Value) -> String {
        of(Text(key: key, arguments: [Argument(name: name, value: value)]))
    }

    /// A day and its time, as this phone's clock would show it.
    public func moment(_ millis: UInt64) -> String {
        date(millis).formatted(Date.FormatStyle(date: .abbreviated, time: .shortened, locale: locale))
    }

    /// A size in memory.
    public func size(_ bytes: UInt64) -> String {
        let style = FloatingPointFormatStyle<Double>.number.precision(.fractionLength(0...1)).locale(locale)
        return "\((Double(bytes) / 1_000_000).formatted(style)) MB"
    }

    private func template(_ text: Text) -> String {
        if let by = counted[text.key] {
            var number: UInt64 = 0
            if case .number(let counts)? = text.arguments.first(where: { $0.name == by })?.value { number = counts }
            return catalogue.text(text.key, counting: Int64(clamping: number), in: locale) ?? text.key
        }
        return catalogue.text(text.key) ?? catalogue.text(fallback(text.key)) ?? text.key
    }

    /// A profile that is newer than this app has steps and roles of which it knows no title.
    private func fallback(_ key: String) -> String { "\(key.prefix { $0 != "." }).other" }

    private func shown(_ value: Value) -> String {
        switch value {
        case .text(let text): return text
        case .step(let key): return of(key)
        case .number(let number): return number.formatted(IntegerFormatStyle<UInt64>.number.locale(locale))
        case .moment(let millis): return moment(millis)
        case .time(let millis):
            // The last moment of a day, in UTC, is that day everywhere: it is what is printed on the pack.
            let utc = TimeZone(secondsFromGMT: 0)!  // safe: zero is a whole number of minutes
            return date(millis).formatted(
                Date.FormatStyle(date: .abbreviated, time: .omitted, locale: locale, timeZone: utc))
        case .party(let name, let role):
            let title = of("role.\(role)")
            guard let name else { return title }
            let arguments = [Argument(name: "name", value: .text(name)), Argument(name: "role", value: .text(title))]
            return of(Text(key: "role.named", arguments: arguments))
        }
    }

    private func date(_ millis: UInt64) -> Date { Date(timeIntervalSince1970: Double(millis) / 1000) }
}
