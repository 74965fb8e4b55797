import Countersign
import Foundation

/// So many frames without a code, and the person is helped: about three seconds.
private let patience = 60

extension Model {
    public func scanPack() {
        empty = 0
        go(.camera(Camera(aim: .pack, hint: "scan.point")))
    }

    public func type(_ aim: Aim) { go(.typing(aim)) }

    public func typed(_ code: String) {
        guard case .typing(let aim, _) = screen else { return }
        let wrong = { (fault: FaultScreen) in self.put(.typing(aim, wrong: fault.text)) }
        switch aim {
        case .pack: check(code, otherwise: wrong)
        case .badge: scanned(badge: code)
        case .device: scanned(device: code.trimmingCharacters(in: .whitespacesAndNewlines), otherwise: wrong)
        case .load: run({ try $0.courier.load(code: code) }, otherwise: wrong) { _ in self.carry() }
        default:
            run({ try $0.courier.scanCode(text: code) }, otherwise: wrong) {
                self.back()
                self.saw($0)
            }
        }
    }

    /// Checks a code, or the link of a reading.
    public func check(_ code: String) { check(code, otherwise: nil) }

    private func check(_ code: String, otherwise: ((FaultScreen) -> Void)?) {
        run({ try $0.verdict(on: $0.checker.checkCode(code: code)) }, otherwise: otherwise) { found in
            switch self.screen {
            case .verdict, .typing: self.put(.verdict(found))
            default: self.go(.verdict(found))
            }
        }
    }

    /// A photograph: RGBA pixels, rows without gaps.
    public func photo(width: Int, height: Int, rgba: Data) {
        run {
            try $0.checker.checkPhoto(width: UInt32(width), height: UInt32(height), rgba: rgba)
        } then: { result in
            if case .pack(let answer) = result { return self.answered(answer) }
            self.noCode(in: result)
        }
    }

    /// A photograph that no code was found in, or that is no picture.
    public func noPicture() { noCode(in: .nothing) }

    private func noCode(in result: ScanResult) {
        let hint = hint(result, nothing: "scan.no-code")
        if case .camera(var camera) = screen {
            camera.hint = hint
            put(.camera(camera))
        } else {
            let (title, text) = (Text(key: "scan.photo", arguments: []), Text(key: hint, arguments: []))
            put(.faulty(FaultScreen(title: title, text: text, action: .back)))
        }
    }

    /// The next frame of the camera: its luma plane, read where it lies. On the camera's own queue.
    nonisolated public func frame(width: Int, height: Int, stride: Int, luma: Data) {
        let sight = frames.look(width: width, height: height, stride: stride, luma: luma)
        DispatchQueue.main.async { MainActor.assumeIsolated { self.saw(sight) } }
    }

    public func light(_ on: Bool) {
        guard case .camera(var camera) = screen else { return }
        camera.light = on
        put(.camera(camera))
    }

    /// What was seen, if the camera is still looked at, and for that.
    func saw(_ sight: Frames.Sight) {
        guard case .camera(let camera) = screen, !isBusy else { return }
        switch (sight, camera.aim) {
        case (.register(let scan), _): learnt(scan, camera)
        case (.pack(let result), .pack): sawPack(result, camera)
        case (.goods(let scan), .take), (.goods(let scan), .load), (.goods(let scan), .answer): saw(scan)
        case (.photograph(let file), .damage): answer(.damaged(photo: file))
        case (.failed(let error), _): failed(error)
        default: break
        }
    }

    /// What the codes of an office or of a patient teach, if it was asked for.
    private func learnt(_ scan: RegisterScan, _ camera: Camera) {
        switch (scan, camera.aim) {
        case (.whole(let register), .register):
            if let pinned = phone.register {
                if pinned.words == register.words { return home() }
                put(.faulty(faultScreen(fault: .otherRegister(ledger: pinned.ledger))))
            } else {
                put(.pin(register))
            }
        case (.whole(let register), .domain): scanned(domain: register)
        case (.authority(let authority), .authority): use(authority)
        case (.record(let link), let aim) where aim.isOfMembers: add(link: link)
        case (.badge(let badge), let aim) where aim.isOfMembers: scanned(badge: badge)
        case (.device(let device), let aim) where aim.isOfMembers: scanned(device: device)
        case (.greeting(let greeting), let aim) where aim.isOfMembers: came(greeting)
        case (.part(let have, let need), _): progress(have, need, camera)
        default: break
        }
    }

    private func answered(_ answer: Answer) {
        run {
            try $0.verdict(on: answer)
        } then: {
            self.put(.verdict($0))
        }
    }

    private func sawPack(_ result: ScanResult, _ camera: Camera) {
        if case .pack(let answer) = result { return answered(answer) }
        if case .nothing = result { empty += 1 } else { empty = 0 }
        let hint = hint(result, nothing: empty < patience ? camera.hint : "scan.closer")
        guard hint != camera.hint else { return }
        var next = camera
        next.hint = hint
        put(.camera(next))
    }

