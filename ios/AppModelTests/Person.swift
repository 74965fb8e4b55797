import Countersign
import Foundation
import XCTest

@testable import AppModel

/// What a camera sees: one byte a pixel, with rows that are longer than the picture is wide, the last one not.
struct Picture {
    let width: Int
    let height: Int
    let luma: Data

    var stride: Int { width + 32 }

    /// The plane as a driver has it.
    var plane: Data {
        var plane = Data(count: stride * (height - 1) + width)
        for row in 0..<height {
            plane.replaceSubrange(row * stride..<row * stride + width, with: luma[row * width..<(row + 1) * width])
        }
        return plane
    }

    init(width: Int, height: Int, luma: Data) {
        (self.width, self.height, self.luma) = (width, height, luma)
    }

    init(_ drawing: Drawing) {
        self.init(width: Int(drawing.width), height: Int(drawing.height), luma: drawing.luma)
    }
}

extension World {
    func picture(_ name: String) throws -> Picture { Picture(width: 1280, height: 720, luma: try frame(name)) }

    /// What the attribute authority's codes say.
    var house: Data {
        Data("\(authority.identity)\n\(authority.address)\n\(authority.root.base64EncodedString())".utf8)
    }

    /// The texts of the codes that the distributor shows.
    func offer(_ unit: String) throws -> [String] {
        try JSONSerialization.jsonObject(with: Data(ask("offer \(unit)").utf8)) as! [String]
    }
}

/// Somebody with a phone: looks at its screen, taps on it, and holds things before its camera.
@MainActor
final class Person {
    private let folder: URL
    let keys: SoftwareKeys
    let model: Model

    init(folder: URL, keys: SoftwareKeys? = nil, place: String = "") async throws {
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.keys = keys ?? SoftwareKeys(folder: folder)
        model = Model(phone: Phone(folder: folder.appendingPathComponent("files"), keys: self.keys))
        model.photographs { _, _, _, _ in Data("a photograph".utf8) }
        model.start(at: place)
        await settled()
    }

    /// The app is killed, whatever it was doing, and started again where it was.
    func killed() async throws -> Person { try await Person(folder: folder, keys: keys, place: model.place) }

    var database: URL { folder.appendingPathComponent("files/wallet.db") }

    /// Waits until what was begun is done.
    func settled() async {
        let end = Date().addingTimeInterval(30)
        repeat { try? await Task.sleep(nanoseconds: 2_000_000) } while model.isBusy && Date() < end
        XCTAssertFalse(model.isBusy, "waited for the end of a call on \(model.screen)")
    }

    /// Taps on something, and waits for what it leads to.
    func tap(_ tap: (Model) -> Void) async {
        tap(model)
        await settled()
    }

    /// Taps the button that the core chose.
    func tapAction() async {
        switch model.screen {
        case .verdict(let shown):
            guard let action = shown.screen.action else { return XCTFail("no button on \(model.screen)") }
            await tap { _ = $0.act(action) }
        case .faulty(let shown): await tap { _ = $0.act(shown.action) }
        default: XCTFail("no such button on \(model.screen)")
        }
    }

    /// The keys of the texts of this screen that say what matters.
    var reads: [String] {
        switch model.screen {
        case .camera(let camera): [camera.hint]
        case .typing(_, let wrong), .enrol(let wrong), .preferences(_, let wrong): [wrong].compactMap { $0?.key }
        case .verdict(let shown):
            [shown.screen.title, shown.screen.reason, shown.screen.next].map(\.key)
                + [shown.seen.before, shown.seen.hint].compactMap { $0?.key }
        case .history(let history): history.scans.map(\.title.key)
        case .reports(let list): list.map(\.state.key)
        case .reporting(_, let wrong): [wrong].compactMap { $0?.key }
        case .proof(let proof): proof.screen.lines.map(\.key) + [proof.screen.recorded.key]
        case .medicines(let packs): packs.map(\.line.key)
        case .carry(let carry): carry.goods.map(\.holder.key)
        case .showing(let shown): [shown.screen.text.key] + shown.screen.states.map(\.key)
        case .outbox(let entries): entries.map(\.state.key)
        case .record(let record, let wrong):
            [record.screen.state, record.screen.open].map(\.key) + [wrong, record.screen.nobody].compactMap { $0?.key }
        case .sharing(_, let wrong), .linking(_, let wrong), .askingFor(_, let wrong), .restoring(let wrong):
            [wrong].compactMap { $0?.key }
        case .code(let shown): [shown.text]
        case .asking(let shown): [shown.keyMissing].compactMap { $0?.key }
        case .accesses(let shown): shown.screen.list.map(\.state.key)
        case .records(let medical): (medical.clinic?.requests ?? []).flatMap { [$0.state.key, $0.kept.key] }
        case .atBed(let there): there.reads
        case .atDomain(let there): there.reads
        case .faulty(let shown): [shown.title, shown.text].map(\.key)
        default: []
        }
    }

    func sees(_ keys: String..., line: UInt = #line) {
        for key in keys {
            XCTAssertTrue(reads.contains(key), "\(key) is not among \(reads): \(model.screen)", line: line)
        }
    }

    /// Holds a picture before the camera.
    func hold(_ picture: Picture) async {
        let model = model
        let (width, height, stride, plane) = (picture.width, picture.height, picture.stride, picture.plane)
        // On a queue that is not the main one, as a camera does.
        await withCheckedContinuation { done in
            DispatchQueue.global().async {
                model.frame(width: width, height: height, stride: stride, luma: plane)
                DispatchQueue.main.async { done.resume() }
            }
        }
        await settled()
    }

