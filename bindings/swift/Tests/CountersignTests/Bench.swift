import CountersignCoreFFI
import Foundation
import XCTest

@testable import Countersign

/// The cost of a call from Swift. Not a test: `tests/languages-bench` runs it.
final class Bench: XCTestCase {
    private static let genuine = "(01)09506000134352(17)351130(10)L1(21)S001"

    func testFigures() async throws {
        try XCTSkipUnless(ProcessInfo.processInfo.environment["COUNTERSIGN_BENCH"] != nil, "measured when asked for")
        let folder = try temporaryFolder()
        let world = try World(folder: folder.appendingPathComponent("world"))
        var wallet: Wallet?
        once("library loaded and an empty wallet opened") { wallet = try? self.open(world, folder) }
        try wallet?.follow(code: "https://id.gs1.org/01/09506000134352")
        for try await _ in wallet!.sync() {}
        once("a wallet opened again") { _ = try? self.open(world, folder) }

        let (patient, courier) = (PackChecker(wallet: wallet!), Courier(wallet: wallet!, key: "nobody"))
        let (pixel, frame) = (Data(count: 64), Data(count: 1280 * 720))
        let genuine = try world.frame("genuine.pgm")
        var status = RustCallStatus(code: 0, errorBuf: RustBuffer(capacity: 0, len: 0, data: nil))
        median("two empty calls: an object's handle is taken and given back", 200) {
            uniffi_countersign_core_fn_free_patient(patient.uniffiCloneHandle(), &status)
        }
        median("a call with a text in and a word out", 200) { _ = try? courier.scanCode(text: "?") }
        median("a verdict, with its history", 50) { _ = try? patient.checkCode(code: Self.genuine) }
        median("eight pixels a side, in a buffer of 64 bytes", 50) {
            _ = try? patient.checkFrame(width: 8, height: 8, stride: 8, luma: pixel)
        }
        median("the same in a buffer of a 720p frame", 50) {
            _ = try? patient.checkFrame(width: 8, height: 8, stride: 8, luma: frame)
        }
        median("a 720p frame with a pack, read and judged", 1) {
            _ = try? patient.checkFrame(width: 1280, height: 720, stride: 1280, luma: genuine)
        }
        try await thousand()
    }

    /// A wallet that follows 1,000 products, or COUNTERSIGN_BENCH of them, each with a lot in order.
    private func thousand() async throws {
        let folder = try temporaryFolder()
        let world = try World(folder: folder.appendingPathComponent("world"))
        let count = ProcessInfo.processInfo.environment["COUNTERSIGN_BENCH"].flatMap(Int.init) ?? 1000
        let products = try JSONSerialization.jsonObject(with: Data(world.ask("products \(count)").utf8)) as! [String]
        let filling = try open(world, folder)
        for product in products { try filling.follow(code: product) }
        for try await _ in filling.sync() {}

        let before = try resident()
        var wallet: Wallet?
        once("a wallet that follows \(count) products opened") { wallet = try? self.open(world, folder) }
        let opened = try resident()
        let patient = PackChecker(wallet: wallet!)
        once("a verdict on each of them, nothing in memory before") {
            for product in products {
                let pack = "(01)\(product.suffix(14))(17)351130(10)L1(21)S001"
                XCTAssertEqual(try? patient.checkCode(code: pack).verdict, .authentic)
            }
        }
        let asked = try resident()
        print("Swift: memory of that wallet: \(opened - before) kB opened, \(asked - before) kB after those verdicts")
        let database = try FileManager.default.attributesOfItem(atPath: folder.appendingPathComponent("wallet.db").path)
        print("Swift: its database: \(database[.size] ?? 0) bytes")
    }

    private func open(_ world: World, _ folder: URL) throws -> Wallet {
        let database = folder.appendingPathComponent("wallet.db").path
        let keys = SoftwareKeys(folder: folder)
        return try Wallet.open(database: database, genesis: world.genesis, node: world.node, keys: keys)
    }

    private func once(_ what: String, _ call: () -> Void) {
        let begun = DispatchTime.now().uptimeNanoseconds
        call()
        print("Swift: \(what): \((DispatchTime.now().uptimeNanoseconds - begun) / 1000) µs")
    }

    /// The median of 201 runs of so many calls, after as many to warm up.
    private func median(_ what: String, _ calls: Int, _ call: () -> Void) {
        func run() -> Double {
            let begun = DispatchTime.now().uptimeNanoseconds
            for _ in 0..<calls { call() }
            return Double(DispatchTime.now().uptimeNanoseconds - begun) / Double(calls) / 1000
        }
        for _ in 0..<201 { _ = run() }
        let runs = (0..<201).map { _ in run() }.sorted()
        print("Swift: \(what): \(String(format: "%.2f µs (fastest %.2f)", runs[100], runs[0]))")
    }
}
