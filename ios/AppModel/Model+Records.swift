import Countersign
import Foundation

/// How the link of a medical record begins.
let recordLink = "countersign-record:"

/// Medical records: the order of their screens. What each shows, and what can be done there, the core says.
extension Model {
    /// As `run`. What has to be newer than it is, is brought up to date first.
    private func runFresh<T: Sendable>(
        _ call: @escaping @Sendable (Phone) throws -> T,
        otherwise: ((FaultScreen) -> Void)? = nil,
        then: @escaping (T) -> Void
    ) {
        run({ phone in try phone.fresh { try call(phone) } }, otherwise: otherwise, then: then)
    }

    public func records() {
        runFresh {
            try $0.medical()
        } then: {
            self.go(.records($0))
        }
    }

    /// The list after a sync.
    public func refreshRecords() {
        runFresh {
            try $0.sync()
            return try $0.medical()
        } then: {
            self.put(.records($0))
        }
    }

    /// Whose keys are used: the code of a hospital.
    public func scanAuthority() { go(.camera(Camera(aim: .authority, hint: "records.point-authority"))) }

    func use(_ authority: AuthorityAddress) {
        runFresh {
            try $0.use(authority)
            return try $0.medical()
        } then: {
            self.returned(.records($0))
        }
    }

    // A patient

    public func beginRecord() {
        runFresh { phone -> Record? in
            guard let authority = try phone.authority() else { return nil }
            return try phone.record(phone.records.begin(authority: authority.identity))
        } then: {
            if let record = $0 { self.go(.record(record)) } else { self.scanAuthority() }
        }
    }

    public func open(record: String) {
        runFresh {
            try $0.record(record)
        } then: {
            self.go(.record($0))
        }
    }

    public func enrol(record: String, code: String) {
        let code = code.trimmingCharacters(in: .whitespacesAndNewlines)
        runFresh({ try $0.records.enrol(record: record, code: code) }, otherwise: wrong) {
            self.refresh(record)
        }
    }

    private func refresh(_ record: String) {
        runFresh {
            try $0.record(record)
        } then: {
            self.put(.record($0))
        }
    }

    /// A document that a doctor signed, from a file.
    public func take(document: Data) {
        guard case .record(let shown, _) = screen else { return }
        let record = shown.screen.id
        change(record) { _ = try $0.take(record: record, document: document) }
    }

    public func close(record: String, label: String) {
        change(record) { try $0.close(record: record, label: label) }
    }

    public func set(open: Bool, record: String) {
        change(record) { try $0.setOpen(record: record, open: open) }
    }

    /// What was said once is said: what is tried again is to publish it.
    private func change(_ record: String, _ what: @escaping @Sendable (Records) throws -> Void) {
        runFresh({ try what(try $0.records) }, otherwise: wrong) {
            self.publish(record: record)
        }
    }

    /// From then on there is something to be told of.
    public func publish(record: String) {
        runFresh {
            try $0.publish(record)
            return try $0.record(record)
        } then: {
            self.put(.record($0))
            self.wantsToTell = true
        }
    }

    /// What cannot be used is said where it was entered.
    private func wrong(_ fault: FaultScreen) {
        switch screen {
        case .record(let record, _): put(.record(record, wrong: fault.text))
        case .sharing(let sharing, _): put(.sharing(sharing, wrong: fault.text))
        case .askingFor(let question, _): put(.askingFor(question, wrong: fault.text))
        case .restoring: put(.restoring(wrong: fault.text))
        default: go(.faulty(fault))
        }
    }

    public func read() {
        guard case .record(let record, _) = screen, let document = record.document else { return }
        go(.document(document, of: .own(record.screen.id)))
    }

    // A lost phone

    /// What a lost phone is replaced with.
    public func paper(record: String) {
        runFresh {
            try $0.records.paper(record: record).split(separator: "\n").map(String.init)
        } then: {
            self.go(.paper($0))
        }
    }

    public func restoring() {
        run {
            try $0.authority() != nil
        } then: {
            if $0 { self.go(.restoring()) } else { self.scanAuthority() }
        }
    }

    public func restore(paper: String) {
        let restore = { @Sendable (phone: Phone) -> Record in
            guard let authority = try phone.authority() else { throw CountersignError.KeyNeeded }
            return try phone.record(phone.records.restore(paper: paper, authority: authority.identity))
        }
        runFresh(restore, otherwise: wrong) { self.put(.record($0)) }
    }

    // Images of a document

