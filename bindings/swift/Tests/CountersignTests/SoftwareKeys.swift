import Foundation

@testable import Countersign

/// Keys by OpenSSL's command, since Linux has neither CryptoKit nor a keychain: DER everywhere, s high or low. Misbehaves
/// on request.
final class SoftwareKeys: KeyStore, @unchecked Sendable {
    private let folder: URL
    private let lock = NSLock()
    private var behaviour = "works"
    private var waiting: () -> Void = {}
    private var secrets: [String: Data] = [:]

    init(folder: URL) { self.folder = folder }

    var manner: String {
        get { lock.withLock { behaviour } }
        set { lock.withLock { behaviour = newValue } }
    }

    /// Runs while the core waits for a signature.
    var whileSigning: () -> Void {
        get { lock.withLock { waiting } }
        set { lock.withLock { waiting = newValue } }
    }

    func makeSigningKey(name: String) throws -> Data { try make(name + ".sign") }
    func makeAgreementKey(name: String) throws -> Data { try make(name + ".agree") }

    /// What hardware would attest: here, that the key was made for this challenge.
    func attest(name: String, challenge: Data) throws -> [Data] { [try makeSigningKey(name: name), challenge] }

    func publicKey(name: String) throws -> Data {
        let held = [name + ".sign", name + ".agree"].first { FileManager.default.fileExists(atPath: path($0)) }
        guard let held else { throw KeyStoreError.Missing }
        return try publicHalf(held)
    }

    func sign(name: String, message: Data) throws -> Data {
        whileSigning()
        switch manner {
        case "works": break
        case "cancels": throw KeyStoreError.Cancelled
        case "throws": throw Missing(name: "nobody expects this")
        case "signs-wrongly": return try openssl(["dgst", "-sha256", "-sign", path(name + ".sign")], Data("else".utf8))
        default: throw KeyStoreError.Failed
        }
        return try openssl(["dgst", "-sha256", "-sign", path(name + ".sign")], message)
    }

    /// No test of the core uses it.
    func agree(name: String, peer: Data) throws -> Data { throw KeyStoreError.Failed }

    func keepSecret(name: String, secret: Data) throws { lock.withLock { secrets[name] = secret } }

    func recallSecret(name: String) throws -> Data {
        guard let secret = lock.withLock({ secrets[name] }) else { throw KeyStoreError.Missing }
        return secret
    }

    func delete(name: String) throws {
        for kind in [".sign", ".agree"] { try? FileManager.default.removeItem(atPath: path(name + kind)) }
        lock.withLock { secrets[name] = nil }
    }

    func deleteAll() throws {
        for name in try names { try delete(name: name) }
    }

    /// Of all keys and secrets.
    var names: Set<String> {
        get throws {
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
                $0.hasSuffix(".sign") || $0.hasSuffix(".agree")
            }
            let keys = files.map { String($0[..<$0.lastIndex(of: ".")!]) }
            return Set(keys + lock.withLock { Array(secrets.keys) })
        }
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func make(_ name: String) throws -> Data {
        if !FileManager.default.fileExists(atPath: path(name)) {
            _ = try openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path(name)])
        }
        return try publicHalf(name)
    }

    private func publicHalf(_ name: String) throws -> Data {
        try openssl(["ec", "-in", path(name), "-pubout", "-outform", "DER"])
    }

    private func openssl(_ arguments: [String], _ input: Data = Data()) throws -> Data {
        let process = Process()
        let (given, output) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardInput = given
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        given.fileHandleForWriting.write(input)
        try given.fileHandleForWriting.close()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw KeyStoreError.Failed }
        return answer
    }
}
