import Countersign
import Foundation

/// Medical records: the order of their screens. What each shows, and what can be done there, the core says.
extension Model {
    public func records() {
        run {
            try $0.medical()
        } then: {
            self.go(.records($0))
        }
    }

    /// The list after a sync.
    public func refreshRecords() {
        run {
            try $0.sync()
            return try $0.medical()
        } then: {
            self.put(.records($0))
        }
    }

    /// Whose keys are used: the code of a hospital.
    public func scanAuthority() { go(.camera(Camera(aim: .authority, hint: "records.point-authority"))) }

    func use(_ authority: AuthorityAddress) {
        run {
            try $0.use(authority)
            return try $0.medical()
        } then: {
            self.returned(.records($0))
        }
    }

    // A patient

    public func beginRecord() {
        run { phone -> Record? in
            guard let authority = try phone.authority() else { return nil }
            return try phone.record(phone.records.begin(authority: authority.identity))
        } then: {
            if let record = $0 { self.go(.record(record)) } else { self.scanAuthority() }
        }
    }

    public func open(record: String) {
        run {
            try $0.record(record)
        } then: {
            self.go(.record($0))
        }
    }

    public func enrol(record: String, code: String) {
        change(record) { try $0.enrol(record: record, code: code.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// A document that a doctor signed, from a file.
    public func take(document: Data) {
        guard case .record(let shown, _) = screen else { return }
        let record = shown.screen.id
        publish(record) { _ = try $0.take(record: record, document: document) }
    }

    /// Each step is durable: what is cut off here goes on with the next.
    public func publish(record: String) { publish(record) { _ in } }

    public func close(record: String, label: String) {
        publish(record) { try $0.close(record: record, label: label) }
    }

    public func set(open: Bool, record: String) {
        publish(record) { try $0.setOpen(record: record, open: open) }
    }

    /// From then on there is something to be told of.
    private func publish(_ record: String, _ what: @escaping @Sendable (Records) throws -> Void) {
        change(record) {
            try what($0)
            try $0.publish(record)
        }
        wantsToTell = true
    }

    /// The record's screen again, after something was done to it.
    private func change(_ record: String, _ what: @escaping @Sendable (Records) throws -> Void) {
        run(
            {
                try what(try $0.records)
                return try $0.record(record)
            }, otherwise: wrong
        ) {
            self.put(.record($0))
        }
    }

    /// What cannot be used is said where it was entered.
    private func wrong(_ fault: FaultScreen) {
        switch screen {
        case .record(let record, _): put(.record(record, wrong: fault.text))
        case .sharing(let sharing, _): put(.sharing(sharing, wrong: fault.text))
        case .askingFor(let question, _): put(.askingFor(question, wrong: fault.text))
        default: go(.faulty(fault))
        }
    }

    public func read() {
        if case .record(let record, _) = screen, let document = record.document { go(.document(document)) }
    }

    /// For the doctor who signs: the record's number and the key of this phone.
    public func showDoctor(record: String) {
        run { phone in
            let key = try phone.records.holder(record: record).map { hex($0) }.joined()
            return CodeToShow(title: "records.show-doctor", text: "records.show-doctor-text", code: "\(record) \(key)")
        } then: {
            self.go(.code($0))
        }
    }

    public func showLink(record: String) {
        run {
            CodeToShow(title: "records.link", text: "records.link-text", code: try $0.records.link(record: record))
        } then: {
            self.go(.code($0))
        }
    }

    /// Some parts are opened: to whoever fits a policy that is typed, or to the one who asked by `thread`.
    public func share(record: String, thread: String? = nil) {
        run {
            let document = documentScreen(document: try $0.records.document(record: record))
            return Sharing(record: record, sections: document.sections, thread: thread)
        } then: {
            self.go(.sharing($0))
        }
    }

    public func shared(policy: String, parts: [UInt8], mode: LineMode, minutes: UInt32) {
        guard case .sharing(let sharing, _) = screen else { return }
        let record = sharing.record
        let policy = policy.trimmingCharacters(in: .whitespacesAndNewlines)
        run(
            { phone -> Screen in
                let records = try phone.records
                guard let thread = sharing.thread else {
                    let line = NewRecordLine(
                        isPrivate: false, policy: policy, mode: mode, minutes: minutes, parts: Data(parts))
                    _ = try records.share(record: record, line: line)
                    try records.publish(record)
                    return .record(try phone.record(record))
                }
                try records.allowParts(record: record, thread: thread, parts: Data(parts))
                try records.publish(record)
                return .accesses(try phone.accesses(record))
            }, otherwise: wrong
        ) {
            self.returned($0)
        }
    }

    public func erasing(record: String) { go(.recordErasing(record)) }

    public func erase(record: String) {
        run {
            try $0.records.erase(record: record)
            try $0.records.publish(record)
            return try $0.medical()
        } then: {
            self.returned(.records($0))
        }
    }

    public func accesses(record: String) {
        run {
            try $0.accesses(record)
        } then: {
            self.go(.accesses($0))
        }
    }

    public func refreshAccesses(record: String) {
        run {
            try $0.sync()
            return try $0.accesses(record)
        } then: {
            self.put(.accesses($0))
        }
    }

    public func answer(_ answer: AccessAnswer, record: String, thread: String) {
        if answer == .allowParts { return share(record: record, thread: thread) }
        run {
            switch answer {
            case .allow: try $0.records.allow(record: record, thread: thread)
            case .deny: try $0.records.deny(record: record, thread: thread)
            case .withdraw, .allowParts: try $0.records.withdraw(record: record, thread: thread)
            }
            try $0.sync()
            return try $0.accesses(record)
        } then: {
            self.put(.accesses($0))
        }
    }

    // Somebody who treats patients

    public func scanPatient() { go(.camera(Camera(aim: .record, hint: "records.point-link"))) }

    func add(link: String) {
        run { phone in
            let record = try phone.treating().add(link: link)
            try phone.sync()
            return try phone.asking(record)
        } then: {
            self.put(.asking($0))
        }
    }

    public func ask(record: String) {
        run {
            try $0.asking(record)
        } then: {
            self.go(.asking($0))
        }
    }

    public func fetchKey(record: String) {
        run {
            try $0.treating().fetchKey()
            return try $0.asking(record)
        } then: {
            self.put(.asking($0))
        }
    }

    public func choose(_ choice: AskChoice, record: String) {
        run {
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
        run(
            { phone in
                try phone.keep(name: name)
                let asked = RecordQuestion(
                    record: record, label: choice.label, isPrivate: choice.isPrivate, minutes: choice.minutes,
                    purpose: choice.purpose, reason: reason.isEmpty ? nil : reason, name: name)
                _ = try phone.treating().ask(question: asked)
                try phone.sync()
                return try phone.medical()
            }, otherwise: wrong
        ) {
            self.returned(.records($0))
        }
    }

    public func step(_ step: RequestStep, of request: RequestScreen) {
        if step == .askAgain { return ask(record: request.record) }
        let thread = request.thread
        run { phone -> (Medical, DocumentScreen?) in
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
            return (try phone.medical(), document.map { documentScreen(document: $0) })
        } then: { list, document in
            self.put(.records(list))
            if let document { self.go(.document(document)) }
        }
    }
}

private func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0\(digits)" : digits
}

extension Records {
    /// Each step is durable: what is cut off here goes on with the next.
    fileprivate func publish(_ record: String) throws {
        while try step(record: record) != .done {}
    }
}

extension Phone {
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