    public func show(_ image: ImageScreen) {
        guard case .document(_, let source?) = screen else { return }
        runFresh { phone in
            let file = try phone.picture(image.name)
            switch source {
            case .own(let record):
                try phone.records.writeImage(record: record, digest: image.digest, path: file.path)
            case .asked(let thread):
                try phone.treating().writeImage(thread: thread, digest: image.digest, path: file.path)
            }
            return Picture(image: image, file: file)
        } then: {
            self.go(.picture($0))
        }
    }

    /// One that its author handed over in a file. With that it is shared with the part that names it.
    ///
    /// - Parameter lend: opens the file for as long as it is read.
    public func take(
        _ image: ImageScreen, from lend: @escaping @Sendable (_ read: (URL) throws -> Void) throws -> Void
    ) {
        guard case .document(_, .own(let record)?) = screen else { return }
        let shown = { @Sendable (phone: Phone) in
            Screen.document(documentScreen(document: try phone.records.document(record: record)), of: .own(record))
        }
        runFresh { phone in
            let records = try phone.records
            try lend { try records.takeImage(record: record, digest: image.digest, path: $0.path) }
            return try shown(phone)
        } then: {
            self.put($0)
            self.runFresh {
                try $0.publish(record)
                return try shown($0)
            } then: {
                self.put($0)
            }
        }
    }

    /// For the doctor who signs: the record's number and the key of this phone.
    public func showDoctor(record: String) {
        runFresh { phone in
            let key = try phone.records.holder(record: record).map { hex($0) }.joined()
            return CodeToShow(title: "records.show-doctor", text: "records.show-doctor-text", code: "\(record) \(key)")
        } then: {
            self.go(.code($0))
        }
    }

    public func showLink(record: String) {
        runFresh {
            CodeToShow(title: "records.link", text: "records.link-text", code: try $0.records.link(record: record))
        } then: {
            self.go(.code($0))
        }
    }

    /// Some parts are opened: to whoever fits a policy that is typed, or to the one who asked by `thread`.
    public func share(record: String, thread: String? = nil) {
        runFresh {
            let document = documentScreen(document: try $0.records.document(record: record))
            return Sharing(record: record, sections: document.sections, thread: thread)
        } then: {
            self.go(.sharing($0))
        }
    }

    public func shared(policy: String, parts: [UInt8], mode: LineMode, minutes: UInt32) {
        guard case .sharing(let sharing, _) = screen else { return }
        let (record, thread, parts) = (sharing.record, sharing.thread, Data(parts))
        let policy = policy.trimmingCharacters(in: .whitespacesAndNewlines)
        let change = { @Sendable (phone: Phone) in
            if let thread { return try phone.records.allowParts(record: record, thread: thread, parts: parts) }
            let line = NewRecordLine(isPrivate: false, policy: policy, mode: mode, minutes: minutes, parts: parts)
            _ = try phone.records.share(record: record, line: line)
        }
        runFresh(change, otherwise: wrong) {
            self.runFresh { phone -> Screen in
                try phone.publish(record)
                if thread == nil { return .record(try phone.record(record)) }
                return .accesses(try phone.accesses(record))
            } then: {
                self.returned($0)
            }
        }
    }

    public func erasing(record: String) { go(.recordErasing(record)) }

    public func erase(record: String) {
        runFresh {
            try $0.records.erase(record: record)
        } then: {
            self.runFresh {
                try $0.publish(record)
                return try $0.medical()
            } then: {
                self.returned(.records($0))
            }
        }
    }

    public func accesses(record: String) {
        runFresh {
            try $0.accesses(record)
        } then: {
            self.go(.accesses($0))
        }
    }

    public func refreshAccesses(record: String) {
        runFresh {
            try $0.sync()
            return try $0.accesses(record)
        } then: {
            self.put(.accesses($0))
        }
    }

    public func answer(_ answer: AccessAnswer, record: String, thread: String) {
        if answer == .allowParts { return share(record: record, thread: thread) }
        runFresh {
            switch answer {
            case .allow: try $0.records.allow(record: record, thread: thread)
            case .deny: try $0.records.deny(record: record, thread: thread)
            case .withdraw, .allowParts: try $0.records.withdraw(record: record, thread: thread)
            }
        } then: {
            self.refreshAccesses(record: record)
        }
    }

    // Somebody who treats patients

    public func scanPatient() { go(.camera(Camera(aim: .record, hint: "records.point-link"))) }

    func add(link: String) {
        runFresh {
            try $0.added(link)
        } then: {
            self.put(.asking($0))
        }
    }

