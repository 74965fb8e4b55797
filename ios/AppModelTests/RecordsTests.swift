import Countersign
import Foundation
import XCTest

@testable import AppModel

/// A patient and a doctor with their phones, a real node, its record store and an attribute authority.
final class RecordsTests: WorldTests, @unchecked Sendable {
    /// Jane, whose record has a document with problems, medication and results.
    @MainActor
    private func jane() async throws -> Person {
        let jane = try await pinned("jane")
        await jane.tap { $0.records() }
        XCTAssertTrue(jane.model.screen.isPrivate)
        await jane.tap { $0.beginRecord() }
        jane.sees("records.point-authority")
        try await jane.hold(codes: authorityCodes(message: world.house))
        await jane.tap { $0.beginRecord() }
        let id = record(jane).screen.id
        XCTAssertEqual(record(jane).screen.next, .enrol)
        let (others, own) = (world.ask("code patient somebody-else"), world.ask("code patient \(id)"))
        await jane.tap { $0.enrol(record: id, code: others) }
        jane.sees("refused.record-other-owner")
        await jane.tap { $0.enrol(record: id, code: own) }
        jane.sees("record.no-document")
        await jane.tap { $0.showDoctor(record: id) }
        guard case .code(let shown) = jane.model.screen else { throw Missing(name: "the key of this phone") }
        let said = shown.code.split(separator: " ")
        XCTAssertEqual(String(said[0]), id)
        jane.model.back()
        let none = try world.file("blank.pgm")
        await jane.tap { $0.take(document: none) }
        jane.sees("refused.record-altered")
        let signed = try Data(contentsOf: URL(fileURLWithPath: world.ask("document \(id) \(said[1]) 1")))
        await jane.tap { $0.take(document: signed) }
        jane.sees("record.published", "record.nobody")
        await jane.tap { $0.read() }
        XCTAssertEqual(document(jane).sections.map(\.title).sorted(), ["Medication", "Problems", "Results"])
        XCTAssertTrue(document(jane).warnings.isEmpty)
        jane.model.back()
        return jane
    }

    @MainActor
    private func ada() async throws -> Person {
        let ada = try await pinned("ada")
        await ada.tap { $0.carry() }
        let code = world.ask("code doctor ada")
        await ada.tap { $0.enrol(code) }
        ada.model.home()
        _ = world.ask("attributes spiffe://meds.example/doctor/ada role: cardiologist;hospital: north")
        await ada.tap { $0.records() }
        await ada.tap { $0.scanAuthority() }
        try await ada.hold(codes: authorityCodes(message: world.house))
        XCTAssertNotNil(clinic(ada))
        return ada
    }

    @MainActor
    private func record(_ person: Person) -> Record {
        guard case .record(let record, _) = person.model.screen else {
            fatalError("no record on \(person.model.screen)")
        }
        return record
    }

    @MainActor
    private func document(_ person: Person) -> DocumentScreen {
        guard case .document(let document, _) = person.model.screen else {
            fatalError("no document on \(person.model.screen)")
        }
        return document
    }

    @MainActor
    private func clinic(_ person: Person) -> Clinic? {
        if case .records(let medical) = person.model.screen { medical.clinic } else { nil }
    }

    /// The parts of the sections that are named.
    @MainActor
    private func parts(_ person: Person, _ titles: String...) -> [UInt8] {
        guard case .sharing(let sharing, _) = person.model.screen else { return [] }
        return sharing.sections.filter { titles.contains($0.title) }.map(\.part)
    }

    /// Chooses what may be asked for, and asks.
    @MainActor
    private func ask(_ person: Person, _ which: (AskChoice) -> Bool, _ reason: String = "") async {
        guard case .asking(let shown) = person.model.screen, let choice = shown.choices.first(where: which) else {
            return XCTFail("nothing to ask for on \(person.model.screen)")
        }
        await person.tap { $0.choose(choice, record: shown.record) }
        await person.tap { $0.send(name: "Dr. Ada", reason: reason) }
    }

