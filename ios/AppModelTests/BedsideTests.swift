import Countersign
import Foundation
import XCTest

@testable import AppModel

/// A nurse with a phone, a real node, a bedside gateway over UDP, and devices in software.
final class BedsideTests: WorldTests, @unchecked Sendable {
    private let member = "spiffe://meds.example/nurse/ana"

    /// Ana, with a badge for her shift behind the password 246810.
    @MainActor
    private func ana() async throws -> Person {
        let ana = try await pinned("ana")
        await ana.tap { $0.ward() }
        ana.sees("ward.nobody")
        await ana.tap { $0.next(.enrol) }
        let code = world.ask("code nurse ana")
        await ana.tap { $0.enrol(code) }
        ana.model.home()
        await ana.tap { $0.ward() }
        ana.sees("ward.no-badge")
        await ana.tap { $0.next(.takeBadge) }
        XCTAssertTrue(ana.model.screen.isPrivate, "a picture of the badge is the badge")
        let badge = world.ask("badge \(member)")
        try await ana.hold(codes: [badge])
        await ana.tap { $0.take(badge: badge, password: "12345") }
        ana.sees("fault.invalid-password-short")
        await ana.tap { $0.take(badge: badge, password: "246810") }
        for _ in 0..<100 where !ana.reads.contains("badge.good") { await ana.tap { $0.next(.sync) } }
        ana.sees("badge.good")
        return ana
    }

    /// Holds the label of a device before the camera, until this phone has what the ledger says of it.
    @MainActor
    private func hold(_ device: String, before person: Person) async throws {
        try await person.hold(codes: ["CSD1 \(device.uppercased())"])
        for _ in 0..<100 where person.reads.contains("bed.unknown") { await person.tap { $0.next(.sync) } }
        person.sees("bed.treatment")
    }

    @MainActor
    private func signIn(_ person: Person, _ title: String, _ password: String = "246810") async {
        guard case .atBed(.device(let shown, _)) = person.model.screen,
            let choice = shown.choices.first(where: { $0.title.key == title })
        else { return XCTFail("\(title) is not on \(person.model.screen)") }
        await person.tap { $0.signIn(choice, password: password) }
    }

    @MainActor
    private func session(_ person: Person) -> SessionScreen? {
        if case .atBed(.session(let shown, _)) = person.model.screen { shown } else { nil }
    }

    /// Waits until the screen says something by itself.
    @MainActor
    private func wait(_ person: Person, for key: String, line: UInt = #line) async {
        let end = Date().addingTimeInterval(30)
        while !person.reads.contains(key), Date() < end { try? await Task.sleep(nanoseconds: 20_000_000) }
        person.sees(key, line: line)
    }

    @MainActor
    private func choose(_ person: Person, _ title: String) async {
        guard let shown = session(person), let choice = shown.commands.first(where: { $0.title.key == title }) else {
            return XCTFail("\(title) is not on \(person.model.screen)")
        }
        await person.tap { $0.command(choice, session: shown) }
    }

    @MainActor
    func testANurseSignsInAtAPumpReadsItSetsItAndSeesWhetherItTookIt() async throws {
        let pump = world.ask("device treatment 1001")
        let ana = try await ana()
        guard case .atBed(.ward(let before)) = ana.model.screen, let badge = before.badges.first else {
            return XCTFail("\(ana.model.screen)")
        }
        await ana.tap { $0.newPassword(of: badge) }
        await ana.tap { $0.changePassword(from: "246810", to: "97531") }
        ana.sees("fault.invalid-password-short")
        await ana.tap { $0.changePassword(from: "246810", to: "975310") }
        ana.sees("badge.good")
        await ana.tap { $0.next(.scanDevice) }
        try await hold(pump, before: ana)
        await signIn(ana, "bed.look", "246810")
        ana.sees("fault.invalid-password")
        await signIn(ana, "bed.act", "975310")
        await wait(ana, for: "metric.heart-rate")
        XCTAssertTrue(ana.model.screen.isPrivate)
        let shown = try XCTUnwrap(session(ana))
        XCTAssertEqual(shown.who.arguments.map(\.value), [.party(name: "ana", role: "nurse")])
        XCTAssertEqual(shown.patient.arguments.map(\.value), [.text("1001")])
        XCTAssertEqual(shown.readings.first?.value?.arguments.map(\.value), [.text("72.0"), .step("unit.per-minute")])

        await choose(ana, "command.infusion-rate")
        await ana.tap { $0.typed(value: "1.000") }
        ana.sees("fault.invalid-value")
        await ana.tap { $0.typed(value: "12,5") }
        guard case .atBed(.command(let command, _)) = ana.model.screen else {
            return XCTFail("nothing to confirm on \(ana.model.screen)")
        }
        XCTAssertEqual(command.value?.arguments.map(\.value), [.text("12.5"), .text("mL/h")])
        XCTAssertEqual(world.ask("heard"), "nothing", "nothing was sent before it was confirmed")
        await ana.tap { $0.send(command) }
        XCTAssertEqual(world.ask("heard"), "4 157784 125 -1 3122")
        await wait(ana, for: "sent.shown")

        await choose(ana, "command.infusion-rate")
        ana.model.hidden()
        await wait(ana, for: "session.locked")
        XCTAssertEqual(session(ana)?.readings, [], "nobody reads it who passes by")
        await ana.tap { $0.unlock(password: "111111") }
        ana.sees("fault.invalid-password")
        await ana.tap { $0.unlock(password: "975310") }
        guard case .atBed(.value) = ana.model.screen else { return XCTFail("\(ana.model.screen)") }
        ana.model.back()
        await wait(ana, for: "metric.heart-rate")

        ana.model.back()
        ana.sees("bed.treatment")
        ana.model.home()
        await ana.tap { $0.ward() }
        guard case .atBed(.ward(let ward)) = ana.model.screen else { return XCTFail("\(ana.model.screen)") }
        XCTAssertEqual(ward.devices.map(\.device), [pump])
    }

    @MainActor
    func testABadgeThatIsTakenBackEndsTheSessionAndThePhoneSaysSo() async throws {
        let pump = world.ask("device treatment 1001")
        let ana = try await ana()
        ana.model.home()
        // Scanned as if it were a pack.
        ana.model.scanPack()
        try await hold(pump, before: ana)
        await signIn(ana, "bed.look")
        await wait(ana, for: "metric.heart-rate")
        XCTAssertEqual(session(ana)?.commands.filter(\.confirms), [], "who only looks sets nothing")
        XCTAssertEqual(world.ask("revoke \(member)"), "revoked")
        await wait(ana, for: "badge.ended")
        XCTAssertEqual(session(ana)?.next, .takeBadge)
    }
}
