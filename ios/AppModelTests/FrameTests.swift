import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What is before a camera, and what the app makes of it.
final class FrameTests: WorldTests, @unchecked Sendable {
    @MainActor
    func testProgressCountsWhatIsNewAndForeignCodesChangeNothing() async throws {
        let codes = try registerCodes(node: world.node, genesis: world.genesis)
        XCTAssertGreaterThan(codes.count, 2, "the register takes several codes")
        let ann = try await person("ann")
        await ann.tap { $0.scanRegister() }
        try await ann.hold(codes: [codes[0]])
        let first = ann.model.screen
        guard case .camera(let camera) = first else { return XCTFail("no camera") }
        XCTAssertEqual(camera.have, 1)
        try await ann.hold(codes: [codes[0], "https://example.org/menu"])
        XCTAssertEqual(ann.model.screen, first)
        try await ann.hold(codes: codes)
        guard case .pin(let register) = ann.model.screen else { return XCTFail("no words") }
        XCTAssertEqual(register.ledger, "ledger.meds.example")
    }

    @MainActor
    func testAPackIsAnsweredOnceAndSomebodyWhoFindsNoneIsHelped() async throws {
        let ann = try await pinned("ann")
        await ann.tap { $0.scanPack() }
        let blank = try world.picture("blank.pgm")
        for _ in 0..<59 { await ann.hold(blank) }
        ann.sees("scan.point")
        await ann.hold(blank)
        ann.sees("scan.closer")
        let model = ann.model
        let genuine = try world.picture("genuine.pgm")
        let (width, height, stride, plane) = (genuine.width, genuine.height, genuine.stride, genuine.plane)
        await withCheckedContinuation { done in
            DispatchQueue.global().async {
                for _ in 0..<3 { model.frame(width: width, height: height, stride: stride, luma: plane) }
                DispatchQueue.main.async { done.resume() }
            }
        }
        ann.sees("verdict.cannot-tell")
        ann.model.back()
        XCTAssertEqual(ann.model.screen, .home(examples: false))
    }

    @MainActor
    func testAFrameWithoutACameraOnTheScreenIsForNobody() async throws {
        let ann = try await pinned("ann")
        await ann.hold(try world.picture("genuine.pgm"))
        XCTAssertEqual(ann.model.screen, .home(examples: false))
    }
}

/// Codes on a screen.
final class CodesTests: XCTestCase, @unchecked Sendable {
    private func shown(_ count: Int) -> Showing {
        let texts = (0..<count).map { "UR:BYTES/\($0 + 1)-\(count)/" + String(repeating: "LPADAXCF", count: 80) }
        let handover = Handover(
            id: "00", goods: "https://id.gs1.org/00/095060001343520017", gives: true, codes: texts, expiresMillis: 0)
        return Showing(screen: handoverScreen(handover: handover), handover: handover)
    }

    func testCodesAreBlackOnWhiteWithABorderOfFourInWholePixels() throws {
        let texts = shown(3).handover.codes
        for side in [300, 640, 1170, 2000] {
            let drawing = try XCTUnwrap(Codes(texts, fitting: side)[0])
            let modules = try Int(drawCode(text: texts[0], scale: 2).width) / 2
            let (width, scale) = (Int(drawing.width), Int(drawing.width) / modules)
            XCTAssertEqual(width, modules * scale)
            XCTAssertTrue(width <= side || scale == 2, "\(width) in \(side)")
            XCTAssertTrue(scale == 16 || width + modules > side, "a larger one would fit in \(side): \(width)")
            XCTAssertEqual(Set(drawing.luma), [0, 255])
            let border = 4 * scale
            for y in 0..<width {
                for x in 0..<width where min(x, y) < border || max(x, y) >= width - border {
                    XCTAssertEqual(drawing.luma[y * width + x], 255)
                }
                for x in 0..<width {
                    XCTAssertEqual(
                        drawing.luma[y * width + x], drawing.luma[y / scale * scale * width + x / scale * scale])
                }
            }
        }
        XCTAssertNil(Codes(texts, fitting: 300)[3])
    }

    func testEachCodeIsHeldAsLongAsItsPaceOnEveryDisplay() {
        let four = Codes(shown(4).handover.codes, fitting: 640)
        for pace in [100, 200, 500, 1000] {
            for hertz in [60.0, 90, 120] {
                let codes = (0..<Int(hertz) * 8).map { four.place(after: Double($0) / hertz, paceMillis: pace) }
                var held: [Int] = []
                var begun = 0
                for frame in 1..<codes.count where codes[frame] != codes[frame - 1] {
                    XCTAssertEqual(codes[frame], (codes[frame - 1] + 1) % 4)
                    held.append(frame - begun)
                    begun = frame
                }
                let wanted = Double(pace) / 1000 * hertz
                XCTAssertTrue(held.allSatisfy { abs(Double($0) - wanted) <= 1 }, "\(pace) ms at \(hertz): \(held)")
            }
        }
    }

    @MainActor
    func testSlowerIsOneTapAwayAndTheSlowestIsFollowedByTheFastest() async throws {
        let model = Model(
            phone: Phone(folder: try temporaryFolder(), keys: SoftwareKeys(folder: try temporaryFolder())))
        model.show(shown(1).handover)
        var paces: [Int] = []
        for _ in 0..<5 {
            if case .showing(let shown) = model.screen { paces.append(shown.paceMillis) }
            model.slower()
        }
        XCTAssertEqual(paces, [200, 500, 1000, 100, 200])
    }
}
