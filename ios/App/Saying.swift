import AppModel
import Foundation

/// The app's texts in the person's language; the system starts the app anew when that changes.
let words = Words(Bundled(), in: .autoupdatingCurrent)

/// The catalogue as Xcode has compiled it (`Localizable.xcstrings`).
private struct Bundled: Catalogue {
    private static let missing = "\u{0}"

    func text(_ key: String) -> String? {
        let found = Bundle.main.localizedString(forKey: key, value: Self.missing, table: nil)
        return found == Self.missing ? nil : found
    }

    /// The system chooses the form by the number.
    func text(_ key: String, counting number: Int64, in locale: Locale) -> String? {
        text(key).map { String(format: $0, locale: locale, number) }
    }
}
