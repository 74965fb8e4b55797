import Countersign
import Foundation

/// How long a look waits for readings, in milliseconds: what is shown is no older than that.
private let turn: UInt32 = 300

/// What is known of a session beside what its screen shows.
final class Attendance {
    /// Somebody is signed in at a device, and its screens are among those that are shown or come back.
    var isOpen = false
    /// Why the session ended was looked up in the newest of the ledger.
    var isLookedUp = false
}

/// A nurse at a bed: the order of the screens. What each shows, and what can be done there, the core says.
extension Model {
    public func ward() {
        run {
            try $0.ward()
        } then: {
            self.go(.atBed($0))
        }
    }

    /// What a button of the core leads to.
    public func next(_ next: BedsideNext) {
        switch next {
        case .enrol: carry()
        case .takeBadge: go(.camera(Camera(aim: .badge, hint: "ward.point-badge")))
        case .scanDevice: go(.camera(Camera(aim: .device, hint: "ward.point-device")))
        case .sync: syncWard()
        case .signIn: signInAgain()
        case .unlock, .nothing: break
        }
    }

    private func syncWard() {
        var device: String?
        if case .atBed(.device(let shown, _)) = screen { device = shown.device }
        let shown = device
        run {
            try $0.sync()
            if let shown { return try $0.device(shown) }
            return try $0.ward()
        } then: {
            self.put(.atBed($0))
        }
    }

    // Badges

    func scanned(badge: String) { put(.atBed(.newBadge(badge))) }

    public func take(badge: String, password: String) {
        run {
            // The keychain is a file, which can be put back: tries that are counted there count for nothing.
            _ = try $0.bedside.take(badge: badge, password: password, tries: .gateway)
            return try $0.ward()
        } otherwise: {
            self.put(.atBed(.newBadge(badge, wrong: $0.text)))
        } then: {
            self.returned(.atBed($0))
        }
    }

    public func newPassword(of badge: BadgeScreen) { go(.atBed(.newPassword(badge))) }

    public func changePassword(from old: String, to new: String) {
        guard case .atBed(.newPassword(let badge, _)) = screen else { return }
        run {
            try $0.bedside.changePassword(gateway: badge.gateway, old: old, new: new)
            return try $0.ward()
        } otherwise: {
            self.put(.atBed(.newPassword(badge, wrong: $0.text)))
        } then: {
            self.returned(.atBed($0))
        }
    }

    public func forget(badge gateway: String) {
        run {
            try $0.bedside.forget(gateway: gateway)
            return try $0.ward()
        } then: {
            self.put(.atBed($0))
        }
    }

    // Devices

    /// A device whose code was scanned or typed.
    func scanned(device: String, otherwise: ((FaultScreen) -> Void)? = nil) {
        run({ try $0.device(device) }, otherwise: otherwise) { self.put(.atBed($0)) }
    }

    public func choose(device: String) {
        run {
            try $0.device(device)
        } then: {
            self.go(.atBed($0))
        }
    }

    public func signIn(_ choice: SignInChoice, password: String) {
        guard case .atBed(.device(let shown, _)) = screen else { return }
        run {
            _ = try $0.bedside.signIn(
                gateway: shown.gateway, password: password, device: shown.device, operations: choice.operations,
                minutes: choice.minutes, patient: 0)
            return try $0.seen()
        } otherwise: {
            self.put(.atBed(.device(shown, wrong: $0.text)))
        } then: { there in
            self.put(.atBed(.device(shown)))
            self.go(.atBed(there))
            self.attendance.isOpen = true
            self.attendance.isLookedUp = false
            self.attend()
        }
    }

    // A session

    /// Looks at the session over and over, until nobody comes back to it.
    private func attend() {
        beside({ try $0.bedside.watch(waitMillis: turn) }) { watch in
            guard self.attendance.isOpen, let watch else { return }
            self.show(sessionScreen(watch: watch))
            if watch.end == nil { self.attend() } else { self.ended(watch) }
        }
    }

    private func show(_ there: SessionScreen) {
        switch screen {
        case .atBed(.session(let shown, let wrong)):
            if there != shown { put(.atBed(.session(there, wrong: wrong))) }
        // Back comes what was done there, once the password was typed.
        case .atBed: if there.halt != nil { go(.atBed(.session(there))) }
        default: break
        }
    }

    /// The ledger may say why it ended.
    private func ended(_ watch: BedsideWatch) {
        guard watch.end == .cut, !attendance.isLookedUp else { return }
        attendance.isLookedUp = true
        beside({ try $0.sync() }) { _ in self.attend() }
    }

    /// Somebody touched the screen.
    public func touched() {
        if attendance.isOpen { beside { try $0.bedside.touched() } }
    }

    /// Another app is in front, or the phone sleeps.
    public func hidden() {
        if attendance.isOpen { beside { try $0.bedside.lock() } }
    }

    /// The screen changed. A session that nobody comes back to is over, and its keys are forgotten.
    func moved() {
        let comesBack = way.contains { if case .atBed(.session) = $0 { true } else { false } }
        guard attendance.isOpen, !comesBack else { return }
        attendance.isOpen = false
        beside { try $0.bedside.signOut() }
    }

    public func unlock(password: String) {
        guard case .atBed(.session(let shown, _)) = screen else { return }
        run {
            try $0.bedside.unlock(password: password)
            return try $0.seen()
        } otherwise: {
            self.put(.atBed(.session(shown, wrong: $0.text)))
        } then: { there in
            // What it covered comes back as it was left.
            switch self.way.dropLast().last {
            case .atBed(.value), .atBed(.command): self.back()
            default: self.put(.atBed(there))
            }
        }
    }

    /// At the same device, once more.
    private func signInAgain() {
        guard case .atBed(.session(let shown, _)) = screen else { return }
        run {
            try $0.device(shown.device)
        } then: {
            self.returned(.atBed($0))
        }
    }

    public func command(_ choice: CommandChoice, session: SessionScreen) {
        if choice.unit != nil { return go(.atBed(.value(session, choice))) }
        run { _ in
            try commandScreen(session: session, choice: choice, typed: "")
        } then: { screen in
            if choice.confirms { self.go(.atBed(.command(screen))) } else { self.send(screen) }
        }
    }

    public func typed(value: String) {
        guard case .atBed(.value(let session, let choice, _)) = screen else { return }
        run { _ in
            try commandScreen(session: session, choice: choice, typed: value)
        } otherwise: {
            self.put(.atBed(.value(session, choice, wrong: $0.text)))
        } then: {
            self.go(.atBed(.command($0)))
        }
    }

    public func send(_ command: CommandScreen) {
        run {
            try $0.bedside.command(command: command.command)
            return try $0.seen()
        } otherwise: { fault in
            if case .atBed(.command) = self.screen { self.put(.atBed(.command(command, wrong: fault.text))) }
        } then: {
            self.returned(.atBed($0))
        }
    }

    /// A call that waits while the person goes on.
    private func beside<T: Sendable>(
        _ call: @escaping @Sendable (Phone) throws -> T, then: @escaping (T?) -> Void = { _ in }
    ) {
        let phone = phone
        Task { then(try? await offTheMainThread { try call(phone) }) }
    }
}

extension Phone {
    func ward() throws -> AtBed { .ward(wardScreen(ward: try bedside.ward())) }

    func device(_ code: String) throws -> AtBed { .device(deviceScreen(device: try bedside.device(code: code))) }

    func seen() throws -> AtBed { .session(sessionScreen(watch: try bedside.watch(waitMillis: 0))) }
}
