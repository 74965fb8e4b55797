import Foundation
import XCTest

@testable import Countersign

/// The scenarios in `tests/scenarios`, with the answers that Rust and Kotlin give.
final class ScenariosTests: XCTestCase {
    func testEveryScenarioGivesTheAnswersThatItExpects() async throws {
        let folder = URL(fileURLWithPath: try setting("COUNTERSIGN_SCENARIOS"))
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let scenarios = files.filter { $0.pathExtension == "json" }
        XCTAssertGreaterThanOrEqual(scenarios.count, 4, "the scenarios are gone")
        for file in scenarios {
            let scenario = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as! [String: Any]
            let stage = try Stage(folder: temporaryFolder())
            for step in scenario["steps"] as! [[String: Any]] {
                do {
                    try await stage.play(step)
                    XCTAssertNil(step["error"], "went well: \(step)")
                } catch let error as CountersignError {
                    let (name, reason) = described(error)
                    XCTAssertEqual(name, step["error"] as? String, "\(step)")
                    if let expected = step["reason"] as? String { XCTAssertEqual(reason, expected, "\(step)") }
                    let screen = faultScreen(fault: .failed(error: error))
                    shown([screen.title, screen.text], step)
                }
            }
        }
    }
}

/// One world, and the messages that its people show each other.
private final class Stage {
    private let world: World
    private let folder: URL
    private var phones: [String: Phone] = [:]
    /// What was shown on a screen, by the name that the scenario gives it.
    private var codes: [String: [String]] = [:]
    /// What was read from it.
    private var messages: [String: Data] = [:]
    /// Somebody who looks into other domains.
    private var across: Across?

    init(folder: URL) throws {
        self.folder = folder
        world = try World(folder: folder.appendingPathComponent("world"))
    }