    /// Holds codes before the camera, one after the other, until it looks for something else.
    func hold(codes: [String]) async throws {
        let aim = self.aim
        for code in codes {
            await hold(Picture(try drawCode(text: code, scale: 4)))
            if self.aim != aim { return }
        }
    }

    /// Holds another phone before the camera: what it shows, as pixels, while its codes change. In two of five frames the hand
    /// shakes, and there is nothing to be read.
    func watch(_ other: Person) async throws {
        let aim = self.aim
        for tick in 0..<120 {
            var picture = try other.picture(after: Double(tick) * 0.2)
            if tick * 7 % 5 < 2 { picture = Picture(width: 320, height: 240, luma: Data(repeating: 90, count: 320 * 240)) }
            await hold(picture)
            if self.aim != aim { return }
        }
        XCTFail("nothing was read from the other phone: \(model.screen)")
    }

    var aim: Aim? { if case .camera(let camera) = model.screen { camera.aim } else { nil } }

    /// What is on this phone's screen so many seconds after its codes appeared, as another one's camera sees it: a code in the
    /// middle, in a dark room.
    func picture(after seconds: TimeInterval) throws -> Picture {
        let (texts, paceMillis): ([String], Int)
        switch model.screen {
        case .showing(let shown): (texts, paceMillis) = (shown.handover.codes, shown.paceMillis)
        case .code(let shown): (texts, paceMillis) = ([shown.code], 1000)
        case .atDomain(.greeting(_, let shown, _)): (texts, paceMillis) = (shown.codes, 200)
        default: throw Missing(name: "codes on \(model.screen)")
        }
        let codes = Codes(texts, fitting: 700)
        let drawing = try XCTUnwrap(codes[codes.place(after: seconds, paceMillis: paceMillis)])
        let (width, height) = (780, 1000)
        var luma = Data(repeating: 18, count: width * height)
        let (wide, high) = (Int(drawing.width), Int(drawing.height))
        for row in 0..<high {
            let at = ((height - high) / 2 + row) * width + (width - wide) / 2
            luma.replaceSubrange(at..<at + wide, with: drawing.luma[row * wide..<(row + 1) * wide])
        }
        return Picture(width: width, height: height, luma: luma)
    }
}

extension AtBed {
    /// The keys of the texts that say what matters.
    fileprivate var reads: [String] {
        let texts: [Text?] =
            switch self {
            case .ward(let shown): [shown.who, shown.none] + shown.badges.map(\.state)
            case .newBadge: []
            case .newPassword(let badge, _): [badge.title]
            case .device(let shown, _): [shown.title, shown.problem]
            case .session(let shown, _):
                [shown.title, shown.halt, shown.sent?.text] + shown.warnings + shown.readings.map(\.name)
            case .value(_, let choice, _): [choice.title]
            case .command(let shown, _): [shown.title]
            }
        return (texts + [wrong]).compactMap { $0?.key }
    }
}

extension AtDomain {
    /// The keys of the texts that say what matters.
    fileprivate var reads: [String] {
        let texts: [Text?] =
            switch self {
            case .all(let shown):
                [shown.who, shown.problem] + shown.licences.map(\.state) + shown.data.map(\.title)
                    + shown.domains.map(\.state)
            case .adding: []
            case .signingIn(let domain, _): [domain.title]
            case .greeting(_, let shown, _): [shown.text]
            case .data(let shown): shown.lines + [shown.warning]
            case .asking(let shown, _): [shown.rule, shown.problem] + shown.people.map(\.title)
            case .licence(let shown): [shown.state] + shown.reasons
            case .revoking(let shown, _): shown.causes.map(\.title)
            case .accesses(_, let shown): [shown.warning, shown.none] + shown.list.flatMap(\.findings)
            case .trace(_, let shown): [shown.none] + shown.warnings + shown.rows.flatMap(\.notes)
            }
        return (texts + [wrong]).compactMap { $0?.key }
    }
}

/// A world, and people in it.
class WorldTests: XCTestCase, @unchecked Sendable {
    private(set) var folder: URL!
    private(set) var world: World!

    override func setUpWithError() throws {
        folder = try temporaryFolder()
        world = try World(folder: folder.appendingPathComponent("world"))
    }

    override func tearDown() { world = nil }

    @MainActor
    func person(_ name: String) async throws -> Person { try await Person(folder: folder.appendingPathComponent(name)) }

    /// Somebody on whose phone the world's register is pinned.
    @MainActor
    func pinned(_ name: String) async throws -> Person {
        let person = try await person(name)
        await person.tap { $0.scanRegister() }
        try await person.hold(codes: registerCodes(node: world.node, genesis: world.genesis))
        guard case .pin(let register) = person.model.screen else { throw Missing(name: "words to compare") }
        XCTAssertEqual(register.words.count, 12)
        await person.tap { $0.pin(register) }
        XCTAssertEqual(person.model.screen, .home(examples: false))
        return person
    }

    /// Somebody who has enrolled as a courier.
    @MainActor
    func courier(_ name: String) async throws -> Person {
        let person = try await pinned(name)
        await person.tap { $0.carry() }
        XCTAssertEqual(person.model.screen, .enrol())
        let code = world.ask("code courier \(name)")
        await person.tap { $0.enrol(" \(code) ") }
        guard case .carry = person.model.screen else { throw Missing(name: "enrolment: \(person.model.screen)") }
        return person
    }
}