    /// So many parts are there: nothing changes unless one is new.
    func progress(_ have: UInt32, _ need: UInt32, _ camera: Camera) {
        guard have != camera.have || need != camera.need else { return }
        var next = camera
        (next.have, next.need) = (Int(have), Int(need))
        if need - have == 1, need > 1 { next.hint = "take.almost" }
        put(.camera(next))
    }

    /// What helps to a better picture.
    private func hint(_ result: ScanResult, nothing: String) -> String {
        switch result {
        case .holdStill: "scan.hold-still"
        case .notAPack: "scan.not-a-pack"
        case .several: "scan.several"
        case .part: "scan.part"
        case .nothing, .pack: nothing
        }
    }

    public func keep(_ link: String) {
        guard case .verdict(var shown) = screen else { return }
        shown.isKept = true
        run {
            try $0.wallet.keep(code: link)
        } then: { _ in
            self.put(.verdict(shown))
            self.wantsToTell = true
        }
    }

    public func medicines() {
        run {
            try $0.wallet.kept()
        } then: {
            self.go(.medicines($0))
        }
    }

    public func forget(_ link: String) {
        run {
            try $0.wallet.unfollow(link: link)
            return try $0.wallet.kept()
        } then: {
            self.put(.medicines($0))
        }
    }

    public func rests(on lines: [Text]) {
        run {
            try $0.wallet.knowledge()
        } then: {
            self.go(.rests(Rests(lines: lines, damaged: $0.damaged, contradictions: $0.contradictions > 0)))
        }
    }

    func follow(_ link: String) {
        let shown = screen
        run {
            try $0.wallet.follow(code: link)
            try $0.sync()
        } then: { _ in
            self.recheck(shown)
        }
    }

    /// The verdict again, on newer data.
    func recheck(_ shown: Screen) {
        guard case .verdict(let before) = shown else { return }
        run {
            try $0.checker.checkAgain().map($0.verdict)
        } then: { found in
            guard var found else { return }
            found.isKept = before.isKept
            self.put(.verdict(found))
        }
    }

    // What was scanned

    public func history() {
        run {
            try $0.history()
        } then: {
            self.go(.history($0))
        }
    }

    public func remember(_ on: Bool) {
        changeHistory { try $0.remember(on: on) }
        if on { wantsToTell = true }
    }

    public func forget(scan link: String) { changeHistory { try $0.forget(link: link) } }

    public func eraseHistory() { changeHistory { try $0.eraseHistory() } }

    private func changeHistory(_ what: @escaping @Sendable (PackChecker) throws -> Void) {
        run {
            try what(try $0.checker)
            return try $0.history()
        } then: {
            self.put(.history($0))
        }
    }

    // Suspicions

    public func suspect() {
        guard case .verdict(let shown) = screen, let link = shown.screen.keep else { return }
        go(.reporting(Reporting(link: link, product: shown.screen.product)))
    }

    /// A photograph for a report.
    public func attach(_ photograph: Data) {
        guard case .reporting(var report, let wrong) = screen else { return }
        report.photograph = photograph
        put(.reporting(report, wrong: wrong))
    }

    /// - Parameters: what is empty is not said.
    public func report(words: String, place: String, answer: String) {
        guard case .reporting(let report, _) = screen else { return }
        func said(_ text: String) -> String? {
            let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
            return text.isEmpty ? nil : text
        }
        let suspicion = Suspicion(
            words: said(words) ?? "", place: said(place), photograph: report.photograph, answer: said(answer))
        run {
            let checker = try $0.checker
            try checker.report(link: report.link, suspicion: suspicion)
            do {
                _ = try checker.sendReports()
            } catch CountersignError.Retry {
                // The next round sends it.
            }
            return try checker.reports()
        } otherwise: {
            self.put(.reporting(report, wrong: $0.text))
        } then: {
            self.put(.reports($0))
        }
    }

    public func reports() {
        run {
            try $0.checker.reports()
        } then: {
            self.go(.reports($0))
        }
    }

    public func sendReports() { changeReports { _ = try $0.sendReportsNow() } }

    public func settle(report id: String) { changeReports { try $0.settleReport(id: id) } }

    private func changeReports(_ what: @escaping @Sendable (PackChecker) throws -> Void) {
        run {
            try what(try $0.checker)
            return try $0.checker.reports()
        } then: {
            self.put(.reports($0))
        }
    }
}

extension Phone {
    fileprivate func verdict(on answer: Answer) throws -> Verdict {
        Verdict(
            screen: verdictScreen(answer: answer), seen: try checker.seen(), takesReports: try checker.takesReports())
    }

    fileprivate func history() throws -> History {
        History(scans: try checker.history(), isOn: try checker.remembered().on)
    }
}
