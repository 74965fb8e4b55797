import Countersign
import Foundation
import XCTest

@testable import AppModel

/// The catalogue that Xcode compiles, read as it is.
struct CatalogueFile: Catalogue {
    let strings: [String: [String: [String: String]]]
    let language: String
    /// Which form is read, where there are several.
    let form: String

    init(_ language: String, form: String = "other") throws {
        self.language = language
        self.form = form
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../App/Localizable.xcstrings")
        let all = try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as! [String: Any]
        strings = (all["strings"] as! [String: [String: Any]]).mapValues { entry in
            (entry["localizations"] as! [String: [String: Any]]).mapValues { localization in
                let unit = { (unit: [String: Any]) in (unit["stringUnit"] as! [String: String])["value"]! }
                guard let plurals = (localization["variations"] as? [String: [String: [String: Any]]])?["plural"] else {
                    return ["": unit(localization)]
                }
                return plurals.mapValues(unit)
            }
        }
    }

    var counting: [String] { strings.keys.filter { strings[$0]![language]![""] == nil } }
    var forms: Set<String> { Set(counting.flatMap { strings[$0]![language]!.keys }) }

    func text(_ key: String) -> String? { strings[key]?[language]?[""] }

    func text(_ key: String, counting number: Int64, in locale: Locale) -> String? {
        (strings[key]?[language]?[form]).map { String(format: $0, locale: locale, number) }
    }
}

/// The texts, as the app shows them in each language.
final class WordsTests: XCTestCase {
    private let languages = ["en", "de", "fr", "es", "pt", "ar", "hi", "zh-Hans"]

    private func words(_ language: String, _ locale: String? = nil) throws -> Words {
        Words(try CatalogueFile(language), in: Locale(identifier: locale ?? language))
    }

    func testEveryTextThatCountsIsKnownToAndHasAllItsForms() throws {
        for language in languages {
            let file = try CatalogueFile(language)
            XCTAssertEqual(Set(file.counting), Set(counted.keys), language)
            for form in file.forms {
                let words = Words(try CatalogueFile(language, form: form), in: Locale(identifier: language))
                for (key, by) in counted {
                    let shown = words.of(key, by, .number(21))
                    XCTAssertFalse(
                        shown.isEmpty || shown.contains("{") || shown.contains("%"), "\(language) \(key): \(shown)")
                }
            }
        }
    }

    func testWhatIsFilledInIsIsolatedAndNotLookedAtAgain() throws {
        let why = Argument(name: "why", value: .text("{party} %@ 10-20"))
        let party = Argument(name: "party", value: .party(name: "one", role: "authority"))
        let shown = try words("ar").of(Text(key: "reason.recalled", arguments: [why, party]))
        XCTAssertTrue(shown.contains("\u{2068}{party} %@ 10-20\u{2069}"), shown)
        let days = try words("ar").of("age.days", "count", .number(25))
        XCTAssertTrue(days.contains("\u{2068}25\u{2069}") || days.contains("\u{2068}٢٥\u{2069}"), days)
    }

    func testArabicDigitsAreForPeople() throws {
        let shown = try words("ar", "ar_EG").of("age.days", "count", .number(25))
        XCTAssertTrue(shown.contains("٢٥"), shown)
        XCTAssertTrue(try words("ar", "ar_EG").size(4_200_000).contains("٤٫٢"))
    }

    func testAStepOrARoleOfANewerProfileHasANameAllTheSame() throws {
        let words = try words("en")
        XCTAssertEqual(words.of("step.teleport"), "Another step")
        let shown = words.of("way.alone", "party", .party(name: "x", role: "wizard"))
        XCTAssertEqual(shown.filter { $0 != "\u{2068}" && $0 != "\u{2069}" }, "x (member)")
        XCTAssertEqual(words.of("nobody.knows"), "nobody.knows")
    }

    func testADayIsTheOneThatIsPrintedWhereverThePhoneIs() throws {
        let before = NSTimeZone.default
        defer { NSTimeZone.default = before }
        NSTimeZone.default = TimeZone(identifier: "Pacific/Auckland")!
        // The last moment of 2028-11-30, UTC.
        let shown = try words("en", "en_GB").of("reason.expired", "at", .time(1_859_241_599_999))
        XCTAssertTrue(shown.contains("30 Nov 2028"), shown)
    }

    func testEachLanguageIsTheOneThatThePhoneIsSetTo() throws {
        let shown = try languages.map { try words($0).of("verdict.authentic") }
        XCTAssertEqual(shown, ["Authentic", "Echt", "Authentique", "Auténtico", "Autêntico", "أصلي", "असली", "真品"])
    }
}
