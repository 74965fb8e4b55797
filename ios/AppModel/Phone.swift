import Countersign
import Foundation

/// The core's objects on this phone, and the files that they lie in. Its calls wait: not for the main thread.
public final class Phone: @unchecked Sendable {
    /// The key's name.
    static let key = "signing"
    private static let longestWait = 10.0

    private let folder: URL
    private let keys: any KeyStore
    /// Guards everything below.
    private let lock = NSRecursiveLock()
    private var pinned: Register?
    private var opened: Opened?
    private var showsExamples = false
    private var wherever: @Sendable () -> String? = { nil }

    private struct Opened {
        let wallet: Wallet
        let checker: PackChecker
        let courier: Courier
        let records: Records
        let bedside: Bedside
        let domains: Domains
        var clinician: Clinician?

        /// - Parameter folder: where the ledgers of domains lie, beside the wallet.
        init(_ wallet: Wallet, in folder: URL) {
            self.wallet = wallet
            checker = PackChecker(wallet: wallet)
            records = Records(wallet: wallet)
            bedside = Bedside(wallet: wallet, key: Phone.key)
            domains = Domains(wallet: wallet, key: Phone.key, folder: folder.appendingPathComponent("domains").path)
            courier = Courier(wallet: wallet, key: Phone.key)
        }
    }

    /// - Parameter folder: a place that no backup has, and that the app can read once the phone has been unlocked.
    public init(folder: URL, keys: any KeyStore) {
        self.folder = folder
        self.keys = keys
    }

    /// The register that is pinned.
    var register: Register? { lock.withLock { pinned } }
    /// Whether the built-in one with examples is open.
    var examples: Bool { lock.withLock { showsExamples } }

    var wallet: Wallet { get throws { try open().wallet } }
    var checker: PackChecker { get throws { try open().checker } }
    var courier: Courier { get throws { try open().courier } }
    var records: Records { get throws { try open().records } }
    var bedside: Bedside { get throws { try open().bedside } }
    var domains: Domains { get throws { try open().domains } }

    /// Who asks for records of patients: a member who has scanned the code of their house.
    func clinician() throws -> Clinician? {
        try lock.withLock {
            guard let there = try authority(), try isMember() else { return nil }
            if let held = try open().clinician { return held }
            let fresh = try Clinician(
                wallet: wallet, key: Self.key, authority: there.identity, address: there.address, roots: there.roots)
            opened?.clinician = fresh
            return fresh
        }
    }

    /// The attribute authority of the person's house.
    func authority() throws -> AuthorityAddress? {
        guard FileManager.default.fileExists(atPath: authorityFile.path) else { return nil }
        return try authorityAddress(message: Data(contentsOf: authorityFile))
    }

    func use(_ chosen: AuthorityAddress) throws {
        try lock.withLock {
            try chosen.message.write(to: authorityFile, options: .atomic)
            opened?.clinician = nil
        }
    }

    /// The name by which patients know this phone's member.
    func name() throws -> String {
        guard FileManager.default.fileExists(atPath: nameFile.path) else { return "" }
        return String(decoding: try Data(contentsOf: nameFile), as: UTF8.self)
    }

    func keep(name: String) throws { try Data(name.utf8).write(to: nameFile, options: .atomic) }

    func places(by place: @escaping @Sendable () -> String?) { lock.withLock { wherever = place } }

    /// Whether the place is said in what is signed.
    var saysPlace: Bool { FileManager.default.fileExists(atPath: placeFile.path) }

    func say(place: Bool) throws {
        if place { return try Data().write(to: placeFile) }
        if saysPlace { try FileManager.default.removeItem(at: placeFile) }
    }

    /// Where the phone is, if that is to be said and can be told.
    func place() -> String? { saysPlace ? lock.withLock { wherever }() : nil }

    func preferences() throws -> Preferences { Preferences(settings: try wallet.settings(), saysPlace: saysPlace) }

    /// A file for an image, of which there is one at a time.
    func picture(_ name: String) throws -> URL {
        forgetPictures()
        try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
        return pictures.appendingPathComponent(name)
    }

    /// An image is in a file only while somebody looks at it.
    func forgetPictures() { try? FileManager.default.removeItem(at: pictures) }

