import Countersign
import Foundation
import XCTest

@testable import AppModel

/// The scenarios of `tests/scenarios` by taps: what the core answers there, the app shows.
///
/// What a courier does is in `ScenarioTests+Goods.swift`, what a patient and a doctor do in `ScenarioTests+Records.swift`. Some
/// steps have no screen in the app: they are made on the core, so that the others find what they need.
final class ScenarioTests: WorldTests, @unchecked Sendable {
    @MainActor var people: [String: Person] = [:]
    /// What a step came to, by the name that the scenario gives it: codes on a screen, a number, a thread.
    @MainActor var noted: [String: [String]] = [:]
    /// What was read from another phone, by the name of its codes.
    @MainActor var offers: [String: Offer] = [:]
    /// Records whose change the scenario has not published yet. The app publishes each at once.
    @MainActor var unpublished: Set<String> = []

    @MainActor
    func testAPatient() async throws { try await play("patient") }

    @MainActor
    func testAnEnrolment() async throws { try await play("enrolment") }

    @MainActor
    func testACourier() async throws { try await play("courier") }

    @MainActor
    func testARecord() async throws { try await play("record") }

    @MainActor
    private func play(_ name: String) async throws {
        let file = URL(fileURLWithPath: try setting("COUNTERSIGN_SCENARIOS")).appendingPathComponent("\(name).json")
        let scenario = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as! [String: Any]
        let register = try register(node: world.node, genesis: world.genesis)
        for fields in scenario["steps"] as! [[String: Any]] {
            let step = ScenarioStep(fields)
            if step.what == "node" {
                _ = world.ask(step.text("command"))
                continue
            }
            let who = step.text("who").isEmpty ? "ann" : step.text("who")
            if people[who] == nil {
                people[who] = try await person(who)
                await people[who]!.tap { $0.pin(register) }
            }
            if step.what == "reopen" { people[who] = try await people[who]!.killed() }
            let person = people[who]!
            if let manner = fields["keys"] as? String { person.keys.manner = manner }
            person.model.home()
            do {
                try await play(person, step)
            } catch let error as CountersignError {
                // Of a step without a screen.
                XCTAssertEqual(error, step.error, "\(step)")
                continue
            }
            check(person, step)
        }
    }

    @MainActor
    private func play(_ person: Person, _ step: ScenarioStep) async throws {
        switch step.what {
        case "reopen": break
        case "check": await person.tap { $0.check(step.text("code")) }
        case "follow": await person.tap { _ = $0.act(.follow(link: step.text("code"))) }
        case "follow-pack":
            await person.tap { $0.check(step.text("code")) }
            await person.tap { $0.keep(step.text("code")) }
        case "sync":
            await person.tap { $0.preferences() }
            await person.tap { $0.sync() }
        case "settings", "memberships": await person.tap { $0.preferences() }
        case "set-node":
            await person.tap { $0.preferences() }
            let node = step.text("node") == "own" ? world.node : step.text("node")
            await person.tap { $0.use(node: node) }
        case "frame":
            await person.tap { $0.scanPack() }
            await person.hold(try world.picture(step.text("file")))
        case "photo":
            await person.tap { $0.scanPack() }
            let rgba = Data(try world.frame(step.text("file")).flatMap { [$0, $0, $0, 255] })
            await person.tap { $0.photo(width: 1280, height: 720, rgba: rgba) }
        case "enrol": try await enrol(person, step)
        // Without a screen: units are followed by those who work at a desk, and the list of packs is the medicine list.
        case "follow-unit": try person.model.phone.wallet.followUnit(code: step.text("code"))
        case "unfollow": try person.model.phone.wallet.unfollow(link: step.text("link"))
        default:
            if step.what.hasPrefix("record-") {
                try await record(person, step)
            } else if step.what.hasPrefix("clinician-") {
                try await clinician(person, step)
            } else {
                try await goods(person, step)
            }
        }
    }

