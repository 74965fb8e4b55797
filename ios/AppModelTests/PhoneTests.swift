import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What happens when nobody looks.
final class PhoneTests: WorldTests, @unchecked Sendable {
    private func phone(_ name: String) throws -> (Phone, SoftwareKeys) {
        let place = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let keys = SoftwareKeys(folder: place)
        return (Phone(folder: place.appendingPathComponent("files"), keys: keys), keys)
    }

    func testARoundBringsDataMayBeStoppedAnywhereAndTriesAgainWithoutANode() throws {
        let (phone, _) = try phone("ann")
        XCTAssertTrue(phone.round { true }, "nothing is pinned, and nothing to do")
        try phone.pin(register(node: world.node, genesis: world.genesis))
        try phone.wallet.follow(code: "https://id.gs1.org/01/09506000134352")
        for steps in 0...20 {
            var left = steps
            _ = phone.round {
                left -= 1
                return left >= 0
            }
        }
        XCTAssertTrue(phone.round { true })
        XCTAssertTrue(try phone.wallet.following().allSatisfy(\.ready))
        _ = world.ask("stop")
        XCTAssertFalse(phone.round { true })
    }

    /// The keychain outlives the app, and is not erased with it.
    func testAKeyOfAnEarlierInstallIsOfNobodyAndALiveOneIsKept() throws {
        var (phone, keys) = try phone("ann")
        _ = try keys.makeSigningKey(name: Phone.key)
        try keys.keepSecret(name: "scans-kept", secret: Data([1]))
        try phone.start()
        XCTAssertEqual(try keys.names, [], "nothing is pinned: they were there before")
        try phone.pin(register(node: world.node, genesis: world.genesis))
        let live = try keys.makeSigningKey(name: Phone.key)
        (phone, _) = try self.phone("ann")
        try phone.start()
        XCTAssertEqual(try keys.publicKey(name: Phone.key), live)
    }

    func testWhatCannotBeReadYetIsNotTakenForNothing() throws {
        var (phone, keys) = try phone("ann")
        try phone.pin(register(node: world.node, genesis: world.genesis))
        let live = try keys.makeSigningKey(name: Phone.key)
        // A folder where the file was: it is there and cannot be read, as before a phone's first unlock.
        let file = folder.appendingPathComponent("ann/files/register.node")
        let content = try Data(contentsOf: file)
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        (phone, _) = try self.phone("ann")
        XCTAssertFalse(phone.round { true }, "later")
        XCTAssertEqual(try keys.publicKey(name: Phone.key), live)
        try FileManager.default.removeItem(at: file)
        try content.write(to: file)
        XCTAssertTrue(phone.round { true })
    }
}