    /// Reads what was pinned. A register that is damaged is none: the person scans it again. One that cannot be read yet, on a
    /// phone that was never unlocked since it started, throws.
    public func start() throws {
        try lock.withLock {
            guard pinned == nil else { return }
            forgetPictures()
            guard FileManager.default.fileExists(atPath: node.path) else {
                // The keychain outlives the app: what is in it is of an earlier install.
                try? keys.deleteAll()
                return
            }
            let (address, bytes) = (try Data(contentsOf: node), try Data(contentsOf: genesis))
            pinned = try? Countersign.register(node: String(decoding: address, as: UTF8.self), genesis: bytes)
        }
    }

    /// Pins a register whose words a person has compared.
    func pin(_ chosen: Register) throws {
        try lock.withLock {
            close()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try chosen.genesis.write(to: genesis, options: .atomic)
            // Last: a register without its address is none.
            try Data(chosen.node.utf8).write(to: node, options: .atomic)
            pinned = chosen
        }
    }

    /// Opens the examples, whose database and genesis are built into the app.
    func tryExamples(database: URL, genesis: URL) throws {
        try lock.withLock {
            close()
            try? FileManager.default.removeItem(at: examplesFolder)
            try FileManager.default.createDirectory(at: examplesFolder, withIntermediateDirectories: true)
            let copy = examplesFolder.appendingPathComponent("wallet.db")
            try FileManager.default.copyItem(at: database, to: copy)
            opened = Opened(
                try Wallet.openExamples(database: copy.path, genesis: Data(contentsOf: genesis), keys: keys),
                in: examplesFolder)
            showsExamples = true
        }
    }

    func leaveExamples() throws {
        try lock.withLock {
            close()
            try FileManager.default.removeItem(at: examplesFolder)
        }
    }

    /// Erases every key, every secret and every file.
    func erase() throws {
        try lock.withLock {
            close()
            try eraseWallet(database: database, keys: keys)
            if FileManager.default.fileExists(atPath: folder.path) { try FileManager.default.removeItem(at: folder) }
            pinned = nil
        }
    }

    /// Whether this phone signs for a member.
    func isMember() throws -> Bool {
        try !examples && wallet.memberships().contains { $0.key == Self.key }
    }

    /// Brings the wallet up to date: steps until it is, or until `going` says no.
    func sync(while going: () -> Bool = { true }) throws {
        while going() {
            switch try wallet.syncStep() {
            case .done:
                // What may be kept no longer goes as soon as that is known.
                _ = try clinician()?.tidy()
                return
            case .waiting(let millis): Thread.sleep(forTimeInterval: min(Double(millis) / 1000, Self.longestWait))
            case .progress: break
            }
        }
    }

    /// Sends what waits and brings the data up to date, when nobody looks. It may be stopped between any two steps.
    ///
    /// - Returns: whether nothing is left to do now. If something is, the next round tries again, and the app says why when
    ///   somebody looks.
    public func round(while going: () -> Bool) -> Bool {
        do {
            try start()
            if register == nil { return true }
            if try isMember() { _ = try courier.send() }
            _ = try checker.sendReports()
            try sync(while: going)
            return going()
        } catch {
            return false
        }
    }

    /// A round that stops between two steps when its task is cancelled.
    public func round() async -> Bool {
        let stop = Stop()
        return await withTaskCancellationHandler {
            (try? await offTheMainThread { self.round { !stop.isSet } }) ?? false
        } onCancel: {
            stop.set()
        }
    }

    private func open() throws -> Opened {
        try lock.withLock {
            if let opened { return opened }
            guard let pinned else { throw NotPinned() }
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let wallet = try Wallet.open(database: database, genesis: pinned.genesis, node: pinned.node, keys: keys)
            let fresh = Opened(wallet, in: folder)
            opened = fresh
            return fresh
        }
    }

    private func close() {
        opened = nil
        showsExamples = false
    }

    private var database: String { folder.appendingPathComponent("wallet.db").path }
    private var node: URL { folder.appendingPathComponent("register.node") }
    private var genesis: URL { folder.appendingPathComponent("register.json") }
    private var authorityFile: URL { folder.appendingPathComponent("authority") }
    private var nameFile: URL { folder.appendingPathComponent("name") }
    private var placeFile: URL { folder.appendingPathComponent("place") }
    var toldFile: URL { folder.appendingPathComponent("told") }
    private var pictures: URL { folder.appendingPathComponent("pictures") }
    private var examplesFolder: URL { folder.appendingPathComponent("examples") }
}

/// Nothing can be asked before a register is pinned.
struct NotPinned: Error {}

/// Whether somebody asked to stop.
private final class Stop: @unchecked Sendable {
    private let lock = NSLock()
    private var isAsked = false

    var isSet: Bool { lock.withLock { isAsked } }
    func set() { lock.withLock { isAsked = true } }
}