    @MainActor
    private func does(_ person: Person, _ step: RequestStep) async {
        // What is not on the phone yet comes first.
        let requests = (clinic(person)?.requests ?? []).sorted { !$0.steps.contains(.read) && $1.steps.contains(.read) }
        guard let request = requests.first(where: { $0.steps.contains(step) }) else {
            return XCTFail("\(step) cannot be done on \(person.model.screen)")
        }
        await person.tap { $0.step(step, of: request) }
    }

    @MainActor
    func testAPatientGivesSectionsToADoctorWithoutThisAppByALinkAndEndsIt() async throws {
        let jane = try await jane()
        let id = record(jane).screen.id
        await jane.tap { $0.links(record: id) }
        XCTAssertEqual(links(jane), [])
        await jane.tap { $0.chooseForLink(record: id) }
        guard case .linking(let linking, _) = jane.model.screen else { throw Missing(name: "the choice") }
        let parts = linking.sections.filter { $0.title == "Problems" }.map(\.part)
        await jane.tap { $0.makeLink(parts: parts, days: 7, passcode: "123", name: "For Dr. Grace") }
        jane.sees("refused.link-passcode")
        await jane.tap { $0.makeLink(parts: parts, days: 7, passcode: "tulip", name: "For Dr. Grace") }
        guard case .linked(let made) = jane.model.screen else { throw Missing(name: "the link") }
        XCTAssertTrue(made.screen.link.hasPrefix("shlink:/"))
        XCTAssertTrue(made.screen.lines.map(\.key).contains("by-link.passcode"))
        XCTAssertTrue(jane.model.screen.isPrivate && jane.model.screen.showsCodes)

        jane.model.back()
        await jane.tap { $0.links(record: id) }
        XCTAssertEqual(links(jane).map(\.name), [made.screen.name])
        await jane.tap { $0.end(link: made.screen.name, of: id) }
        XCTAssertEqual(links(jane), [])
    }

    @MainActor
    private func links(_ person: Person) -> [SharedLinkScreen] {
        guard case .links(let shown) = person.model.screen else {
            XCTFail("no links on \(person.model.screen)")
            return []
        }
        return shown.links
    }