    /// A patient's code that the phone's own camera read.
    func linked(record link: String) {
        runFresh {
            try $0.added(link)
        } then: {
            self.go(.asking($0))
        }
    }

    public func ask(record: String) {
        runFresh {
            try $0.asking(record)
        } then: {
            self.go(.asking($0))
        }
    }

    public func fetchKey(record: String) {
        runFresh {
            try $0.treating().fetchKey()
            return try $0.asking(record)
        } then: {
            self.put(.asking($0))
        }
    }

    public func choose(_ choice: AskChoice, record: String) {
        runFresh {
            try $0.name()
        } then: {
            self.go(.askingFor(Question(record: record, choice: choice, name: $0)))
        }
    }

    public func send(name: String, reason: String) {
        guard case .askingFor(let question, _) = screen else { return }
        let (choice, record) = (question.choice, question.record)
        let name = name.trimmingCharacters(in: .whitespacesAndNewlines)
        let reason = reason.trimmingCharacters(in: .whitespacesAndNewlines)
        let asked = RecordQuestion(
            record: record, label: choice.label, isPrivate: choice.isPrivate, minutes: choice.minutes,
            purpose: choice.purpose, reason: reason.isEmpty ? nil : reason, name: name)
        let send = { @Sendable (phone: Phone) in
            try phone.keep(name: name)
            _ = try phone.treating().ask(question: asked)
        }
        runFresh(send, otherwise: wrong) {
            self.runFresh {
                try $0.sync()
                return try $0.medical()
            } then: {
                self.returned(.records($0))
            }
        }
    }

    public func step(_ step: RequestStep, of request: RequestScreen) {
        if step == .askAgain { return ask(record: request.record) }
        let thread = request.thread
        runFresh { phone -> DocumentScreen? in
            let clinician = try phone.treating()
            var document: MedicalDocument?
            switch step {
            case .open: document = try clinician.open(thread: thread)
            case .read: document = try clinician.read(thread: thread)
            case .resume: try clinician.resume(thread: thread)
            case .sync: try phone.sync()
            case .forget: try clinician.dismiss(thread: thread)
            case .askAgain: break
            }
            return document.map { documentScreen(document: $0) }
        } then: { document in
            self.runFresh {
                try $0.medical()
            } then: {
                self.put(.records($0))
                if let document { self.go(.document(document, of: .asked(thread))) }
            }
        }
    }
}

private func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0\(digits)" : digits
}

extension Phone {
    /// Each step is durable: what is cut off here goes on with the next.
    fileprivate func publish(_ record: String) throws {
        while try fresh({ try records.step(record: record) }) != .done {}
    }

    /// What has to be newer than it is, is brought up to date first. A call that fails has changed nothing.
    fileprivate func fresh<T>(_ call: () throws -> T) throws -> T {
        do {
            return try call()
        } catch CountersignError.Retry(afterMillis: .some(0)) {
            try sync()
            return try call()
        }
    }

    func medical() throws -> Medical {
        let own = try records.all().map { recordScreen(record: $0, document: try document($0.id)) }
        guard let clinician = try clinician() else { return Medical(own: own, clinic: nil) }
        _ = try clinician.tidy()
        let requests = try clinician.asked().map { asked in
            requestScreen(request: asked, kept: asked.kept ? try clinician.read(thread: asked.thread) : nil)
        }
        return Medical(own: own, clinic: Clinic(patients: try clinician.records(), requests: requests))
    }

    func record(_ id: String) throws -> Record {
        guard let held = try records.all().first(where: { $0.id == id }) else {
            throw CountersignError.Refused(reason: "not-found")
        }
        let document = try document(id)
        return Record(
            screen: recordScreen(record: held, document: document),
            document: document.map { documentScreen(document: $0) }, isOpen: held.open)
    }

    func accesses(_ record: String) throws -> Accesses {
        Accesses(record: record, screen: accessesScreen(accesses: try records.accesses(record: record)))
    }

    func asking(_ record: String) throws -> AskScreen {
        let clinician = try treating()
        return askScreen(record: record, offers: try clinician.offers(record: record), hasKey: try clinician.hasKey())
    }

    func added(_ link: String) throws -> AskScreen {
        let record = try treating().add(link: link)
        try sync()
        return try asking(record)
    }

    func treating() throws -> Clinician {
        guard let clinician = try clinician() else { throw CountersignError.KeyNeeded }
        return clinician
    }

    /// Nothing, before there is one.
    private func document(_ record: String) throws -> MedicalDocument? {
        do {
            return try records.document(record: record)
        } catch CountersignError.Refused {
            return nil
        }
    }
}
