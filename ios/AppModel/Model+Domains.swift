import Countersign
import Foundation

/// Data of other domains: the order of the screens. What each shows, and what can be done there, the core says.
extension Model {
    public func domains() {
        run {
            try $0.domainsScreen()
        } then: {
            self.go(.atDomain(.all($0)))
        }
    }

    /// Brings everything up to date, and shows the same screen as it is then.
    public func syncDomains() {
        guard case .atDomain(let shown) = screen else { return }
        run {
            try $0.domains.sync()
            try $0.sync()
            switch shown {
            case .licence(let licence): return .licence(try $0.licence(licence.thread))
            case .accesses(let key, _): return try $0.looked(at: key)
            case .trace(let key, _): return try $0.traced(key)
            default: return .all(try $0.domainsScreen())
            }
        } then: { (there: AtDomain) in
            self.put(.atDomain(there))
        }
    }

    // Domains

    public func scanDomain() { go(.camera(Camera(aim: .domain, hint: "domains.point"))) }

    func scanned(domain register: Register) { put(.atDomain(.adding(register))) }

    public func add(domain register: Register) {
        run {
            _ = try $0.domains.add(node: register.node, genesis: register.genesis)
            return try $0.domainsScreen()
        } then: {
            self.returned(.atDomain(.all($0)))
        }
    }

    public func remove(domain: String) {
        run {
            try $0.domains.remove(domain: domain)
            return try $0.domainsScreen()
        } then: {
            self.put(.atDomain(.all($0)))
        }
    }

    public func signIn(at domain: DomainLine) { go(.atDomain(.signingIn(domain))) }

    public func signIn(code: String) {
        guard case .atDomain(.signingIn(let shown, _)) = screen else { return }
        run {
            _ = try $0.domains.enrol(domain: shown.domain, code: code)
            return try $0.domainsScreen()
        } otherwise: {
            self.put(.atDomain(.signingIn(shown, wrong: $0.text)))
        } then: {
            self.returned(.atDomain(.all($0)))
        }
    }

    public func registerDomain() {
        run {
            try $0.domains.register()
            try $0.sync()
            return try $0.domainsScreen()
        } then: {
            self.put(.atDomain(.all($0)))
        }
    }

    // Becoming known in another domain

    public func greet(domain: String) {
        run {
            try $0.own(try $0.domains.greet(domain: domain))
        } then: {
            self.go(.atDomain($0))
        }
    }

    public func scanGreeting() { go(.camera(Camera(aim: .greeting, hint: "greeting.point"))) }

    /// The other side's message was scanned.
    func came(_ greeting: DomainGreeting) {
        run { _ in
            try greetingScreen(greeting: greeting, isOwn: false)
        } then: {
            self.put(.atDomain(.greeting(greeting, $0)))
        }
    }

    /// What the button of a message leads to.
    public func next(_ next: GreetingNext) {
        switch next {
        case .reply, .keep: reply()
        case .scan: scanGreeting()
        case .done:
            run {
                try $0.domainsScreen()
            } then: {
                self.returned(.atDomain(.all($0)))
            }
        }
    }

    private func reply() {
        guard case .atDomain(.greeting(let shown, let screen, _)) = screen else { return }
        run {
            if let reply = try $0.domains.reply(message: shown.message) { return try $0.own(reply) }
            try $0.domains.sync()
            try $0.sync()
            return .all(try $0.domainsScreen())
        } otherwise: {
            self.put(.atDomain(.greeting(shown, screen, wrong: $0.text)))
        } then: { (there: AtDomain) in
            if case .greeting = there { self.put(.atDomain(there)) } else { self.returned(.atDomain(there)) }
        }
    }

    // Licences

    public func open(_ data: DataScreen) { go(.atDomain(.data(data))) }

    public func ask(about data: DataScreen) {
        if let ask = data.ask { go(.atDomain(.asking(ask))) }
    }

    public func ask(for user: String, to operations: [DataOp], purpose: String, days: UInt16) {
        guard case .atDomain(.asking(let shown, _)) = screen else { return }
        let question = DataQuestion(
            key: shown.key, user: user, operations: operations, purpose: purpose, days: days)
        run {
            let thread = try $0.domains.ask(question: question)
            try $0.sync()
            return try $0.licence(thread)
        } otherwise: {
            self.put(.atDomain(.asking(shown, wrong: $0.text)))
        } then: {
            self.put(.atDomain(.licence($0)))
        }
    }

    public func show(_ licence: LicenceScreen) { go(.atDomain(.licence(licence))) }

    public func revoking(_ licence: LicenceScreen) { go(.atDomain(.revoking(licence))) }

    public func revoke(_ cause: RevocationCause) {
        guard case .atDomain(.revoking(let shown, _)) = screen else { return }
        run {
            try $0.domains.revoke(thread: shown.thread, cause: cause)
            try $0.sync()
            return try $0.licence(shown.thread)
        } otherwise: {
            self.put(.atDomain(.revoking(shown, wrong: $0.text)))
        } then: {
            self.returned(.atDomain(.licence($0)))
        }
    }

    // Looking across

    public func accesses(of key: String) {
        run {
            try $0.looked(at: key)
        } then: {
            self.go(.atDomain($0))
        }
    }

    public func trace(_ key: String) {
        run {
            try $0.traced(key)
        } then: {
            self.go(.atDomain($0))
        }
    }
}

extension Phone {
    func domainsScreen() throws -> DomainsScreen { Countersign.domainsScreen(view: try domains.view()) }

    func licence(_ thread: String) throws -> LicenceScreen {
        guard let licence = try domainsScreen().licences.first(where: { $0.thread == thread }) else {
            throw CountersignError.Refused(reason: "no-licence")
        }
        return licence
    }

    /// A message that is shown to the other side.
    func own(_ greeting: DomainGreeting) throws -> AtDomain {
        .greeting(greeting, try greetingScreen(greeting: greeting, isOwn: true))
    }

    func looked(at key: String) throws -> AtDomain {
        .accesses(key, dataAccessesScreen(accesses: try domains.accesses(key: key)))
    }

    func traced(_ key: String) throws -> AtDomain { .trace(key, traceScreen(trace: try domains.trace(key: key))) }
}
