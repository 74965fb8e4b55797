import Countersign
import Foundation
import XCTest

@testable import AppModel

/// Somebody who speaks for a domain, with a phone, two domains with ledgers of their own, and the one that they share.
final class DomainTests: WorldTests, @unchecked Sendable {
    private struct Place: Decodable {
        let node: String
        let genesis: String

        func codes() throws -> [String] {
            try registerCodes(node: node, genesis: Data(contentsOf: URL(fileURLWithPath: genesis)))
        }
    }

    private let member = "spiffe://north.example/domain-authority/ana"

    @MainActor
    private func all(_ person: Person) throws -> DomainsScreen {
        guard case .atDomain(.all(let shown)) = person.model.screen else {
            throw Missing(name: "domains: \(person.model.screen)")
        }
        return shown
    }

    /// Ana has signed in at the north, which takes part.
    @MainActor
    private func ana() async throws -> Person {
        let places = try JSONDecoder().decode([String: Place].self, from: Data(world.ask("domains").utf8))
        let ana = try await person("ana")
        await ana.tap { $0.scanRegister() }
        try await ana.hold(codes: XCTUnwrap(places["shared"]).codes())
        guard case .pin(let register) = ana.model.screen else { throw Missing(name: "words to compare") }
        await ana.tap { $0.pin(register) }
        await ana.tap { $0.domains() }
        ana.sees("domains.begin")
        for domain in ["north", "south"] {
            await ana.tap { $0.scanDomain() }
            try await ana.hold(codes: XCTUnwrap(places[domain]).codes())
            guard case .atDomain(.adding(let register)) = ana.model.screen else {
                throw Missing(name: "words to compare: \(ana.model.screen)")
            }
            await ana.tap { $0.add(domain: register) }
        }
        XCTAssertEqual(try all(ana).domains.map(\.domain), ["north.example", "south.example"])
        let north = try all(ana).domains[0]
        await ana.tap { $0.signIn(at: north) }
        await ana.tap { $0.signIn(code: "0000") }
        ana.sees("refused.enrol-code")
        let code = world.ask("domains code domain-authority ana")
        await ana.tap { $0.signIn(code: code) }
        ana.sees("domains.who")
        XCTAssertEqual(world.ask("domains introduce \(member)"), "introduced")
        await ana.tap { $0.syncDomains() }
        ana.sees("domains.apart")
        await ana.tap { $0.registerDomain() }
        ana.sees("domains.proposed")
        XCTAssertEqual(world.ask("domains settle"), "settled")
        await ana.tap { $0.syncDomains() }
        XCTAssertNil(try all(ana).problem)
        return ana
    }

    /// Shows this phone's message to the south, and scans what that shows.
    @MainActor
    private func exchange(_ person: Person) async throws {
        guard case .atDomain(.greeting(let shown, _, _)) = person.model.screen else {
            throw Missing(name: "a message: \(person.model.screen)")
        }
        XCTAssertTrue(person.model.screen.showsCodes)
        let reply = world.ask("domains reply " + shown.message.map { String(format: "%02x", $0) }.joined())
        let digits = Array(reply)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
        await person.tap { $0.next(.scan) }
        let greeting = DomainGreeting(step: .challenge, party: "", message: Data(bytes))
        try await person.hold(codes: greetingScreen(greeting: greeting, isOwn: true).codes)
    }

    /// Ana is known in the south, and writes what she asks for.
    @MainActor
    private func becomeKnown(_ ana: Person) async throws {
        let data = try XCTUnwrap(all(ana).data.first)
        await ana.tap { $0.open(data) }
        await ana.tap { $0.ask(about: data) }
        ana.sees("licence.nobody")
        await ana.tap { $0.greet(domain: "south.example") }
        ana.sees("greeting.show")
        try await exchange(ana)
        ana.sees("greeting.challenge")
        await ana.tap { $0.next(.reply) }
        try await exchange(ana)
        ana.sees("greeting.record")
        await ana.tap { $0.next(.keep) }
        let known = try XCTUnwrap(all(ana).data.first)
        await ana.tap { $0.open(known) }
        await ana.tap { $0.ask(about: known) }
        ana.sees("licence.you")
    }

    @MainActor
    private func ask(_ ana: Person, to operations: [DataOp]) async throws {
        guard case .atDomain(.asking(let shown, _)) = ana.model.screen else {
            throw Missing(name: "what to ask: \(ana.model.screen)")
        }
        let (user, purpose) = (shown.people[0].user, shown.purposes[0].purpose)
        await ana.tap { $0.ask(for: user, to: operations, purpose: purpose, days: shown.days[0].days) }
    }

    @MainActor
    func testSomebodyBecomesKnownAsksSeesWhoLookedAndWhereDataWentAndTakesItBack() async throws {
        let ana = try await ana()
        try await becomeKnown(ana)
        try await ask(ana, to: [])
        ana.sees("fault.invalid-data-operation")
        try await ask(ana, to: [.read, .derive])
        ana.sees("licence.voting", "licence.expected", "licence.votes")
        XCTAssertEqual(world.ask("domains settle"), "settled")
        await ana.tap { $0.syncDomains() }
        ana.sees("request.granted")

        ana.model.home()
        await ana.tap { $0.domains() }
        let key = try XCTUnwrap(all(ana).data.first).key
        await ana.tap { $0.accesses(of: key) }
        ana.sees("looked.nobody")
        XCTAssertEqual(world.ask("domains note read"), "noted")
        XCTAssertEqual(world.ask("domains note share"), "noted")
        XCTAssertEqual(world.ask("domains derive").count, 64)
        await ana.tap { $0.syncDomains() }
        ana.sees("finding.operation")
        guard case .atDomain(.accesses(_, let looked)) = ana.model.screen else {
            return XCTFail("\(ana.model.screen)")
        }
        XCTAssertEqual(looked.list.map(\.findings.count), [1, 0])

        ana.model.back()
        await ana.tap { $0.trace(key) }
        guard case .atDomain(.trace(_, let trace)) = ana.model.screen else { return XCTFail("\(ana.model.screen)") }
        XCTAssertEqual(trace.rows.map(\.rails), [[], [false]])
        XCTAssertEqual(trace.rows.map(\.mark), [.inOrder, .inOrder], "made under the licence")

        ana.model.back()
        let licence = try XCTUnwrap(all(ana).licences.first)
        await ana.tap { $0.show(licence) }
        await ana.tap { $0.revoking(licence) }
        await ana.tap { $0.revoke(.owner) }
        ana.sees("licence.revoked", "cause.owner")
    }

    @MainActor
    func testWhatTheOwnerDoesNotAllowIsDeniedAndThePhoneSaysWhy() async throws {
        let ana = try await ana()
        try await becomeKnown(ana)
        try await ask(ana, to: [.share])
        ana.sees("licence.voting", "denial.operation")
        XCTAssertEqual(world.ask("domains settle"), "settled")
        await ana.tap { $0.syncDomains() }
        ana.sees("request.denied", "denial.operation")

        ana.model.home()
        await ana.tap { $0.domains() }
        await ana.tap { $0.remove(domain: "south.example") }
        let key = try XCTUnwrap(all(ana).data.first).key
        await ana.tap { $0.accesses(of: key) }
        ana.sees("looked.not-here")
    }
}
