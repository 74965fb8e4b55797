import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What screens look like, where no screen is needed to see it.
final class LooksTests: XCTestCase {
    func testTheColoursAreAndroidsInBothThemes() throws {
        let resources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../android/app/src/main/res")
        for (folder, dark) in [("values", false), ("values-night", true)] {
            let file = try String(contentsOf: resources.appendingPathComponent("\(folder)/theme.xml"), encoding: .utf8)
            for (name, shade) in Shade.all {
                let hex = String(format: "#%06X", dark ? shade.dark : shade.light)
                XCTAssertTrue(file.contains("<color name=\"\(name)\">\(hex)</color>"), "\(folder) \(name) \(hex)")
            }
        }
    }

    func testEveryTextStandsOutFromItsGround() {
        let verdicts: [VerdictKind] = [.authentic, .attention, .suspect, .checkScan, .cannotTell]
        let looks = verdicts.map(VerdictLook.init)
        var pairs: [(Shade, Shade)] = [(.main, .ground), (.onMain, .main)]
        for text in [Shade.text, .quiet, .suspect] { pairs += [(text, .ground), (text, .card)] }
        for look in looks { pairs += [(.onVerdict, look.ground), (look.ground, .card)] }
        for (text, ground) in pairs {
            XCTAssertGreaterThanOrEqual(contrast(text.light, ground.light), 4.5, "\(text) on \(ground)")
            XCTAssertGreaterThanOrEqual(contrast(text.dark, ground.dark), 4.5, "\(text) on \(ground)")
        }
        XCTAssertEqual(Set(looks.map(\.symbol)).count, 5, "five shapes that differ without colour")
        XCTAssertEqual(Set(looks.map(\.word)).count, 5)
        XCTAssertEqual(Set([WayMark.inOrder, .misfit, .void].map { MarkLook($0).symbol }).count, 3)
    }

    /// WCAG 2.2, contrast ratio.
    private func contrast(_ one: UInt32, _ other: UInt32) -> Double {
        func luminance(_ color: UInt32) -> Double {
            let channels = [16, 8, 0].map { shift -> Double in
                let value = Double(color >> UInt32(shift) & 0xFF) / 255
                return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
        }
        let (a, b) = (luminance(one), luminance(other))
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    func testALensThatFocusesComesFirstAndOneOfSeveralBeforeASingleOne() {
        let wide = Lens(name: "wide", lenses: 1, focuses: true, nearest: 200)
        let near = Lens(name: "near", lenses: 1, focuses: true, nearest: 120)
        let fixed = Lens(name: "fixed", lenses: 3, focuses: false, nearest: -1)
        let several = Lens(name: "several", lenses: 3, focuses: true, nearest: 200)
        XCTAssertEqual(Lens.best(of: [wide, fixed, several])?.name, "several")
        XCTAssertEqual(Lens.best(of: [fixed, wide, near])?.name, "near")
        XCTAssertEqual(Lens.best(of: [fixed])?.name, "fixed")
        XCTAssertNil(Lens.best(of: []))
    }

    func testWhoCannotSeeTheScreenHearsWhatComesAndFeelsAResult() throws {
        let words = Words(try CatalogueFile("en"), in: Locale(identifier: "en"))
        let denied = Screen.faulty(faultScreen(fault: .cameraDenied))
        XCTAssertEqual(
            denied.spoken(in: words),
            "The camera is not allowed. Allow it in the phone's settings, or use a photograph or type the code.")
        let hint = Screen.camera(Camera(aim: .pack, hint: "scan.hold-still"))
        XCTAssertEqual(hint.spoken(in: words), "Hold still.")
        XCTAssertNil(Screen.typing(.pack).spoken(in: words))
        XCTAssertNotNil(Screen.typing(.pack, wrong: Text(key: "fault.invalid-code", arguments: [])).spoken(in: words))
        XCTAssertEqual(Screen.done(Done(goods: Text(key: "goods.pack", arguments: []), link: "")).feels, .good)
        XCTAssertNil(denied.feels)
        XCTAssertEqual(
            [VerdictKind.authentic, .suspect, .cannotTell].map { VerdictLook($0).feels }, [.good, .bad, .open])
    }

    func testAPlaceIsWrittenAsMachinesDoAndToAboutAKilometre() {
        XCTAssertEqual(roughly(latitude: 48.880_951, longitude: 2.355_319), "48.88, 2.36")
    }

    func testTheScreenIsBrightForCodesAndThenAsItWas() {
        var glow = Glow()
        XCTAssertNil(glow.want(false, now: 0.4))
        XCTAssertEqual(glow.want(true, now: 0.4), 1)
        XCTAssertNil(glow.want(true, now: 1), "a second code is no reason to forget what was")
        XCTAssertEqual(glow.want(false, now: 1), 0.4)
        XCTAssertNil(glow.want(false, now: 0.4))
    }
}

/// What the system reads of the app before it runs.
final class PackageTests: XCTestCase {
    private func read(_ name: String) throws -> [String: Any] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../App/\(name)")
        return try PropertyListSerialization.propertyList(from: Data(contentsOf: path), format: nil) as! [String: Any]
    }

    func testNothingIsAskedForThatIsNotUsedAndOnlyOurOwnCodesAreOpened() throws {
        let info = try read("Info.plist")
        let asked = info.keys.filter { $0.hasSuffix("UsageDescription") }
        let wanted = ["NSCameraUsageDescription", "NSFaceIDUsageDescription", "NSLocationWhenInUseUsageDescription"]
        XCTAssertEqual(asked.sorted(), wanted)
        let types = info["CFBundleURLTypes"] as! [[String: Any]]
        XCTAssertEqual(types.flatMap { $0["CFBundleURLSchemes"] as! [String] }, ["CS1", "countersign-record"])
        XCTAssertNil(info["NSAppTransportSecurity"], "no exception for what is not encrypted")
        let round = try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
                "../App/Round.swift"),
            encoding: .utf8)
        let permitted = info["BGTaskSchedulerPermittedIdentifiers"] as! [String]
        XCTAssertEqual(permitted.count, 1)
        XCTAssertTrue(round.contains("\"\(permitted[0])\""), "the system ends an app whose task it does not know")
    }

    func testNobodyIsTracked() throws {
        let privacy = try read("PrivacyInfo.xcprivacy")
        XCTAssertEqual(privacy["NSPrivacyTracking"] as? Bool, false)
        XCTAssertEqual((privacy["NSPrivacyTrackingDomains"] as! [Any]).count, 0)
        for collected in privacy["NSPrivacyCollectedDataTypes"] as! [[String: Any]] {
            XCTAssertEqual(collected["NSPrivacyCollectedDataTypeTracking"] as? Bool, false)
        }
    }
}
