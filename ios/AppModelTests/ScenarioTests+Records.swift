import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What a patient and a doctor do in a scenario.
extension ScenarioTests {
    @MainActor
    func record(_ person: Person, _ step: ScenarioStep) async throws {
        let (phone, record, thread) = (person.model.phone, number(step, "record"), number(step, "thread"))
        await person.tap { $0.records() }
        switch step.what {
        case "record-begin":
            try await knowsTheHouse(person)
            await person.tap { $0.beginRecord() }
            noted[step.text("as")] = [shown(person).screen.id]
        case "record-enrol":
            await person.tap { $0.open(record: record) }
            let name = step.text("name").isEmpty ? record : step.text("name")
            let code = world.ask("code patient \(name)")
            await person.tap { $0.enrol(record: record, code: code) }
        case "record-take":
            let holder = try phone.records.holder(record: record).map { String(format: "%02x", $0) }.joined()
            let file = world.ask("document \(record) \(holder) \(step.fields["version"]!)")
            let signed = try Data(contentsOf: URL(fileURLWithPath: file))
            await person.tap { $0.open(record: record) }
            await person.tap { $0.take(document: signed) }
            guard step.error == nil else { break }
            await person.tap { $0.read() }
            check(try document(person), step)
        case "record-share":
            await person.tap { $0.open(record: record) }
            await person.tap { $0.share(record: record) }
            guard case .sharing(let sharing, _) = person.model.screen else { break }
            try await share(person, step, sharing)
        // Without a screen: who wants to show less closes the line, and opens another.
        case "record-set-parts":
            let document = documentScreen(document: try phone.records.document(record: record))
            let parts = parts(of: document.sections, step)
            try phone.records.setParts(record: record, label: number(step, "line"), parts: Data(parts))
        case "record-publish":
            // What was erased is gone with its last step.
            if try phone.records.all().contains(where: { $0.id == record }) {
                await person.tap { $0.publish(record: record) }
            }
            unpublished.remove(record)
        case "record-link":
            await person.tap { $0.showLink(record: record) }
            guard case .code(let code) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            noted[step.text("as")] = [code.code]
        case "record-paper":
            await person.tap { $0.paper(record: record) }
            guard case .paper(let lines) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            XCTAssertEqual(lines.count, 7, "\(step)")
            noted[step.text("as")] = [lines.joined(separator: "\n")]
        case "record-restore":
            try await knowsTheHouse(person)
            await person.tap { $0.restoring() }
            let paper = step.text("text") + number(step, "paper")
            await person.tap { $0.restore(paper: paper) }
            if step.error == nil { noted[step.text("as")] = [shown(person).screen.id] }
        case "record-allow": await person.tap { $0.answer(.allow, record: record, thread: thread) }
        case "record-withdraw": await person.tap { $0.answer(.withdraw, record: record, thread: thread) }
        case "record-erase":
            await person.tap { $0.erasing(record: record) }
            await person.tap { $0.erase(record: record) }
        case "record-accesses":
            await person.tap { $0.accesses(record: record) }
            guard case .accesses(let shown) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            let list = try phone.records.accesses(record: record).list
            let rows = list.map {
                "\($0.requester?.identity ?? "nobody"): \($0.state), delivered \($0.deliveredMillis.count) times"
            }
            XCTAssertEqual(rows, step.rows, "\(step)")
            XCTAssertEqual(shown.screen.list.map(\.state.key), list.map { "access.\($0.state)" }, "\(step)")
        case "record-all":
            let all = try phone.records.all()
            if all.allSatisfy({ !unpublished.contains($0.id) }) {
                let rows = all.map { "version \($0.version ?? 0), \($0.lines.count) lines" }
                XCTAssertEqual(rows, step.rows, "\(step)")
            }
            XCTAssertEqual(medical(person)?.own.map(\.lines.count), all.map(\.lines.count), "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    @MainActor
    private func share(_ person: Person, _ step: ScenarioStep, _ sharing: Sharing) async throws {
        let (record, parts) = (sharing.record, parts(of: sharing.sections, step))
        let mode = ["at-once": LineMode.atOnce, "ask": .ask][step.text("mode")] ?? .emergency
        if step.fields["private"] as? Bool == true {
            // Without a screen: the app knows the shared log alone.
            let line = NewRecordLine(
                isPrivate: true, policy: step.text("policy"), mode: mode, minutes: 60, parts: Data(parts))
            noted[step.text("as")] = [try person.model.phone.records.share(record: record, line: line)]
        } else {
            let before = try labels(person, record)
            await person.tap { $0.shared(policy: step.text("policy"), parts: parts, mode: mode, minutes: 60) }
            guard step.error == nil else { return }
            noted[step.text("as")] = try labels(person, record).filter { !before.contains($0) }
        }
        unpublished.insert(record)
    }

    @MainActor
    func clinician(_ person: Person, _ step: ScenarioStep) async throws {
        let (phone, record, thread) = (person.model.phone, number(step, "record"), number(step, "thread"))
        if step.what == "clinician-attributes" {
            let registered = world.ask("attributes \(step.text("member")) \(step.text("list"))")
            return XCTAssertEqual(registered, "registered", "\(step)")
        }
        await person.tap { $0.records() }
        if try phone.isMember() { try await knowsTheHouse(person) }
        switch step.what {
        case "clinician-add":
            let link = step.text("text") + number(step, "link")
            await person.tap { $0.open(link: link) }
        case "clinician-key":
            let known = try XCTUnwrap(phone.treating().records().first)
            await person.tap { $0.fetchKey(record: known) }
            XCTAssertTrue(try phone.treating().hasKey(), "\(step)")
        case "clinician-offers":
            await person.tap { $0.ask(record: record) }
            guard !step.isMendedByTheApp else { break }
            let offers = try phone.treating().offers(record: record)
            XCTAssertEqual(offers.map { "\($0.policy): \($0.fits ? "fits" : "does not fit")" }, step.rows, "\(step)")
            guard case .asking(let asking) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            for offer in offers {
                let choice = asking.choices.first { $0.label == offer.label }
                XCTAssertEqual(choice?.fits, offer.fits, "\(step)")
            }
        case "clinician-ask":
            let before = medical(person)?.clinic?.requests.map(\.thread) ?? []
            await person.tap { $0.ask(record: record) }
            guard case .asking(let asking) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            let choice = try XCTUnwrap(asking.choices.first { $0.label == number(step, "line") }, "\(step)")
            await person.tap { $0.choose(choice, record: record) }
            await person.tap { $0.send(name: "Dr. Ada", reason: step.text("reason")) }
            let after = medical(person)?.clinic?.requests.map(\.thread) ?? []
            noted[step.text("as")] = after.filter { !before.contains($0) }
        case "clinician-open", "clinician-read":
            let request = try XCTUnwrap(medical(person)?.clinic?.requests.first { $0.thread == thread }, "\(step)")
            await person.tap { $0.step(step.what == "clinician-open" ? .open : .read, of: request) }
            if step.error == nil { check(try document(person), step) }
        // The app has tidied with its last sync.
        case "clinician-tidy": XCTAssertEqual(try phone.treating().tidy(), 0, "\(step)")
        case "clinician-asked":
            let rows = medical(person)?.clinic?.requests.map { request in
                "\(request.state.key.dropFirst("request.".count))" + (request.kept.key == "request.kept" ? ", kept" : "")
            }
            XCTAssertEqual(rows, step.rows, "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    /// What was noted under the name that a field of the step has.
    @MainActor
    private func number(_ step: ScenarioStep, _ field: String) -> String {
        noted[step.text(field)]?.first ?? ""
    }

    /// Scans the code of the hospital, once.
    @MainActor
    private func knowsTheHouse(_ person: Person) async throws {
        guard try person.model.phone.authority() == nil else { return }
        await person.tap { $0.scanAuthority() }
        try await person.hold(codes: authorityCodes(message: world.house))
        XCTAssertNotNil(medical(person), "\(person.model.screen)")
    }

    @MainActor
    private func medical(_ person: Person) -> Medical? {
        if case .records(let medical) = person.model.screen { medical } else { nil }
    }

    @MainActor
    private func shown(_ person: Person) -> Record {
        guard case .record(let record, _) = person.model.screen else { fatalError("\(person.model.screen)") }
        return record
    }

    @MainActor
    private func document(_ person: Person) throws -> DocumentScreen {
        guard case .document(let document, _) = person.model.screen else {
            throw Missing(name: "a document on \(person.model.screen)")
        }
        return document
    }

    @MainActor
    private func labels(_ person: Person, _ record: String) throws -> [String] {
        try person.model.phone.records.all().first { $0.id == record }?.lines.map(\.label) ?? []
    }

    private func parts(of sections: [SectionScreen], _ step: ScenarioStep) -> [UInt8] {
        sections.filter { step.sections.contains($0.title) }.map(\.part)
    }

    private func check(_ document: DocumentScreen, _ step: ScenarioStep) {
        XCTAssertEqual(document.sections.map(\.title).sorted(), step.sections, "\(step)")
        let withheld = document.warnings.first { $0.key == "document.withheld" }?.number("count") ?? 0
        XCTAssertEqual(Int(withheld), step.fields["withheld"] as? Int ?? 0, "\(step)")
        XCTAssertEqual(document.title, "Patient summary", "\(step)")
        XCTAssertTrue(document.isSigned, "\(step)")
    }
}
