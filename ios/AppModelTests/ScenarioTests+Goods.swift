import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What couriers do in a scenario.
extension ScenarioTests {
    @MainActor
    func goods(_ person: Person, _ step: ScenarioStep) async throws {
        let (phone, codes) = (person.model.phone, noted[step.text("codes")] ?? [])
        switch step.what {
        case "world-offer": noted[step.text("as")] = try world.offer(step.text("goods"))
        case "load":
            await person.tap { $0.type(.load) }
            await person.tap { $0.typed(step.text("goods")) }
        // The app offers to whoever is there, and not to one member alone.
        case "offer":
            await person.tap { $0.handOver(step.text("goods")) }
            note(person, step)
        case "scan" where step.text("sees") == "offer":
            await person.tap { $0.takeOver() }
            try await person.hold(codes: codes)
            let offer = try XCTUnwrap(person.camera?.offer, "\(step): \(person.model.screen)")
            XCTAssertEqual(offer.giver, step.text("giver"), "\(step)")
            XCTAssertEqual(Int(offer.hops), step.fields["hops"] as? Int, "\(step)")
            XCTAssertFalse(offer.contradicts, "\(step)")
            offers[step.text("codes")] = offer
        // Read where it closes the handover, in one go.
        case "scan": break
        case "answer":
            try await look(person, step)
            await answer(person, step.text("condition"))
            note(person, step)
        case "close":
            await person.tap { $0.readAnswer() }
            try await person.hold(codes: noted[step.text("with")]!)
            guard step.error == nil else { break }
            guard case .done(let done) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            let holder = try phone.courier.goods().first { $0.link == done.link }?.holder
            XCTAssertEqual(holder, step.text("holder"), "\(step)")
        case "same": XCTAssertEqual(noted[step.text("codes")], noted[step.text("and")], "\(step)")
        case "dismiss":
            await person.tap { $0.carry() }
            while case .carry(let carry) = person.model.screen, let handover = carry.pending.first {
                await person.tap { $0.dismiss(handover) }
            }
        case "goods":
            let rows = try phone.courier.goods().map { "\($0.holder!), \($0.unit!.scanned) of \($0.unit!.packs)" }
            XCTAssertEqual(rows, step.rows, "\(step)")
            await person.tap { $0.carry() }
            guard case .carry(let carry) = person.model.screen else { return XCTFail("\(step): \(person.model.screen)") }
            let own = try phone.wallet.memberships().first?.identity
            XCTAssertEqual(carry.goods.map(\.mine), rows.map { $0.hasPrefix("\(own!),") }, "\(step)")
        case "outbox":
            await person.tap { $0.outbox() }
            let expected = (step.rows ?? []).map(outgoing)
            XCTAssertEqual(entries(person).map { [$0.title, $0.state] + $0.lines }.map { $0.map(\.key) }, expected, "\(step)")
        case "send", "deliver": await send(person, step)
        case "settle":
            await person.tap { $0.outbox() }
            let refused = try XCTUnwrap(entries(person).first { $0.settles })
            await person.tap { $0.settle(refused.id) }
        // Without a screen: the lists of boxes, and checkpoints, are for those who work at a desk.
        case "contents": try phone.wallet.keepContents(list: world.file(step.text("file")))
        case "show-checkpoint":
            noted[step.text("as")] = try phone.wallet.checkpointCodes()
            XCTAssertEqual(noted[step.text("as")]!.isEmpty, step.fields["nothing"] as? Bool ?? false, "\(step)")
        case "compare":
            let shown = try step.text("note").isEmpty ? checkpoint(person, noted[step.text("with")]!) : step.text("note")
            let found = try phone.wallet.compare(note: shown)
            XCTAssertEqual("\(found)", step.text("finds"), "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    /// The goods and the offer before somebody who takes them over.
    @MainActor
    private func look(_ person: Person, _ step: ScenarioStep) async throws {
        let goods = step.fields["goods"] as! [String]
        if goods.isEmpty {
            // Whoever scans nothing comes no further with the app; the core says the same.
            let offer = try XCTUnwrap(offers[step.text("to")])
            return person.model.go(.offered(Offered(screen: offerScreen(offer: offer), offer: offer, goods: [])))
        }
        await person.tap { $0.takeOver() }
        for printed in goods {
            await person.tap { $0.type(.take) }
            await person.tap { $0.typed(printed) }
        }
        try await person.hold(codes: noted[step.text("to")]!)
    }

    @MainActor
    private func answer(_ person: Person, _ condition: String) async {
        switch condition {
        case "intact": await person.tap { $0.accept() }
        case "damaged":
            await person.tap { $0.photographDamage() }
            await person.tap { $0.takePhotograph() }
            await person.hold(Picture(width: 320, height: 240, luma: Data(repeating: 90, count: 320 * 240)))
        case let why:
            await person.tap { $0.refuse() }
            await person.tap { $0.refuse(because: why) }
        }
    }

    /// The codes that are shown now, if there are any.
    @MainActor
    private func note(_ person: Person, _ step: ScenarioStep) {
        if case .showing(let shown) = person.model.screen { noted[step.text("as")] = shown.handover.codes }
    }

    /// Taps on “send now”: once with `send`, and until nothing waits with `deliver`.
    @MainActor
    private func send(_ person: Person, _ step: ScenarioStep) async {
        await person.tap { $0.outbox() }
        let before = entries(person)
        for _ in 0..<(step.what == "send" ? 1 : 10) where entries(person).contains(where: { !$0.settles }) {
            await person.tap { $0.send() }
        }
        let after = entries(person)
        let refused = { (entries: [OutgoingScreen]) in entries.filter(\.settles).count }
        XCTAssertEqual(before.count - after.count, step.fields["proven"] as? Int, "\(step)")
        XCTAssertEqual(refused(after) - refused(before), step.fields["refused"] as? Int, "\(step)")
        XCTAssertEqual(after.count - refused(after), step.fields["waiting"] as? Int ?? 0, "\(step)")
    }

    @MainActor
    private func entries(_ person: Person) -> [OutgoingScreen] {
        if case .outbox(let entries) = person.model.screen { entries } else { [] }
    }

    /// What a row of the core's outbox, such as `medicine.handover refused custody-conflict conflict-recorded`, shows.
    private func outgoing(_ row: String) -> [String] {
        let words = row.split(separator: " ").map(String.init)
        let cause = words.firstIndex(of: "because").map { words[$0 + 1] }
        let lines: [String] =
            if words[1] == "refused" {
                [faultScreen(fault: .failed(error: .Refused(reason: cause ?? words[2]))).text.key, "outbox.\(words[3])"]
            } else {
                []
            }
        // Profiles share the titles of what they have in common.
        let kind = words[0].split(separator: ".", maxSplits: 1).last.map(String.init) ?? words[0]
        return ["step.\(kind)", "outbox.\(words[1])"] + lines
    }

    /// The checkpoint that another phone shows.
    @MainActor
    private func checkpoint(_ person: Person, _ codes: [String]) throws -> String {
        for code in codes {
            if case .checkpoint(let note) = try person.model.phone.courier.scanCode(text: code) { return note }
        }
        throw Missing(name: "a whole checkpoint")
    }
}

extension Person {
    var camera: Camera? { if case .camera(let camera) = model.screen { camera } else { nil } }
}
