import XCTest

@testable import Countersign

/// The lines of `bindings/README.md`, which are those of `FirstVerdict.swift` to the letter (`bindings/tests/readme.rs`).
final class FirstVerdictTests: XCTestCase {
    func testTheLinesOfTheReadmeComeToAVerdict() async throws {
        let folder = try temporaryFolder()
        let world = try World(folder: folder.appendingPathComponent("world"))
        let keys = try SoftwareKeys(folder: folder)
        let code = "(01)09506000134352(17)351130(10)L1(21)S001"
        let screen = try await firstVerdict(
            folder: folder, genesis: world.genesis, node: world.node, keys: keys, code: code)
        XCTAssertEqual(screen.verdict, .authentic)
        XCTAssertEqual(screen.title.key, "verdict.authentic")
    }
}
