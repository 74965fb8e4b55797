// Declarations of what the key store uses of CryptoKit.
import Foundation
import LocalAuthentication
import Security

func nothing<T>() -> T { fatalError("a stand-in") }

public struct SharedSecret: Equatable, Sendable {
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R { nothing() }
}
public enum P256 {
    public enum Signing {
        public struct ECDSASignature: Sendable { public var rawRepresentation: Data { nothing() } }
        public struct PublicKey: Sendable {
            public var x963Representation: Data { nothing() }
            public func isValidSignature<D: DataProtocol>(_ signature: ECDSASignature, for data: D) -> Bool {
                nothing()
            }
        }
    }
    public enum KeyAgreement {
        public struct PublicKey: Sendable {
            public init<D: ContiguousBytes>(x963Representation: D) throws {}
            public var x963Representation: Data { nothing() }
        }
        public struct PrivateKey: Sendable {
            public init() {}
            public var publicKey: PublicKey { nothing() }
            public func sharedSecretFromKeyAgreement(with peer: PublicKey) throws -> SharedSecret { nothing() }
        }
    }
}
public enum SecureEnclave {
    public enum P256 {
        public enum Signing {
            public struct PrivateKey: Sendable {
                public init(dataRepresentation: Data, authenticationContext: LAContext? = nil) throws {}
                public init(accessControl: SecAccessControl? = nil, authenticationContext: LAContext? = nil) throws {}
                public var dataRepresentation: Data { nothing() }
                public var publicKey: CryptoKit.P256.Signing.PublicKey { nothing() }
                public func signature<D: DataProtocol>(for data: D) throws -> CryptoKit.P256.Signing.ECDSASignature {
                    nothing()
                }
            }
        }
        public enum KeyAgreement {
            public struct PrivateKey: Sendable {
                public init(dataRepresentation: Data, authenticationContext: LAContext? = nil) throws {}
                public init(accessControl: SecAccessControl? = nil, authenticationContext: LAContext? = nil) throws {}
                public var dataRepresentation: Data { nothing() }
                public var publicKey: CryptoKit.P256.KeyAgreement.PublicKey { nothing() }
                public func sharedSecretFromKeyAgreement(with peer: CryptoKit.P256.KeyAgreement.PublicKey) throws
                    -> SharedSecret
                {
                    nothing()
                }
            }
        }
    }
}