    func play(_ step: [String: Any]) async throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let who = text("who")
        if phones[who] == nil || text("do") == "reopen" {
            let keys = try phones[who]?.keys ?? SoftwareKeys(folder: subfolder("keys\(who)"))
            phones[who] = try Phone(database: folder.appendingPathComponent("wallet\(who).db"), world: world, keys: keys)
        }
        let phone = phones[who]!
        if let manner = step["keys"] as? String { phone.keys.manner = manner }
        switch text("do") {
        case "reopen": break
        case "follow": try phone.wallet.follow(code: text("code"))
        case "follow-pack": try phone.wallet.followPack(code: text("code"))
        case "follow-unit": try phone.wallet.followUnit(code: text("code"))
        case "unfollow": try phone.wallet.unfollow(link: text("link"))
        case "contents": try phone.wallet.keepContents(list: world.file(text("file")))
        case "sync": for try await _ in phone.wallet.sync() {}
        case "check": expect(try await phone.patient.answer(code: text("code")), step)
        case "frame":
            let luma = try world.frame(text("file"))
            switch try phone.patient.checkFrame(width: 1280, height: 720, stride: 1280, luma: luma) {
            case .nothing: XCTAssertEqual("nothing", text("sight"))
            case .holdStill: XCTAssertEqual("hold-still", text("sight"))
            case .part: XCTAssertEqual("part", text("sight"))
            case .notAPack: XCTAssertEqual("not-a-pack", text("sight"))
            case .several: XCTAssertEqual("several", text("sight"))
            case .pack(let answer):
                XCTAssertEqual("pack", text("sight"))
                expect(answer, step)
            }
        case "photo":
            let rgba = Data(try world.frame(text("file")).flatMap { [$0, $0, $0, 255] })
            guard case .pack(let answer) = try phone.patient.checkPhoto(width: 1280, height: 720, rgba: rgba) else {
                return XCTFail("no pack: \(step)")
            }
            expect(answer, step)
        case "enrol":
            let name = step["name"] as? String ?? "scenario"
            let code = text("code").isEmpty ? world.ask("code \(text("role")) \(name)") : text("code")
            let enrolled = try await phone.wallet.enrolled(key: "signing", code: code)
            XCTAssertEqual(enrolled.membership.identity, text("identity"), "\(step)")
            XCTAssertEqual(enrolled.attestation[1], Data(code.utf8), "\(step)")
        case "memberships":
            XCTAssertEqual(try phone.wallet.memberships().map(\.identity), step["identities"] as? [String])
        case "settings":
            let settings = try phone.wallet.settings()
            XCTAssertEqual(settings.node == world.node ? "own" : settings.node, text("node"), "\(step)")
            XCTAssertEqual(Int(settings.following), step["following"] as? Int, "\(step)")
            XCTAssertEqual(settings.memberships.map(\.identity), step["identities"] as? [String], "\(step)")
            XCTAssertEqual(settings.knowledge.checkpoint != nil, step["synced"] as? Bool, "\(step)")
            XCTAssertEqual(settings.knowledge.ageMillis != nil, step["synced"] as? Bool, "\(step)")
            XCTAssertLessThan(settings.knowledge.ageMillis ?? 0, 3_600_000, "\(step)")
            XCTAssertGreaterThan(settings.bytes, 20_000, "\(step)")
            XCTAssertEqual(settings.knowledge.contradictions, 0, "\(step)")
            XCTAssertFalse(settings.knowledge.damaged, "\(step)")
        case "set-node": try phone.wallet.setNode(address: text("node") == "own" ? world.node : text("node"))
        case "show-checkpoint":
            let shown = try phone.wallet.checkpointCodes()
            XCTAssertEqual(shown.isEmpty, step["nothing"] as? Bool ?? false, "\(step)")
            codes[text("as")] = shown
        case "compare":
            let note = try step["note"] as? String
                ?? String(decoding: scanned(phone.courier, codes[text("with")]!, step), as: UTF8.self)
            let found = try phone.wallet.compare(note: note)
            XCTAssertEqual("\(found)", text("finds"), "\(step)")
        case "prepare", "sign": try await act(phone.issuer, step)
        case "node": _ = world.ask(text("command"))
        case let what where what.hasPrefix("pack-"): try pack(phone, step)
        case let what where what.hasPrefix("record-"): try record(Records(wallet: phone.wallet), step)
        case let what where what.hasPrefix("clinician-"):
            let (identity, address, root) = world.authority
            let clinician = try Clinician(
                wallet: phone.wallet, key: "signing", authority: identity, address: address, roots: [root])
            try self.clinician(clinician, step)
        case let what where what.hasPrefix("bedside-"): try bedside(phone.bedside, step)
        case let what where what.hasPrefix("domains-"):
            if across == nil { across = try Across(world, folder: folder, keys: phone.keys) }
            try across?.play(step)
        default: try await handOver(phone.courier, step)
        }
    }

    /// Asks what would be signed, or signs it.
    private func act(_ issuer: Issuer, _ step: [String: Any]) async throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let levels: [String: Level] = ["product": .product, "lot": .lot, "pack": .pack, "unit": .unit, "matter": .matter]
        let words = step["consent"] as? [String] ?? []
        let consent = Consent(irrevocable: words.contains("irrevocable"), unknown: words.contains("unknown"))
        let given = step["fields"] as? [String: String] ?? [:]
        let fields = given.map { Field(name: $0.key, value: .text($0.value)) }
        let (kind, code, level) = (text("kind"), text("code"), levels[text("level")])
        let act: Act
        if text("do") == "prepare" {
            act = try issuer.prepare(kind: kind, code: code, level: level, consent: consent)
        } else {
            act = try await issuer.signed(kind: kind, code: code, level: level, fields: fields, consent: consent).act
        }
        XCTAssertEqual(act.link, text("link"), "\(step)")
        XCTAssertEqual(act.level, levels[text("about")], "\(step)")
        XCTAssertEqual(act.irrevocable, step["irrevocable"] as? Bool, "\(step)")
    }

    /// What a phone remembers, what it is told later, and what it reports.
    private func pack(_ phone: Phone, _ step: [String: Any]) throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let number = { (name: String) in UInt64(step[name] as! Int) }
        let name = { (link: String) in String(link.split(separator: "/").last!) }
        let (patient, rows): (PackChecker, [String])
        patient = phone.patient
        switch text("do") {
        case "pack-remember": return try patient.remember(on: step["on"] as! Bool)
        case "pack-remembered":
            let told = try patient.remembered()
            XCTAssertEqual(told.on, step["on"] as? Bool, "\(step)")
            return XCTAssertEqual([told.scanned, told.kept], ["scanned", "kept"].map(number), "\(step)")
        case "pack-seen":
            let seen = patient.seen()
            XCTAssertEqual(seen.before?.key, step["before"] as? String, "\(step)")
            return XCTAssertEqual(seen.hint?.key, step["hint"] as? String, "\(step)")
        case "pack-keep": return try phone.wallet.keep(code: text("code"))
        case "pack-forget": return try patient.forget(link: text("link"))
        case "pack-erase": return try patient.eraseAll()
        case "pack-report": return try patient.report(link: text("link"), suspicion: Suspicion(words: text("words")))
        case "pack-send":
            let round = try patient.sendReports()
            let counted = [round.proven, round.refused, round.waiting]
            return XCTAssertEqual(counted, ["proven", "refused", "waiting"].map(number), "\(step)")
        case "pack-history":
            rows = try patient.history().map { "\(name($0.link)): \($0.title.key)" + ($0.kept ? ", kept" : "") }
        case "pack-reports": rows = try patient.reports().map(\.state.key)
        case "pack-told-office":
            let told = try JSONSerialization.jsonObject(with: Data(world.ask("reports").utf8))
            rows = told as! [String]
        case "pack-notices":
            rows = try patient.notices().map {
                try patient.told(notice: $0.id)
                XCTAssertEqual($0.neutral.key, "notice.neutral")
                return "\(name($0.link)): \($0.line.key), \($0.next.key)"
            }.sorted()
        default: return XCTFail("no step is called \(text("do"))")
        }
        XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
    }

    /// What was noted under the name that the scenario gives it: a record's number, a link, a label, a thread.
    private func noted(_ step: [String: Any], _ name: String) -> String {
        (step[name] as? String).map { codes[$0]![0] } ?? ""
    }

    private func note(_ step: [String: Any], _ what: String) {
        codes[step["as"] as! String] = [what]
    }

    private func record(_ records: Records, _ step: [String: Any]) throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let (record, thread) = (noted(step, "record"), noted(step, "thread"))
        switch text("do") {
        case "record-begin": note(step, try records.begin(authority: world.authority.identity))
        case "record-enrol":
            let name = text("name").isEmpty ? record : text("name")
            try records.enrol(record: record, code: world.ask("code patient \(name)"))
        case "record-take":
            let holder = try records.holder(record: record).map { String(format: "%02x", $0) }.joined()
            let file = world.ask("document \(record) \(holder) \(step["version"]!)")
            let document = try Data(contentsOf: URL(fileURLWithPath: file))
            expect(try records.take(record: record, document: document), step)
        case "record-share":
            let parts = parts(of: try records.document(record: record), step)
            let mode: LineMode =
                switch text("mode") {
                case "at-once": .atOnce
                case "ask": .ask
                default: .emergency
                }
            let line = NewRecordLine(
                isPrivate: step["private"] as? Bool ?? false, policy: text("policy"), mode: mode, minutes: 60, parts: parts)
            note(step, try records.share(record: record, line: line))
        case "record-set-parts":
            let parts = parts(of: try records.document(record: record), step)
            try records.setParts(record: record, label: noted(step, "line"), parts: parts)
        case "record-close": try records.close(record: record, label: noted(step, "line"))
        case "record-open": try records.setOpen(record: record, open: step["open"] as! Bool)
        case "record-publish": while try records.step(record: record) != .done {}
        case "record-link": note(step, try records.link(record: record))
        case "record-paper": note(step, try records.paper(record: record))
        case "record-restore":
            let paper = text("text") + noted(step, "paper")
            note(step, try records.restore(paper: paper, authority: world.authority.identity))
        case "record-allow": try records.allow(record: record, thread: thread)
        case "record-allow-parts":
            let parts = parts(of: try records.document(record: record), step)
            try records.allowParts(record: record, thread: thread, parts: parts)
        case "record-deny": try records.deny(record: record, thread: thread)
        case "record-withdraw": try records.withdraw(record: record, thread: thread)
        case "record-erase": try records.erase(record: record)
        case "record-accesses":
            let rows = try records.accesses(record: record).list.map { access in
                let times = access.deliveredMillis.count
                return "\(access.requester?.identity ?? "nobody"): \(access.state), delivered \(times) times"
                    + (access.emergency ? ", emergency" : "")
            }
            XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
        case "record-all":
            let rows = try records.all().map { "version \($0.version ?? 0), \($0.lines.count) lines" }
            XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    private func clinician(_ clinician: Clinician, _ step: [String: Any]) throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let (record, thread) = (noted(step, "record"), noted(step, "thread"))
        switch text("do") {
        case "clinician-attributes":
            XCTAssertEqual(world.ask("attributes \(text("member")) \(text("list"))"), "registered", "\(step)")
        case "clinician-add": _ = try clinician.add(link: text("text").isEmpty ? noted(step, "link") : text("text"))
        case "clinician-key":
            try clinician.fetchKey()
            XCTAssertTrue(try clinician.hasKey(), "\(step)")
        case "clinician-offers":
            let rows = try clinician.offers(record: record).map { "\($0.policy): \($0.fits ? "fits" : "does not fit")" }
            XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
        case "clinician-ask":
            let question = RecordQuestion(
                record: record, label: step["line"] == nil ? nil : noted(step, "line"),
                isPrivate: step["private"] as? Bool ?? false, minutes: 30, purpose: "TREAT",
                reason: step["reason"] as? String, name: "Dr. Ada")
            note(step, try clinician.ask(question: question))
        case "clinician-open": expect(try clinician.open(thread: thread), step)
        case "clinician-read": expect(try clinician.read(thread: thread), step)
        case "clinician-tidy":
            XCTAssertEqual(Int(try clinician.tidy()), step["erased"] as? Int, "\(step)")
        case "clinician-asked":
            let rows = try clinician.asked().map { "\($0.state.map { "\($0)" } ?? "unsent")" + ($0.kept ? ", kept" : "") }
            XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    private func bedside(_ bedside: Bedside, _ step: [String: Any]) throws {
        let gateway = "spiffe://meds.example/bedside-gateway/north"
        let text = { (name: String) in step[name] as? String ?? "" }
        switch text("do") {
        case "bedside-device":
            note(step, world.ask("device \(text("class")) \(step["patient"] as? Int ?? 0)"))
        case "bedside-badge": note(step, world.ask("badge \(text("member"))"))
        case "bedside-revoke": XCTAssertEqual(world.ask("revoke \(text("member"))"), "revoked", "\(step)")
        case "bedside-take":
            let badge = text("text") + noted(step, "badge")
            let taken = try bedside.take(badge: badge, password: text("password"), tries: .keyStore)
            XCTAssertEqual(taken, gateway, "\(step)")
        case "bedside-sign-in":
            let signedIn = try bedside.signIn(
                gateway: gateway, password: text("password"), device: text("text") + noted(step, "device"),
                operations: step["operations"] as? [String] ?? [], minutes: 30,
                patient: UInt32(step["patient"] as? Int ?? 0))
            XCTAssertEqual(signedIn.operations, step["permits"] as? [String], "\(step)")
            XCTAssertEqual(Int(signedIn.patient), step["with"] as? Int, "\(step)")
        case "bedside-reading":
            // Apart: `XCTUnwrap` takes an error that a step expects for a failure.
            let read = try bedside.reading(waitMillis: 1_000)
            let reading = try XCTUnwrap(read)
            XCTAssertEqual([reading.metric, reading.value, reading.unit], [text("metric"), text("value"), text("unit")])
            XCTAssertNil(reading.absent, "\(step)")
            XCTAssertEqual([reading.number, reading.missed], [0, 0], "\(step)")
        case "bedside-until-cut": for _ in 0..<1_000 { _ = try bedside.reading(waitMillis: 1_000) }
        case "bedside-command":
            let command = BedsideCommand(
                operation: text("operation"), metric: 157_784, unit: 3_122, mantissa: 125, exponent: -1)
            try bedside.command(command: command)
            XCTAssertEqual(world.ask("heard"), text("heard"), "\(step)")
        case "bedside-change-password":
            try bedside.changePassword(gateway: gateway, old: text("old"), new: text("new"))
        case "bedside-forget": try bedside.forget(gateway: gateway)
        case "bedside-gateways": XCTAssertEqual(try bedside.gateways(), step["rows"] as? [String], "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    private func handOver(_ courier: Courier, _ step: [String: Any]) async throws {
        let text = { (name: String) in step[name] as? String ?? "" }
        let number = { (name: String) in UInt64(step[name] as? Int ?? 0) }
        switch text("do") {
        case "world-offer":
            let json = Data(world.ask("offer \(text("goods"))").utf8)
            codes[text("as")] = try JSONSerialization.jsonObject(with: json) as? [String]
        case "load": _ = try courier.load(code: text("goods"))
        case "offer":
            let shown = try await courier.offered(code: text("goods"), to: step["to"] as? String, place: "dock 4")
            codes[text("as")] = shown.codes
        case "scan": messages[text("codes")] = try scanned(courier, codes[text("codes")]!, step)
        case "answer":
            let condition: Condition =
                switch text("condition") {
                case "intact": .intact
                case "damaged": .damaged(photo: Data("a photo".utf8))
                case let other: .refused(reason: other)
                }
            let (offer, goods) = (messages[text("to")]!, step["goods"] as! [String])
            codes[text("as")] = try courier.answer(offer: offer, goods: goods, condition: condition, place: nil).codes
        case "close":
            let goods = try courier.close(answer: messages[text("with")]!)
            XCTAssertEqual(goods.holder, step["holder"] as? String, "\(step)")
        case "same": XCTAssertEqual(codes[text("codes")], codes[text("and")], "\(step)")
        case "dismiss":
            for handover in try courier.pending() { try courier.dismiss(id: handover.id) }
            XCTAssertEqual(try courier.pending(), [])
        case "goods":
            let rows = try courier.goods().map { "\($0.holder!), \($0.unit!.scanned) of \($0.unit!.packs)" }
            XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
        case "outbox":
            let rows = try courier.outbox().map { row in
                "\(row.kind) \(described(row.delivery))" + (row.cause.map { " because \($0.reason)" } ?? "")
            }
            XCTAssertEqual(rows, step["rows"] as? [String], "\(step)")
        case "settle":
            let refused = try courier.outbox().first { if case .refused = $0.delivery { true } else { false } }
            try courier.settle(id: refused!.id)
        case "send":
            let round = try courier.send()
            let expected = [number("proven"), number("refused"), number("waiting")]
            XCTAssertEqual([round.proven, round.refused, round.waiting], expected, "\(step)")
        case "deliver":
            var (proven, refused) = (UInt64(0), UInt64(0))
            for try await round in courier.delivery() {
                proven += round.proven
                refused += round.refused
            }
            XCTAssertEqual([proven, refused], [number("proven"), number("refused")], "\(step)")
        default: XCTFail("no such step: \(step)")
        }
    }

    private func subfolder(_ name: String) throws -> URL {
        let place = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        return place
    }
}

/// Somebody's wallet.
private final class Phone {
    let keys: SoftwareKeys
    let wallet: Wallet
    let patient: PackChecker
    let courier: Courier
    let issuer: Issuer
    let bedside: Bedside

    init(database: URL, world: World, keys: SoftwareKeys) throws {
        self.keys = keys
        wallet = try Wallet.open(database: database.path, genesis: world.genesis, node: world.node, keys: keys)
        patient = PackChecker(wallet: wallet)
        courier = Courier(wallet: wallet, key: "signing")
        issuer = Issuer(wallet: wallet, key: "signing")
        bedside = Bedside(wallet: wallet, key: "signing")
    }
}

/// Draws the codes, and holds each before the camera until the message is whole.
private func scanned(_ courier: Courier, _ codes: [String], _ step: [String: Any]) throws -> Data {
    var parts: [UInt32] = []
    for code in codes {
        let drawing = try drawCode(text: code, scale: 4)
        let (width, height) = (drawing.width, drawing.height)
        switch try courier.scanFrame(width: width, height: height, stride: width, luma: drawing.luma) {
        case .part(let have, _): parts.append(have)
        case .offered(let offer):
            XCTAssertEqual(step["sees"] as? String, "offer", "\(step)")
            XCTAssertEqual(offer.giver, step["giver"] as? String, "\(step)")
            XCTAssertEqual(Int(offer.hops), step["hops"] as? Int, "\(step)")
            XCTAssertEqual(parts, parts.sorted(), "\(step)")
            XCTAssertFalse(offer.contradicts, "\(step)")
            return offer.message
        case .checkpoint(let note):
            XCTAssertEqual(step["sees"] as? String, "checkpoint", "\(step)")
            return Data(note.utf8)
        case .answered(let message):
            XCTAssertEqual(step["sees"] as? String, "answer", "\(step)")
            return message
        case let other: XCTFail("\(other): \(step)")
        }
    }
    throw Missing(name: "a whole message")
}

private func described(_ delivery: Delivery) -> String {
    switch delivery {
    case .waiting: "waiting"
    case .sent: "sent"
    case .refused(let reason, .conflictRecorded): "refused \(reason) conflict-recorded"
    case .refused(let reason, .handOverAgain): "refused \(reason) hand-over-again"
    case .refused(let reason, .askOffice): "refused \(reason) ask-office"
    }
}

private func expect(_ answer: Answer, _ step: [String: Any]) {
    let screen = verdictScreen(answer: answer)
    shown([screen.title, screen.reason, screen.next], step)
    let verdict =
        switch answer.verdict {
        case .authentic: "authentic"
        case .cannotTell: "cannot-tell"
        case .checkScan: "check-scan"
        case .attention: "attention"
        case .suspect: "suspect"
        }
    XCTAssertEqual(verdict, step["verdict"] as? String, "\(step)")
    XCTAssertEqual(answer.reasons.map(\.key), step["reasons"] as? [String], "\(step)")
    // Each time it was received with its unit: how many of the unit's packs were scanned.
    let units = answer.history.compactMap(\.unit).map { "\($0.scanned) of \($0.packs)" }
    XCTAssertEqual(units, step["units"] as? [String] ?? [], "\(step)")
}

/// The parts of the sections that a step names.
private func parts(of document: MedicalDocument, _ step: [String: Any]) -> Data {
    let titles = step["sections"] as! [String]
    return Data(document.sections.filter { titles.contains($0.title) }.map(\.part))
}

private func expect(_ document: MedicalDocument, _ step: [String: Any]) {
    XCTAssertEqual(document.sections.map(\.title).sorted(), step["sections"] as? [String], "\(step)")
    XCTAssertEqual(Int(document.withheld), step["withheld"] as? Int ?? 0, "\(step)")
    XCTAssertEqual(document.notDelivered, 0, "\(step)")
    XCTAssertEqual(document.title, "Patient summary", "\(step)")
    XCTAssertEqual(document.signer, "spiffe://meds.example/doctor/grace", "\(step)")
}

/// The keys of a screen's texts, where a step names them.
private func shown(_ texts: [Text], _ step: [String: Any]) {
    if let screen = step["screen"] as? [String] { XCTAssertEqual(texts.map(\.key), screen, "\(step)") }
}

private func described(_ error: CountersignError) -> (String, String?) {
    switch error {
    case .Retry: ("retry", nil)
    case .NoGateway: ("no-gateway", nil)
    case .Refused(let reason): ("refused", reason)
    case .Invalid(let reason): ("invalid", reason)
    case .ConsentNeeded(let reason): ("consent-needed", reason)
    case .Cancelled: ("cancelled", nil)
    case .KeyNeeded: ("key-needed", nil)
    case .KeyStoreFailed: ("key-store-failed", nil)
    case .Distrusted: ("distrusted", nil)
    case .Clock: ("clock", nil)
    case .Storage: ("storage", nil)
    }
}