    @MainActor
    func testADoctorReadsWhatThePatientSharesAlsoWithoutANetworkAndThePatientSeesItAndTakesItBack() async throws {
        let jane = try await jane()
        let id = record(jane).screen.id
        await jane.tap { $0.share(record: id) }
        await jane.tap { $0.shared(policy: "role cardiologist", parts: [], mode: .atOnce, minutes: 60) }
        jane.sees("fault.invalid-policy")
        let shown = parts(jane, "Problems", "Medication")
        _ = world.ask("stop")
        await jane.tap {
            $0.shared(policy: "role: cardiologist and hospital: north", parts: shown, mode: .atOnce, minutes: 60)
        }
        jane.sees("fault.retry")
        _ = world.ask("start")
        await jane.tapAction()
        XCTAssertEqual(record(jane).screen.lines.count, 1, "what was said once is said once, also when it is tried again")
        await jane.tap { $0.share(record: id) }
        let results = parts(jane, "Results")
        await jane.tap { $0.shared(policy: "role: cardiologist", parts: results, mode: .emergency, minutes: 60) }
        XCTAssertEqual(record(jane).screen.lines.map(\.emergency), [false, true])
        await jane.tap { $0.showLink(record: id) }
        XCTAssertTrue(jane.model.screen.isPrivate && jane.model.screen.showsCodes, "a picture of the code is the code")

        var ada = try await ada()
        await ada.tap { $0.scanPatient() }
        try await ada.watch(jane)
        ada.sees("ask.key-missing")
        await ada.tap { $0.fetchKey(record: id) }
        XCTAssertEqual(ada.reads, [])
        await ask(ada, { $0.fits && !$0.needsReason })
        await does(ada, .open)
        let read = document(ada)
        XCTAssertEqual(Set(read.sections.filter { $0.mark == .present }.map(\.title)), ["Medication", "Problems"])
        XCTAssertEqual(read.warnings.map(\.key), ["document.withheld"])
        XCTAssertFalse(read.kept.isEmpty)

        ada = try await ada.killed()
        _ = world.ask("stop")
        await does(ada, .read)
        XCTAssertEqual(document(ada), read, "what is kept is read without a network")
        _ = world.ask("start")
        ada.model.back()

        await ada.tap { $0.ask(record: id) }
        await ask(ada, { $0.needsReason })
        ada.sees("fault.invalid-reason")
        await ada.tap { $0.send(name: "Dr. Ada", reason: "not conscious") }
        await does(ada, .open)
        XCTAssertTrue(document(ada).sections.contains { $0.title == "Results" && $0.mark == .present })
        ada.model.back()

        let phone = jane.model.phone
        let isDone = await phone.round()
        XCTAssertTrue(isDone)
        let news = phone.news()
        XCTAssertEqual(news.map(\.title.key), ["notice.record-emergency"])
        try phone.told(news[0])
        XCTAssertEqual(news[0].neutral.key, "notice.record-neutral")
        XCTAssertEqual(phone.news(), [], "told once")
        jane.model.back()
        await jane.tap { $0.accesses(record: id) }
        await jane.tap { $0.refreshAccesses(record: id) }
        guard case .accesses(let accesses) = jane.model.screen, let first = accesses.screen.list.first else {
            return XCTFail("nobody asked: \(jane.model.screen)")
        }
        XCTAssertEqual(first.mark, .emergency, "the emergency comes first")
        XCTAssertEqual(first.answers, [.withdraw])
        await jane.tap { $0.answer(.withdraw, record: id, thread: first.thread) }
        jane.sees("access.withdrawn")

        await ada.tap { $0.refreshRecords() }
        ada.sees("request.withdrawn")
        let readable = clinic(ada)!.requests.filter { $0.steps.contains(.read) }
        XCTAssertEqual(readable.count, 1, "what was withdrawn is erased, and the rest is there")

        for person in [jane, ada] {
            XCTAssertGreaterThan(try person.keys.names.count, 1)
            await person.tap { $0.erasing() }
            await person.tap { $0.erase() }
            XCTAssertEqual(person.model.screen, .start)
            XCTAssertEqual(try person.keys.names, [], "no key and no secret is left")
        }
    }

    @MainActor
    func testALostPhoneIsReplacedFromPaper() async throws {
        let jane = try await jane()
        let id = record(jane).screen.id
        await jane.tap { $0.paper(record: id) }
        guard case .paper(let lines) = jane.model.screen else { return XCTFail("\(jane.model.screen)") }
        XCTAssertEqual(lines.count, 7)
        XCTAssertTrue(jane.model.screen.isPrivate)
        let again = try await jane.killed()
        guard case .records = again.model.screen else { return XCTFail("a secret is not shown unasked") }

        let june = try await pinned("june")
        await june.tap { $0.records() }
        await june.tap { $0.restoring() }
        june.sees("records.point-authority")
        try await june.hold(codes: authorityCodes(message: world.house))
        await june.tap { $0.restoring() }
        await june.tap { $0.restore(paper: "0123 4567") }
        june.sees("fault.invalid-paper")
        // As a person types it.
        await june.tap { $0.restore(paper: lines.joined(separator: " ").lowercased()) }
        june.sees("record.not-enrolled")
        XCTAssertEqual(record(june).screen.id, id)
        let code = world.ask("code patient \(id)")
        await june.tap { $0.enrol(record: id, code: code) }
        june.sees("record.restoring")
        await june.tap { $0.publish(record: id) }
        june.sees("record.published")
        await june.tap { $0.read() }
        XCTAssertEqual(document(june).sections.map(\.title).sorted(), ["Medication", "Problems", "Results"])
    }

    /// The image that the results name.
    @MainActor
    private func image(_ person: Person) throws -> ImageScreen {
        try XCTUnwrap(document(person).sections.first { $0.title == "Results" }?.images.first)
    }