    @MainActor
    private func enrol(_ person: Person, _ step: ScenarioStep) async throws {
        await person.tap { $0.carry() }
        let name = step.text("name").isEmpty ? "scenario" : step.text("name")
        let code = step.text("code").isEmpty ? world.ask("code \(step.text("role")) \(name)") : step.text("code")
        await person.tap { $0.enrol(code) }
        guard step.error == nil, !step.text("identity").isEmpty else { return }
        let members = try person.model.phone.wallet.memberships().map(\.identity)
        XCTAssertEqual(members, [step.text("identity")], "\(step)")
    }

    /// What is on the screen now is what the scenario says.
    @MainActor
    private func check(_ person: Person, _ step: ScenarioStep) {
        let screen = person.model.screen
        if let keys = step.fields["screen"] as? [String] {
            // What is wrong with an input is said without its title, where it was typed.
            let shown = person.reads.count == 1 ? Array(keys.suffix(1)) : keys
            XCTAssertEqual(person.reads, shown, "\(step)")
        } else if let error = step.error, !step.isMendedByTheApp {
            let told = faultScreen(fault: .failed(error: error))
            XCTAssertTrue(person.reads.contains(told.text.key), "\(step): \(person.reads)")
        } else if step.error == nil, case .faulty(let fault) = screen {
            XCTFail("\(step): \(fault)")
        }
        if let verdict = step.fields["verdict"] as? String {
            guard case .verdict(let found) = screen else { return XCTFail("\(step): \(screen)") }
            let shown = found.screen
            XCTAssertEqual(shown.title.key, "verdict.\(verdict)", "\(step)")
            let reasons = step.fields["reasons"] as! [String]
            let keys = ([shown.reason] + shown.others).map(\.key)
            XCTAssertEqual(keys, reasons.isEmpty ? ["verdict.all-in-order"] : reasons.map { "reason.\($0)" }, "\(step)")
            // Each time it was received with its box: how many of the packs in it were scanned.
            let boxes = shown.way.flatMap(\.notes).filter { $0.key == "way.unit" }
            let units = boxes.map { "\($0.number("scanned")) of \($0.number("packs"))" }
            XCTAssertEqual(units, step.fields["units"] as? [String] ?? [], "\(step)")
        }
        if step.text("sight") == "nothing" { XCTAssertEqual(person.aim, .pack, "\(step)") }
        if let identities = step.fields["identities"] as? [String] {
            guard case .preferences(let shown, _) = screen else { return XCTFail("\(step): \(screen)") }
            let settings = shown.settings
            XCTAssertEqual(settings.memberships.map(\.identity), identities, "\(step)")
            if let node = step.fields["node"] as? String {
                XCTAssertEqual(settings.node, node == "own" ? world.node : node, "\(step)")
                XCTAssertEqual(Int(settings.following), step.fields["following"] as? Int, "\(step)")
                XCTAssertEqual(settings.knowledge.checkpoint != nil, step.fields["synced"] as? Bool, "\(step)")
            }
        }
    }
}

/// A step of a scenario.
struct ScenarioStep: CustomStringConvertible {
    let fields: [String: Any]

    init(_ fields: [String: Any]) { self.fields = fields }

    var description: String { "\(fields)" }
    var what: String { text("do") }
    /// The names of sections or goods that it is about.
    var sections: [String] { fields["sections"] as? [String] ?? [] }
    var rows: [String]? { fields["rows"] as? [String] }

    func text(_ name: String) -> String { fields[name] as? String ?? "" }

    /// The error that the core answers with.
    var error: CountersignError? {
        let reason = text("reason")
        switch text("error") {
        case "retry": return .Retry(afterMillis: nil)
        case "refused": return .Refused(reason: reason)
        case "invalid": return .Invalid(reason: reason)
        case "cancelled": return .Cancelled
        case "key-needed": return .KeyNeeded
        case "key-store-failed": return .KeyStoreFailed
        case "distrusted": return .Distrusted
        case "clock": return .Clock
        case "storage": return .Storage
        default: return nil
        }
    }

    /// The app updates its data by itself where the core asks for that.
    var isMendedByTheApp: Bool { what == "clinician-offers" && text("error") == "retry" }
}

extension Text {
    func number(_ name: String) -> UInt64 {
        guard case .number(let number)? = arguments.first(where: { $0.name == name })?.value else { return 0 }
        return number
    }
}
