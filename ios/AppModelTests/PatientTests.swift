import Countersign
import Foundation
import XCTest

@testable import AppModel

private let genuine = "(01)09506000134352(17)351130(10)L1(21)S001"

/// What a patient does, with the real core and a real node.
final class PatientTests: WorldTests, @unchecked Sendable {
    @MainActor
    func testAPatientPinsARegisterScansAPackAndKnowsItWithoutANetwork() async throws {
        var ann = try await pinned("ann")
        await ann.tap { $0.scanPack() }
        XCTAssertTrue(ann.model.screen.isPrivate, "a pack is being scanned")
        await ann.hold(try world.picture("blank.pgm"))
        await ann.hold(try world.picture("genuine.pgm"))
        ann.sees("verdict.cannot-tell", "next.fetch")
        await ann.tapAction()
        ann.sees("verdict.authentic", "verdict.all-in-order", "next.use")
        XCTAssertTrue(ann.model.screen.isPrivate)
        guard case .verdict(let shown, _) = ann.model.screen else { return XCTFail("no verdict") }
        XCTAssertFalse(shown.way.isEmpty)
        await ann.tap { $0.keep(shown.keep!) }
        XCTAssertEqual(ann.model.screen, .verdict(shown, kept: true))
        await ann.tap { $0.rests(on: shown.rests) }
        guard case .rests(let rests) = ann.model.screen else { return XCTFail("no logs") }
        XCTAssertTrue(!rests.lines.isEmpty && !rests.damaged && !rests.contradictions)

        _ = world.ask("stop")
        ann.model.home()
        await ann.tap { $0.scanPack() }
        await ann.hold(try world.picture("unknown.pgm"))
        ann.sees("verdict.suspect", "reason.unknown-serial", "next.ask-pharmacist")

        ann = try await ann.killed()
        XCTAssertEqual(ann.model.screen, .home(examples: false), "what a person looked at is written down nowhere")
        await ann.tap { $0.medicines() }
        ann.sees("medicines.fetching")
        ann = try await ann.killed()
        ann.sees("medicines.fetching")
        ann.model.back()
        await ann.tap { $0.scanPack() }
        await ann.tap { $0.type(.pack) }
        await ann.tap { $0.typed("(01)09506000134352(17)351130(10)L2(21)T001") }
        ann.sees("verdict.attention", "next.return")

        _ = world.ask("start")
        ann.model.home()
        await ann.tap { $0.preferences() }
        await ann.tap { $0.sync() }
        ann.model.back()
        await ann.tap { $0.medicines() }
        guard case .medicines(let packs) = ann.model.screen else { return XCTFail("no list") }
        XCTAssertEqual(packs.map(\.verdict), [.authentic])
        await ann.tap { $0.forget(packs[0].link) }
        XCTAssertEqual(ann.model.screen, .medicines([]))
    }

    @MainActor
    func testACodeThatWasTypedWronglyOffersWhatWasMeantAndAccusesNobody() async throws {
        let ann = try await pinned("ann")
        await ann.tap { $0.scanPack() }
        await ann.tap { $0.type(.pack) }
        await ann.tap { $0.typed("no code") }
        ann.sees("fault.invalid-code")
        await ann.tap { $0.typed(genuine) }
        await ann.tapAction()
        ann.sees("verdict.authentic")
        ann.model.home()
        await ann.tap { $0.scanPack() }
        await ann.tap { $0.type(.pack) }
        await ann.tap { $0.typed("(01)09506000134352(17)351130(10)l1(21)s001") }
        ann.sees("verdict.check-scan", "reason.case-swapped")
        guard case .verdict(let shown, _) = ann.model.screen else { return XCTFail("no verdict") }
        await ann.tap { $0.check(shown.readings[0].link) }
        ann.sees("verdict.authentic")
    }

    @MainActor
    func testAPhotographIsReadAndOneWithoutACodeSaysSo() async throws {
        let ann = try await pinned("ann")
        let rgba = { (name: String) in Data(try self.world.frame(name).flatMap { [$0, $0, $0, 255] }) }
        await ann.tap { $0.scanPack() }
        let (blank, there) = (try rgba("blank.pgm"), try rgba("genuine.pgm"))
        await ann.tap { $0.photo(width: 1280, height: 720, rgba: blank) }
        ann.sees("scan.no-code")
        await ann.tap { $0.photo(width: 1280, height: 720, rgba: there) }
        ann.sees("verdict.cannot-tell")
    }

    @MainActor
    func testWithoutALedgerExamplesShowEveryVerdict() async throws {
        let ann = try await person("ann")
        let folder = self.folder.appendingPathComponent("world")
        let (database, genesis) = (
            folder.appendingPathComponent("examples.db"), folder.appendingPathComponent("genesis.json")
        )
        await ann.tap { $0.tryExamples(database: database, genesis: genesis) }
        XCTAssertEqual(ann.model.screen, .home(examples: true))
        var shown: [VerdictKind] = []
        for example in examples {
            await ann.tap { $0.check(example.code) }
            if case .verdict(let found, _) = ann.model.screen { shown.append(found.verdict) }
            ann.model.back()
        }
        XCTAssertEqual(shown, [.authentic, .attention, .attention, .suspect, .checkScan])
        await ann.tap { $0.leaveExamples() }
        XCTAssertEqual(ann.model.screen, .start)
    }

    @MainActor
    func testADamagedDatabaseIsBegunAnewAndTheNextUpdateMendsIt() async throws {
        var ann: Person? = try await pinned("ann")
        await ann!.tap { $0.check(genuine) }
        await ann!.tapAction()
        ann!.sees("verdict.authentic")
        let database = ann!.database
        ann = nil
        let size = try Data(contentsOf: database).count
        try Data((0..<size).map { UInt8(truncatingIfNeeded: $0 * 31) }).write(to: database)
        let again = try await person("ann")
        await again.tap { $0.check(genuine) }
        again.sees("verdict.cannot-tell")
        await again.tapAction()
        again.sees("verdict.authentic")
    }
}
