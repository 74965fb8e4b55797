// Declarations of what the key store uses of LocalAuthentication.
import Foundation

public final class LAContext: NSObject { public var localizedReason: String = "" }
public struct LAError: Error {
    public enum Code: Sendable { case userCancel, appCancel, systemCancel, authenticationFailed }
    public let code: Code
}
