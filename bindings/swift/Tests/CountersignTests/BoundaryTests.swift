import CountersignCoreFFI
import Foundation
import XCTest

@testable import Countersign

/// What the boundary itself must withstand: threads, prompts that wait, objects by the thousand, a panic.
final class BoundaryTests: XCTestCase {
    private static let genuine = "(01)09506000134352(17)351130(10)L1(21)S001"

    private func synced(_ world: World, _ folder: URL, _ keys: SoftwareKeys) async throws -> Wallet {
        let database = folder.appendingPathComponent("wallet.db").path
        let wallet = try Wallet.open(database: database, genesis: world.genesis, node: world.node, keys: keys)
        try wallet.follow(code: "https://id.gs1.org/01/09506000134352")
        for try await _ in wallet.sync() {}
        return wallet
    }

    func testEightThreadsAskAndSyncAtOnce() async throws {
        let folder = try temporaryFolder()
        let world = try World(folder: folder.appendingPathComponent("world"))
        let wallet = try await synced(world, folder, SoftwareKeys(folder: folder))
        let patient = PackChecker(wallet: wallet)
        let wrong = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { number in
            for _ in 0..<50 {
                if number == 0 { _ = try? wallet.syncStep() }
                if (try? patient.checkCode(code: Self.genuine).verdict) != .authentic { wrong.add() }
            }
        }
        XCTAssertEqual(wrong.count, 0)
    }

    func testAPromptThatWaitsForAPersonHoldsNobodyElseUp() async throws {
        let folder = try temporaryFolder()
        let world = try World(folder: folder.appendingPathComponent("world"))
        let keys = SoftwareKeys(folder: folder)
        let wallet = try await synced(world, folder, keys)
        let patient = PackChecker(wallet: wallet)
        let verdicts = Counter()
        // Called from another thread during the prompt: with a lock held across it, this would hang.
        keys.whileSigning = {
            let done = DispatchSemaphore(value: 0)
            DispatchQueue.global().async {
                if (try? patient.checkCode(code: Self.genuine).verdict) == .authentic { verdicts.add() }
                done.signal()
            }
            _ = done.wait(timeout: .now() + 10)
        }
        _ = try await wallet.enrolled(key: "signing", code: world.ask("code pharmacy waiting"))
        XCTAssertGreaterThanOrEqual(verdicts.count, 1)
    }

    func testAPanicInTheCoreIsAnErrorAndNotTheEndOfTheProcess() throws {
        // An input that no app can pass: a text of five bytes at a null pointer.
        var status = RustCallStatus(code: 0, errorBuf: RustBuffer(capacity: 0, len: 0, data: nil))
        let nowhere = RustBuffer(capacity: 0, len: 5, data: nil)
        _ = uniffi_countersign_core_fn_func_draw_code(nowhere, 4, &status)
        XCTAssertEqual(status.code, 2, "unexpected, which every generated call throws as an error")
        XCTAssertEqual(try drawCode(text: "CS1:AB", scale: 4).luma.first, 255)
    }

    func testTenThousandObjectsLeaveNothingBehind() async throws {
        let folder = try temporaryFolder()
        let world = try World(folder: folder.appendingPathComponent("world"))
        let wallet = try await synced(world, folder, SoftwareKeys(folder: folder))
        let few = {
            for _ in 0..<1_000 {
                _ = try? PackChecker(wallet: wallet).checkCode(code: "no code")
                _ = try? Courier(wallet: wallet, key: "nobody").scanCode(text: "no code")
            }
        }
        few()
        let before = try resident()
        for _ in 0..<5 { few() }
        let grown = try resident() - before
        XCTAssertLessThan(grown, 30_000, "grown by \(grown) kB")
    }
}

private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var counted = 0

    var count: Int { lock.withLock { counted } }
    func add() { lock.withLock { counted += 1 } }
}
