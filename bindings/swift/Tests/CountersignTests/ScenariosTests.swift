import Foundation
import XCTest

@testable import Countersign

/// The scenarios in `tests/scenarios`, with the answers that Rust and Kotlin give.
final class ScenariosTests: XCTestCase {
    func testEveryScenarioGivesTheAnswersThatItExpects() async throws {
        let folder = URL(fileURLWithPath: try setting("COUNTERSIGN_SCENARIOS"))
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let scenarios = files.filter { $0.pathExtension == "json" }
        XCTAssertGreaterThanOrEqual(scenarios.count, 2, "the scenarios are gone")
        for file in scenarios {
            let scenario = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as! [String: Any]
            let stage = try Stage(folder: temporaryFolder())
            for step in scenario["steps"] as! [[String: Any]] {
                do {
                    try await stage.play(step)
                    XCTAssertNil(step["error"], "went well: \(step)")
                } catch let error as CountersignError {
                    let (name, reason) = told(error)
                    XCTAssertEqual(name, step["error"] as? String, "\(step)")
                    if let expected = step["reason"] as? String { XCTAssertEqual(reason, expected, "\(step)") }
                }
            }
        }
    }
}

/// One wallet in one world.
private final class Stage {
    private let world: World
    private let database: String
    private let keys: SoftwareKeys
    private var wallet: Wallet
    private var patient: Patient

    init(folder: URL) throws {
        world = try World(folder: folder.appendingPathComponent("world"))
        database = folder.appendingPathComponent("wallet.db").path
        keys = SoftwareKeys(folder: folder)
        wallet = try Wallet.open(database: database, genesis: world.genesis, node: world.node, keys: keys)
        patient = Patient(wallet: wallet)
    }

    func play(_ step: [String: Any]) async throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        switch text("do") {
        case "follow": try wallet.follow(code: text("code"))
        case "follow-pack": try wallet.followPack(code: text("code"))
        case "sync": for try await _ in wallet.sync() {}
        case "check": expect(try patient.checkCode(code: text("code")), step)
        case "frame":
            let luma = try world.frame(text("file"))
            switch try patient.checkFrame(width: 1280, height: 720, stride: 1280, luma: luma) {
            case .nothing: XCTAssertEqual("nothing", text("sight"))
            case .holdStill: XCTAssertEqual("hold-still", text("sight"))
            case .notAPack: XCTAssertEqual("not-a-pack", text("sight"))
            case .several: XCTAssertEqual("several", text("sight"))
            case .pack(let answer):
                XCTAssertEqual("pack", text("sight"))
                expect(answer, step)
            }
        case "enrol":
            keys.manner = text("keys")
            let code = text("code").isEmpty ? world.ask("code \(text("role")) scenario") : text("code")
            let membership = try await wallet.enrolled(key: "signing", code: code)
            XCTAssertEqual(membership.identity, text("identity"), "\(step)")
        case "memberships":
            XCTAssertEqual(try wallet.memberships().map(\.identity), step["identities"] as? [String])
        case "node": _ = world.ask(text("command"))
        case "reopen":
            wallet = try Wallet.open(database: database, genesis: world.genesis, node: world.node, keys: keys)
            patient = Patient(wallet: wallet)
        default: XCTFail("no such step: \(step)")
        }
    }
}

private func expect(_ answer: Answer, _ step: [String: Any]) {
    let verdict =
        switch answer.verdict {
        case .authentic: "authentic"
        case .cannotTell: "cannot-tell"
        case .checkScan: "check-scan"
        case .attention: "attention"
        case .suspect: "suspect"
        }
    XCTAssertEqual(verdict, step["verdict"] as? String, "\(step)")
    XCTAssertEqual(answer.reasons.map(\.key), step["reasons"] as? [String], "\(step)")
}

private func told(_ error: CountersignError) -> (String, String?) {
    switch error {
    case .Retry: ("retry", nil)
    case .Refused(let reason): ("refused", reason)
    case .Invalid(let reason): ("invalid", reason)
    case .Cancelled: ("cancelled", nil)
    case .KeyNeeded: ("key-needed", nil)
    case .KeyStoreFailed: ("key-store-failed", nil)
    case .Distrusted: ("distrusted", nil)
    case .Storage: ("storage", nil)
    }
}
