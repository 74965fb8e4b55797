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
        guard case .verdict(let shown) = ann.model.screen else { return XCTFail("no verdict") }
        XCTAssertFalse(shown.screen.way.isEmpty)
        let link = try XCTUnwrap(shown.screen.keep)
        await ann.tap { $0.keep(link) }
        guard case .verdict(let kept) = ann.model.screen else { return XCTFail("no verdict") }
        XCTAssertTrue(kept.isKept && kept.screen == shown.screen)
        XCTAssertTrue(ann.model.wantsToTell, "from now on there is something to tell of")
        await ann.tap { $0.rests(on: shown.screen.rests) }
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
        guard case .verdict(let shown) = ann.model.screen else { return XCTFail("no verdict") }
        await ann.tap { $0.check(shown.screen.readings[0].link) }
        ann.sees("verdict.authentic")
    }

    @MainActor
    func testWhatWasScannedIsRememberedIfThePersonWantsItAndForgottenAgain() async throws {
        var ann = try await pinned("ann")
        await ann.tap { $0.check(genuine) }
        await ann.tapAction()
        await ann.tap { $0.history() }
        XCTAssertEqual(ann.model.screen, .history(History(scans: [], isOn: false)), "nobody asked for it")
        await ann.tap { $0.remember(true) }
        ann.model.home()
        for _ in 0..<2 { await ann.tap { $0.check(genuine) } }
        XCTAssertEqual(
            ann.reads, ["verdict.authentic", "verdict.all-in-order", "next.use"], "a second look is no second scan")
        ann = try await ann.killed()
        await ann.tap { $0.history() }
        ann.sees("verdict.authentic")
        XCTAssertTrue(ann.model.screen.isPrivate)

        _ = world.ask("recall https://id.gs1.org/01/09506000134352/10/L1")
        let phone = ann.model.phone
        let isDone = await phone.round()
        XCTAssertTrue(isDone)
        let news = phone.news()
        XCTAssertEqual(news.map { $0.lines.map(\.key) }, [["reason.recalled", "next.return"]])
        XCTAssertEqual(news[0].neutral.key, "notice.neutral", "a locked screen names nothing")
        try phone.told(news[0])
        XCTAssertEqual(phone.news(), [], "told once")
        await ann.tap { $0.eraseHistory() }
        XCTAssertEqual(ann.model.screen, .history(History(scans: [], isOn: true)))
    }

    @MainActor
    func testASuspicionIsReportedAlsoWithoutANetworkAndArrives() async throws {
        _ = world.ask("reports key")
        let ann = try await pinned("ann")
        await ann.tap { $0.check(genuine) }
        await ann.tapAction()
        guard case .verdict(let right) = ann.model.screen else { return XCTFail("no verdict") }
        XCTAssertFalse(right.isDoubtful)
        ann.model.home()
        await ann.tap { $0.check("(01)09506000134352(17)351130(10)L1(21)X001") }
        guard case .verdict(let wrong) = ann.model.screen else { return XCTFail("no verdict") }
        XCTAssertTrue(wrong.isDoubtful, "the world's register takes reports")
        await ann.tap { $0.suspect() }
        await ann.tap { $0.report(words: " ", place: "", answer: "") }
        ann.sees("fault.invalid-report")
        _ = world.ask("stop")
        await ann.tap { $0.report(words: "the seal was broken", place: "", answer: "") }
        ann.sees("report.waiting")
        _ = world.ask("start")
        // Those that follow do not wait for those that are tried again later.
        ann.model.home()
        await ann.tap { $0.check("(01)09506000134352(17)351130(10)L1(21)X001") }
        await ann.tap { $0.suspect() }
        await ann.tap { $0.report(words: "the leaflet is missing", place: "", answer: "") }
        ann.sees("report.received", "report.waiting")
        XCTAssertTrue(world.ask("reports").contains("the leaflet is missing"))
        guard case .reports(let list) = ann.model.screen, let sent = list.first(where: \.settled) else {
            return XCTFail("no list")
        }
        await ann.tap { $0.settle(report: sent.id) }
        XCTAssertEqual(ann.reads, ["report.waiting"])
        await ann.tap { $0.sendReports() }
        XCTAssertEqual(ann.reads, ["report.received"], "who taps does not wait until it is due")
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
            if case .verdict(let found) = ann.model.screen { shown.append(found.screen.verdict) }
            ann.model.back()
        }
        XCTAssertEqual(shown, [.authentic, .attention, .attention, .suspect, .checkScan])
        // And the tasks of a courier, a patient with a record, and a doctor.
        for task in ann.model.tasks {
            var seen = 0
            await ann.tap { $0.tour(task) }
            while ann.model.isTouring {
                seen += 1
                switch ann.model.screen {
                // Whatever is tapped leads on, and nothing is called.
                case .carry: await ann.tap { $0.takeOver() }
                case .offered: await ann.tap { $0.accept() }
                case .record: await ann.tap { $0.read() }
                default: await ann.tap { $0.toured() }
                }
            }
            XCTAssertGreaterThan(seen, 3, task)
            XCTAssertEqual(ann.model.screen, .home(examples: true))
        }
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
