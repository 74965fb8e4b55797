import Countersign
import CryptoKit
import Foundation
import LocalAuthentication
import Security

/// Keys in the Secure Enclave. The keychain has them wrapped, so that only this phone's enclave can open them.
///
/// Every signature asks the person; without a passcode on the phone there are no keys. Public keys are returned as SEC1
/// points, signatures as `r || s`; the core normalises both.
public final class SecureEnclaveKeyStore: KeyStore {
    private let reason: @Sendable () -> String
    /// One at a time: two calls that find no key would both make one, and the first would be lost.
    private let making = NSLock()

    /// - Parameter reason: what is being signed for, in the person's language; the prompt shows it.
    public init(reason: @escaping @Sendable () -> String) {
        self.reason = reason
    }

    public func makeSigningKey(name: String) throws -> Data {
        making.lock()
        defer { making.unlock() }
        return try reported {
            if let held = try Keychain.sign[name] {
                return try SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: held).publicKey.x963Representation
            }
            let key = try SecureEnclave.P256.Signing.PrivateKey(accessControl: control([.privateKeyUsage, .userPresence]))
            try Keychain.sign.keep(key.dataRepresentation, name)
            return key.publicKey.x963Representation
        }
    }

    /// The enclave does not attest its keys.
    public func attest(name: String, challenge: Data) throws -> [Data] {
        _ = try makeSigningKey(name: name)
        return []
    }

    public func makeAgreementKey(name: String) throws -> Data {
        making.lock()
        defer { making.unlock() }
        return try reported {
            if let held = try Keychain.agree[name] { return try agreement(held).publicKey.x963Representation }
            let key = try SecureEnclave.P256.KeyAgreement.PrivateKey(accessControl: control(.privateKeyUsage))
            try Keychain.agree.keep(key.dataRepresentation, name)
            return key.publicKey.x963Representation
        }
    }

    public func publicKey(name: String) throws -> Data {
        try reported {
            if let held = try Keychain.sign[name] {
                return try SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: held).publicKey.x963Representation
            }
            guard let held = try Keychain.agree[name] else { throw KeyStoreError.Missing }
            return try agreement(held).publicKey.x963Representation
        }
    }

    public func sign(name: String, message: Data) throws -> Data {
        try reported {
            guard let held = try Keychain.sign[name] else { throw KeyStoreError.Missing }
            let context = LAContext()
            context.localizedReason = reason()
            let key = try SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: held, authenticationContext: context)
            return try key.signature(for: message).rawRepresentation
        }
    }

    public func agree(name: String, peer: Data) throws -> Data {
        try reported {
            guard let held = try Keychain.agree[name] else { throw KeyStoreError.Missing }
            let peer = try P256.KeyAgreement.PublicKey(x963Representation: peer)
            return try agreement(held).sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes { Data($0) }
        }
    }

    public func keepSecret(name: String, secret: Data) throws {
        try reported { try Keychain.secret.keep(secret, name) }
    }

    public func recallSecret(name: String) throws -> Data {
        try reported {
            guard let secret = try Keychain.secret[name] else { throw KeyStoreError.Missing }
            return secret
        }
    }

    public func delete(name: String) throws {
        try reported { for place in Keychain.allCases { try place.delete(name) } }
    }

    public func deleteAll() throws {
        try reported { for place in Keychain.allCases { try place.deleteAll() } }
    }

    /// Whether this phone's enclave works: found by trying, with keys that are then discarded.
    public func works() -> Bool {
        let message = Data("probe".utf8)
        guard
            let signing = try? SecureEnclave.P256.Signing.PrivateKey(),
            let signature = try? signing.signature(for: message),
            let agreeing = try? SecureEnclave.P256.KeyAgreement.PrivateKey()
        else { return false }
        let other = P256.KeyAgreement.PrivateKey()
        let here = try? agreeing.sharedSecretFromKeyAgreement(with: other.publicKey)
        let there = try? other.sharedSecretFromKeyAgreement(with: agreeing.publicKey)
        return signing.publicKey.isValidSignature(signature, for: message) && here != nil && here == there
    }

    private func agreement(_ held: Data) throws -> SecureEnclave.P256.KeyAgreement.PrivateKey {
        try SecureEnclave.P256.KeyAgreement.PrivateKey(dataRepresentation: held)
    }

    /// On this phone only, while it is unlocked, and only as long as it has a passcode.
    private func control(_ flags: SecAccessControlCreateFlags) throws -> SecAccessControl {
        let protection = kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly
        guard let control = SecAccessControlCreateWithFlags(nil, protection, flags, nil) else { throw KeyStoreError.Failed }
        return control
    }

    /// Reports declining as `Cancelled`, and other failures as `Failed`.
    private func reported<T>(_ work: () throws -> T) throws -> T {
        do {
            return try work()
        } catch let error as KeyStoreError {
            throw error
        } catch let error as LAError where [.userCancel, .appCancel, .systemCancel].contains(error.code) {
            throw KeyStoreError.Cancelled
        } catch {
            throw KeyStoreError.Failed
        }
    }
}
