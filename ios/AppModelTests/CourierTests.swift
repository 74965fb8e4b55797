import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What couriers do, with the real core and a real node: their phones read each other's codes as pixels.
final class CourierTests: WorldTests, @unchecked Sendable {
    private let unit = "https://id.gs1.org/00/095060001343520017"

    /// Names the goods by hand, and waits for the other's codes.
    @MainActor
    private func takes(_ person: Person, _ printed: String) async {
        await person.tap { $0.takeOver() }
        person.sees("take.scan-goods")
        await person.tap { $0.type(.take) }
        await person.tap { $0.typed(printed) }
        person.sees("take.scan-offer")
    }

    @MainActor
    private func pending(_ person: Person) throws -> Handover {
        guard case .carry(let carry) = person.model.screen, let handover = carry.pending.first else {
            throw Missing(name: "a handover under way on \(person.model.screen)")
        }
        return handover
    }

    @MainActor
    func testTwoCouriersHandOverWithoutANetworkByPixelsAloneAndAKilledAppGoesOn() async throws {
        let offer = try world.offer(unit)
        var bob = try await courier("bob")
        var carla = try await courier("carla")
        _ = world.ask("stop")

        await takes(bob, "(00)095060001343520017")
        bob = try await bob.killed()
        bob.sees("take.scan-goods")
        await bob.tap { $0.type(.take) }
        await bob.tap { $0.typed("(00)095060001343520017") }
        try await bob.hold(codes: offer)
        guard case .offered(let offered) = bob.model.screen else { return XCTFail("no offer: \(bob.model.screen)") }
        XCTAssertFalse(offered.screen.warns)
        await bob.tap { $0.accept() }
        bob.sees("show.they-signed", "show.you-signed")
        XCTAssertTrue(bob.model.screen.showsCodes && !bob.model.screen.isPrivate, "another phone reads them")
        await bob.tap { $0.dismiss(self.shown(bob)) }
        bob.sees("carry.mine")

        // Bob wants the place said.
        bob.model.places { "48.88, 2.36" }
        await bob.tap { $0.preferences() }
        await bob.tap { $0.say(place: true) }
        guard case .preferences(let shown, _) = bob.model.screen else { return XCTFail("no settings") }
        XCTAssertTrue(shown.saysPlace)
        await bob.tap { $0.handOver(self.unit) }
        bob.sees("show.offer", "show.you-signed")
        bob = try await bob.killed()
        bob.sees("show.offer", "show.you-signed")
        // Also without the place: it stands in the list.
        bob.model.home()
        await bob.tap { $0.carry() }
        let handover = try pending(bob)
        await bob.tap { $0.show(handover) }
        bob.sees("show.offer")

        await takes(carla, "(00)095060001343520017")
        try await carla.watch(bob)
        carla.keys.manner = "cancels"
        await carla.tap { $0.accept() }
        carla.sees("fault.cancelled")
        carla.keys.manner = "works"
        await carla.tapAction()
        await carla.tap { $0.accept() }
        carla.sees("show.answer", "show.they-signed", "show.you-signed")
        carla = try await carla.killed()
        carla.sees("show.answer", "show.they-signed")

        await bob.tap { $0.readAnswer() }
        try await bob.watch(carla)
        XCTAssertEqual(bob.model.screen, .done(Done(goods: goodsText(link: unit), link: unit)))
        await bob.tap { $0.proof(self.unit) }
        bob.sees("proof.signed", "proof.condition", "take.place", "outbox.waiting")
        guard case .proof(let proof) = bob.model.screen else { return XCTFail("no proof") }
        let file = try XCTUnwrap(proof.file)
        XCTAssertTrue(file.name.hasPrefix("delivery-095060001343520017-"), file.name)
        let copy = folder.appendingPathComponent(file.name)
        try file.bytes.write(to: copy)
        XCTAssertEqual(world.ask("verify \(copy.path)"), "3 0", "what the desk's verification makes of it")
        bob.model.back()
        await bob.tap { $0.carry() }
        guard case .carry(let left) = bob.model.screen else { return XCTFail("no list") }
        XCTAssertTrue(left.goods.allSatisfy { !$0.mine }, "bob no longer holds it")
        XCTAssertTrue(left.pending.isEmpty)

        await carla.tap { $0.dismiss(self.shown(carla)) }
        carla.sees("carry.mine")
        await carla.tap { $0.outbox() }
        carla.sees("outbox.waiting")
        carla = try await carla.killed()
        carla.sees("outbox.waiting")
        _ = world.ask("start")
        await bob.tap { $0.outbox() }
        for person in [bob, carla] {
            // What failed while the node was away is not due yet; a person who taps does not wait for that.
            await person.tap { $0.send() }
            XCTAssertEqual(person.model.screen, .outbox([]))
        }
    }

