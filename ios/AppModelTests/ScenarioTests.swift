import Countersign
import Foundation
import XCTest

@testable import AppModel

/// The scenarios of `tests/scenarios` by taps: what the core answers there, the app shows.
final class ScenarioTests: WorldTests, @unchecked Sendable {
    @MainActor
    func testAPatient() async throws { try await play("patient") }

    @MainActor
    func testAnEnrolment() async throws { try await play("enrolment") }

    @MainActor
    private func play(_ name: String) async throws {
        let file = URL(fileURLWithPath: try setting("COUNTERSIGN_SCENARIOS")).appendingPathComponent("\(name).json")
        let scenario = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as! [String: Any]
        var ann = try await person("ann")
        let register = try register(node: world.node, genesis: world.genesis)
        await ann.tap { $0.pin(register) }
        for step in scenario["steps"] as! [[String: Any]] {
            if let manner = step["keys"] as? String { ann.keys.manner = manner }
            ann.model.home()
            switch step["do"] as! String {
            case "reopen": ann = try await ann.killed()
            case "node": _ = world.ask(step["command"] as! String)
            default: try await tap(ann, step)
            }
            check(ann, step)
        }
    }

    @MainActor
    private func tap(_ ann: Person, _ step: [String: Any]) async throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        switch text("do") {
        case "check": await ann.tap { $0.check(text("code")) }
        case "follow": await ann.tap { _ = $0.act(.follow(link: text("code"))) }
        case "follow-pack":
            await ann.tap { $0.check(text("code")) }
            await ann.tap { $0.keep(text("code")) }
        case "sync":
            await ann.tap { $0.preferences() }
            await ann.tap { $0.sync() }
        case "settings": await ann.tap { $0.preferences() }
        case "set-node":
            await ann.tap { $0.preferences() }
            let node = text("node") == "own" ? world.node : text("node")
            await ann.tap { $0.use(node: node) }
        case "frame":
            await ann.tap { $0.scanPack() }
            await ann.hold(try world.picture(text("file")))
        case "photo":
            await ann.tap { $0.scanPack() }
            let rgba = Data(try world.frame(text("file")).flatMap { [$0, $0, $0, 255] })
            await ann.tap { $0.photo(width: 1280, height: 720, rgba: rgba) }
        case "enrol":
            await ann.tap { $0.carry() }
            let code = text("code").isEmpty ? world.ask("code \(text("role")) scenario") : text("code")
            await ann.tap { $0.enrol(code) }
        case "memberships": await ann.tap { $0.preferences() }
        case let other: XCTFail("no such step: \(other)")
        }
    }

    /// What is on the screen now is what the scenario says.
    @MainActor
    private func check(_ ann: Person, _ step: [String: Any]) {
        let screen = ann.model.screen
        if let keys = step["screen"] as? [String] {
            // What is wrong with an input is said without its title, where it was typed.
            let shown = ann.reads.count == 1 ? Array(keys.suffix(1)) : keys
            XCTAssertEqual(ann.reads, shown, "\(step)")
        } else if let error = step["error"] as? String {
            let titles =
                ["fault.\(error)"]
                + (error == "key-store-failed" ? [] : ["fault.\(error)-address", "refused.enrol-code"])
            XCTAssertTrue(titles.contains { ann.reads.contains($0) }, "\(step): \(ann.reads)")
        }
        if let verdict = step["verdict"] as? String {
            guard case .verdict(let found) = screen else { return XCTFail("\(step): \(screen)") }
            let shown = found.screen
            XCTAssertEqual(shown.title.key, "verdict.\(verdict)", "\(step)")
            let reasons = step["reasons"] as! [String]
            let keys = ([shown.reason] + shown.others).map(\.key)
            XCTAssertEqual(keys, reasons.isEmpty ? ["verdict.all-in-order"] : reasons.map { "reason.\($0)" }, "\(step)")
        }
        if step["sight"] as? String == "nothing" { XCTAssertEqual(ann.aim, .pack, "\(step)") }
        if let identities = step["identities"] as? [String] {
            guard case .preferences(let shown, _) = screen else { return XCTFail("\(step): \(screen)") }
            let settings = shown.settings
            XCTAssertEqual(settings.memberships.map(\.identity), identities, "\(step)")
            if let node = step["node"] as? String {
                XCTAssertEqual(settings.node, node == "own" ? world.node : node, "\(step)")
                XCTAssertEqual(Int(settings.following), step["following"] as? Int, "\(step)")
                XCTAssertEqual(settings.knowledge.checkpoint != nil, step["synced"] as? Bool, "\(step)")
            }
        }
    }
}
