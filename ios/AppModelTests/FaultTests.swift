import Countersign
import Foundation
import XCTest

@testable import AppModel

/// Whatever goes wrong has its screen and a way on.
final class FaultTests: WorldTests, @unchecked Sendable {
    @MainActor
    func testTheNodeIsGone() async throws {
        let ann = try await pinned("ann")
        _ = world.ask("stop")
        await ann.tap { $0.preferences() }
        await ann.tap { $0.sync() }
        ann.sees("fault.retry")
        _ = world.ask("start")
        await ann.tapAction()
        guard case .preferences(let shown, _) = ann.model.screen else { return XCTFail("\(ann.model.screen)") }
        XCTAssertNotNil(shown.settings.knowledge.checkpoint)
    }

    @MainActor
    func testWhatIsTypedWronglyIsSaidWhereItWasTyped() async throws {
        let ann = try await pinned("ann")
        await ann.tap { $0.preferences() }
        await ann.tap { $0.use(node: "http://elsewhere") }
        ann.sees("fault.invalid-address")
        let node = world.node
        await ann.tap { $0.use(node: " \(node)\n") }
        XCTAssertEqual(ann.reads, [])
        ann.model.home()
        await ann.tap { $0.carry() }
        await ann.tap { $0.enrol("WRONG-CODE") }
        ann.sees("refused.enrol-code")
    }

    @MainActor
    func testTheCameraIsTakenOrNotAllowed() async throws {
        let ann = try await pinned("ann")
        await ann.tap { $0.scanPack() }
        await ann.tap { $0.light(true) }
        await ann.tap { $0.cameraBusy() }
        ann.sees("fault.camera-busy")
        await ann.tapAction()
        guard case .camera(let camera) = ann.model.screen else { return XCTFail("no camera") }
        XCTAssertFalse(camera.light, "the light went out with the camera")
        await ann.tap { $0.cameraDenied() }
        ann.sees("fault.camera-denied")
        guard case .faulty(let shown) = ann.model.screen else { return XCTFail("no fault") }
        XCTAssertTrue(shown.leavesOtherWays)
        XCTAssertTrue(ann.model.act(shown.action), "the phone's settings are opened")
        // A camera that comes back late changes nothing.
        await ann.tap { $0.cameraBusy() }
        await ann.tap { $0.type(.pack) }
        XCTAssertEqual(ann.model.screen, .typing(.pack))
    }

    @MainActor
    func testACodeOfAnotherRegister() async throws {
        let ann = try await pinned("ann")
        await ann.tap { $0.scanRegister() }
        try await ann.hold(codes: registerCodes(node: world.node, genesis: world.genesis))
        XCTAssertEqual(ann.model.screen, .home(examples: false), "it is the one that is pinned")
        var other = String(decoding: world.genesis, as: UTF8.self)
        let name = try XCTUnwrap(other.range(of: "\"name\": \""))
        other.insert(contentsOf: "other-", at: name.upperBound)
        await ann.tap { $0.scanRegister() }
        try await ann.hold(codes: registerCodes(node: world.node, genesis: Data(other.utf8)))
        ann.sees("fault.other-register", "fault.other-register-text")
        await ann.tapAction()
        XCTAssertEqual(ann.model.screen, .home(examples: false))
    }

    @MainActor
    func testNothingIsPinnedYet() async throws {
        let ann = try await person("ann")
        XCTAssertEqual(ann.model.screen, .start)
        await ann.tap { $0.preferences() }
        ann.sees("fault.not-pinned")
        await ann.tapAction()
        XCTAssertEqual(ann.model.screen, .start)
    }

    @MainActor
    func testTheKeyStoreFailsOrHasLostItsKey() async throws {
        let bob = try await courier("bob")
        let offer = try world.offer("https://id.gs1.org/00/095060001343520017")
        await bob.tap { $0.takeOver() }
        await bob.tap { $0.type(.take) }
        await bob.tap { $0.typed("(00)095060001343520017") }
        try await bob.hold(codes: offer)
        bob.keys.manner = "throws"
        await bob.tap { $0.accept() }
        bob.sees("fault.key-store-failed")
        bob.keys.manner = "works"
        await bob.tapAction()
        bob.sees("show.you-signed")
    }

    @MainActor
    func testAFolderThatCannotBeWrittenIsAFullDisk() async throws {
        let place = folder.appendingPathComponent("ann")
        // A file where the folder should be: nothing can be written there, by whoever runs this.
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try Data().write(to: place.appendingPathComponent("files"))
        let ann = try await person("ann")
        let register = try register(node: world.node, genesis: world.genesis)
        await ann.tap { $0.pin(register) }
        ann.sees("fault.storage")
        XCTAssertTrue(ann.model.act(.openSettings))
    }

    @MainActor
    func testEverythingIsErasedOnRequestAndOnlyThen() async throws {
        let ann = try await courier("ann")
        await ann.tap { $0.preferences() }
        await ann.tap { $0.erasing() }
        ann.model.back()
        guard case .preferences = ann.model.screen else { return XCTFail("nothing was erased") }
        await ann.tap { $0.erasing() }
        await ann.tap { $0.erase() }
        XCTAssertEqual(ann.model.screen, .start)
        XCTAssertFalse(FileManager.default.fileExists(atPath: ann.database.path))
        XCTAssertThrowsError(try ann.keys.publicKey(name: Phone.key))
        let again = try await ann.killed()
        XCTAssertEqual(again.model.screen, .start)
    }

    @MainActor
    func testTapsWaitForACallThatIsUnderWay() async throws {
        let ann = try await pinned("ann")
        ann.model.preferences()
        XCTAssertTrue(ann.model.isBusy)
        ann.model.medicines()
        XCTAssertTrue(ann.model.back(), "and so does going back")
        ann.model.path = []
        await ann.settled()
        guard case .preferences = ann.model.screen else { return XCTFail("\(ann.model.screen)") }
        XCTAssertEqual(ann.model.path.count, 1)
        let (left, shown) = (ann.model.path[0], ann.model.screen)
        ann.model.path = []
        XCTAssertEqual(ann.model.screen(at: left), shown, "it is still seen on its way out")
        XCTAssertEqual(ann.model.screen, .home(examples: false))
        XCTAssertFalse(ann.model.back())
    }
}
