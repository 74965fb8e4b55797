import Foundation
import XCTest

@testable import Countersign

/// Somebody who looks into other domains, by ledgers of their own: the steps of a scenario that begin with `domains-`.
final class Across {
    private struct Ledger: Decodable {
        let node: String
        let genesis: String

        func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: genesis)) }
    }

    private let world: World
    private let ledgers: [String: Ledger]
    private let wallet: Wallet
    private let domains: Domains
    /// The message that was said last.
    private var said = Data()

    init(_ world: World, folder: URL, keys: SoftwareKeys) throws {
        self.world = world
        ledgers = try JSONDecoder().decode([String: Ledger].self, from: Data(world.ask("domains").utf8))
        let shared = ledgers["shared"]!
        let database = folder.appendingPathComponent("shared.db").path
        wallet = try Wallet.open(database: database, genesis: shared.bytes(), node: shared.node, keys: keys)
        let place = folder.appendingPathComponent("domains").path
        domains = Domains(wallet: wallet, key: "signing", folder: place)
    }

    private func data() throws -> String { try domains.view().data[0].key }

    func play(_ step: [String: Any]) throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let told = { (name: String, told: String?) in XCTAssertEqual(told ?? "", text(name), "\(step)") }
        switch text("do") {
        case "domains-open": break
        case "domains-world":
            let answer = world.ask("domains \(text("command"))")
            if step["answer"] != nil { told("answer", answer) }
        case "domains-add":
            let ledger = ledgers[text("ledger")]!
            told("domain", try domains.add(node: ledger.node, genesis: ledger.bytes()))
        case "domains-remove": try domains.remove(domain: text("domain"))
        case "domains-enrol":
            let given = text("code")
            let code = given.isEmpty ? world.ask("domains code \(text("role")) \(text("name"))") : given
            told("member", try domains.enrol(domain: text("domain"), code: code))
        case "domains-sync":
            try domains.sync()
            while true { if case .done = try wallet.syncStep() { break } }
        case "domains-view":
            let screen = domainsScreen(view: try domains.view())
            told("says", screen.who.key)
            told("next", "\(screen.next)")
            told("problem", screen.problem?.key)
            XCTAssertEqual(screen.domains.map(\.domain), step["domains"] as? [String], "\(step)")
        case "domains-register": try domains.register()
        case "domains-greet":
            let greeting = try domains.greet(domain: text("domain"))
            told("step", "\(greeting.step)")
            said = greeting.message
        case "domains-exchange":
            let reply = Array(world.ask("domains reply " + said.map { String(format: "%02x", $0) }.joined()))
            let bytes = stride(from: 0, to: reply.count - 1, by: 2).compactMap {
                UInt8(String(reply[$0...($0 + 1)]), radix: 16)
            }
            let next = try domains.reply(message: Data(bytes))
            told("step", next.map { "\($0.step)" })
            said = next?.message ?? Data()
        case "domains-ask":
            let all: [String: DataOp] = ["read": .read, "derive": .derive]
            let operations = (step["operations"] as? [String] ?? []).compactMap { all[$0] }
            let given = text("user")
            let user = given.isEmpty ? try domains.view().people[0].user : given
            let question = DataQuestion(
                key: try data(), user: user, operations: operations, purpose: "HRESCH", days: 7)
            _ = try domains.ask(question: question)
        case "domains-licence":
            let licence = domainsScreen(view: try domains.view()).licences[0]
            told("state", licence.state.key)
            XCTAssertEqual(licence.reasons.map(\.key), step["reasons"] as? [String], "\(step)")
            XCTAssertEqual(licence.causes.count, step["causes"] as? Int, "\(step)")
        case "domains-revoke": try domains.revoke(thread: domains.view().licences[0].thread, cause: .owner)
        case "domains-accesses":
            let screen = dataAccessesScreen(accesses: try domains.accesses(key: data()))
            let findings = screen.list.map { $0.findings.map(\.key) }
            XCTAssertEqual(findings, step["findings"] as? [[String]], "\(step)")
            told("none", screen.none?.key)
            told("warning", screen.warning?.key)
        case "domains-trace":
            let rows = traceScreen(trace: try domains.trace(key: data())).rows
            XCTAssertEqual(rows.map(\.title.key), step["titles"] as? [String], "\(step)")
            XCTAssertEqual(rows.map(\.rails), step["rails"] as? [[Bool]], "\(step)")
            XCTAssertEqual(rows.map { $0.notes[0].key }, step["notes"] as? [String], "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }
}