    @MainActor
    func testAnImageIsTakenFromAFileSharedAndIsInAFileOnlyWhileItIsLookedAt() async throws {
        let jane = try await jane()
        let id = record(jane).screen.id
        let scan = folder.appendingPathComponent("scan")
        // Of two pieces.
        let bytes = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        try bytes.write(to: scan)
        let holder = try jane.model.phone.records.holder(record: id).map { String(format: "%02x", $0) }.joined()
        let signed = try Data(contentsOf: URL(fileURLWithPath: world.ask("document \(id) \(holder) 2 \(scan.path)")))
        await jane.tap { $0.take(document: signed) }
        await jane.tap { $0.read() }
        let named = try image(jane)
        XCTAssertEqual([named.next], [.take])
        XCTAssertEqual(Int(named.bytes), bytes.count)
        let other = folder.appendingPathComponent("other")
        try Data("another picture".utf8).write(to: other)
        await jane.tap { $0.take(named) { read in try read(other) } }
        jane.sees("refused.record-other-image")
        await jane.tapAction()
        await jane.tap { $0.take(named) { read in try read(scan) } }
        let here = try image(jane)
        XCTAssertEqual(here.next, .show)

        await jane.tap { $0.show(here) }
        guard case .picture(let shown) = jane.model.screen else { return XCTFail("\(jane.model.screen)") }
        XCTAssertTrue(jane.model.screen.isPrivate)
        XCTAssertEqual(try Data(contentsOf: shown.file), bytes)
        jane.model.back()
        XCTAssertFalse(FileManager.default.fileExists(atPath: shown.file.path))

        jane.model.back()
        await jane.tap { $0.share(record: id) }
        let results = parts(jane, "Results")
        await jane.tap { $0.shared(policy: "role: cardiologist", parts: results, mode: .atOnce, minutes: 60) }
        await jane.tap { $0.showLink(record: id) }
        let ada = try await ada()
        await ada.tap { $0.scanPatient() }
        try await ada.watch(jane)
        await ada.tap { $0.fetchKey(record: id) }
        await ask(ada, { $0.fits && !$0.needsReason })
        await does(ada, .open)
        let shared = try image(ada)
        await ada.tap { $0.show(shared) }
        guard case .picture(let read) = ada.model.screen else { return XCTFail("\(ada.model.screen)") }
        XCTAssertEqual(try Data(contentsOf: read.file), bytes)
        // Killed while it was looked at.
        _ = try await ada.killed()
        XCTAssertFalse(FileManager.default.fileExists(atPath: read.file.path))
    }

    @MainActor
    func testWhoeverFitsNoRuleAsksThePatientWhoChoosesWhatToShow() async throws {
        let jane = try await jane()
        let id = record(jane).screen.id
        jane.sees("record.not-open")
        await jane.tap { $0.set(open: true, record: id) }
        jane.sees("record.open")
        await jane.tap { $0.showLink(record: id) }
        let ada = try await ada()
        await ada.tap { $0.scanPatient() }
        try await ada.watch(jane)
        await ada.tap { $0.fetchKey(record: id) }
        await ask(ada, { $0.label == nil }, "ward round")
        ada.sees("request.waiting")

        jane.model.back()
        await jane.tap { $0.accesses(record: id) }
        await jane.tap { $0.refreshAccesses(record: id) }
        jane.sees("access.waiting")
        guard case .accesses(let accesses) = jane.model.screen else { return XCTFail("nobody asked") }
        let thread = accesses.screen.list[0].thread
        await jane.tap { $0.answer(.allowParts, record: id, thread: thread) }
        let results = parts(jane, "Results")
        await jane.tap { $0.shared(policy: "", parts: results, mode: .atOnce, minutes: 60) }
        await jane.tap { $0.refreshAccesses(record: id) }
        jane.sees("access.granted")

        await ada.tap { $0.refreshRecords() }
        await does(ada, .open)
        XCTAssertEqual(document(ada).sections.filter { $0.mark == .present }.map(\.title), ["Results"])
        ada.model.back()
        await does(ada, .forget)
        XCTAssertEqual(clinic(ada)?.requests, [])

        jane.model.home()
        await jane.tap { $0.records() }
        await jane.tap { $0.open(record: id) }
        await jane.tap { $0.erasing(record: id) }
        await jane.tap { $0.erase(record: id) }
        XCTAssertEqual(jane.model.screen, .records(Medical(own: [], clinic: nil)))
    }
}