    @MainActor
    private func shown(_ person: Person) -> Handover {
        guard case .showing(let shown) = person.model.screen else { fatalError("no codes on \(person.model.screen)") }
        return shown.handover
    }

    @MainActor
    func testGoodsAreRefusedWithAReasonOrTakenAsDamagedWithAPhotograph() async throws {
        let wet = try world.offer("https://id.gs1.org/00/095060001343520031")
        let dented = try world.offer("https://id.gs1.org/00/095060001343520024")
        let bob = try await courier("bob")
        await takes(bob, "(00)095060001343520031")
        try await bob.hold(codes: wet)
        await bob.tap { $0.refuse() }
        await bob.tap { $0.refuse(because: "  ") }
        guard case .refusing = bob.model.screen else { return XCTFail("a refusal needs its reason") }
        await bob.tap { $0.refuse(because: "wet") }
        bob.sees("show.you-signed")
        await bob.tap { $0.dismiss(self.shown(bob)) }

        await takes(bob, "(00)095060001343520024")
        try await bob.hold(codes: dented)
        await bob.tap { $0.photographDamage() }
        await bob.hold(try world.picture("blank.pgm"))
        XCTAssertEqual(bob.aim, .damage, "no photograph before it is taken")
        await bob.tap { $0.takePhotograph() }
        await bob.hold(try world.picture("blank.pgm"))
        bob.sees("show.you-signed")
        await bob.tap { $0.dismiss(self.shown(bob)) }
        await bob.tap { $0.outbox() }
        guard case .outbox(let entries) = bob.model.screen else { return XCTFail("no outbox") }
        XCTAssertEqual(entries.map(\.title.key).sorted(), ["step.handover", "step.refusal"])
    }

    @MainActor
    func testWhoGotWhatWentToSomebodyElseTooIsToldAndSettlesIt() async throws {
        let twice = try world.offer("https://id.gs1.org/00/095060001343520024")
        let (ann, bob) = (try await courier("ann"), try await courier("bob"))
        _ = world.ask("stop")
        for person in [ann, bob] {
            await takes(person, "(00)095060001343520024")
            try await person.hold(codes: twice)
            await person.tap { $0.accept() }
            await person.tap { $0.dismiss(self.shown(person)) }
        }
        _ = world.ask("start")
        for person in [ann, bob] {
            await person.tap { $0.outbox() }
            await person.tap { $0.send() }
        }
        XCTAssertEqual(ann.model.screen, .outbox([]))
        guard case .outbox(let entries) = bob.model.screen, let refused = entries.first else {
            return XCTFail("\(bob.model.screen)")
        }
        XCTAssertEqual(refused.state.key, "outbox.refused")
        XCTAssertEqual(refused.lines.map(\.key), ["refused.conflict", "outbox.conflict-recorded"])
        await bob.tap { $0.settle(refused.id) }
        XCTAssertEqual(bob.model.screen, .outbox([]))
    }

    @MainActor
    func testTheOfferMayBeReadBeforeTheGoods() async throws {
        let offer = try world.offer(unit)
        let bob = try await courier("bob")
        await bob.tap { $0.takeOver() }
        try await bob.hold(codes: offer)
        bob.sees("take.scan-goods")
        await bob.tap { $0.type(.take) }
        await bob.tap { $0.typed("(00)095060001343520017") }
        guard case .offered = bob.model.screen else { return XCTFail("no offer: \(bob.model.screen)") }
        // Goods that are not those that are offered are refused where they are signed for.
        bob.model.back()
        bob.model.home()
        await takes(bob, "(00)095060001343520024")
        try await bob.hold(codes: offer)
        await bob.tap { $0.accept() }
        bob.sees("refused.goods-differ")
        await bob.tapAction()
        guard case .offered = bob.model.screen else { return XCTFail("nothing was signed") }
    }

    @MainActor
    func testACodeOfOursThatIsOpenedFromOutsideLeadsToTakingOver() async throws {
        let bob = try await courier("bob")
        let code = "(00)095060001343520017"
        await bob.tap { $0.open(link: code) }
        bob.sees("take.scan-offer")
        // Also one that starts the app.
        let phone = Phone(folder: bob.database.deletingLastPathComponent(), keys: bob.keys)
        let model = Model(phone: phone)
        model.start()
        model.open(link: code)
        for _ in 0..<500 where model.isBusy { try await Task.sleep(nanoseconds: 5_000_000) }
        guard case .camera(let camera) = model.screen else { return XCTFail("\(model.screen)") }
        XCTAssertEqual(camera.aim, .take)
        // Somebody who has not enrolled is asked to.
        let ann = try await pinned("ann")
        await ann.tap { $0.open(link: code) }
        await ann.settled()
        XCTAssertEqual(ann.model.screen, .enrol())
    }
}
