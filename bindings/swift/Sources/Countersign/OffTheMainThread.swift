import Dispatch

/// Runs a call that may wait for the network or a person on a thread that may block: neither the main thread nor one of the
/// few that run Swift's tasks. A cancelled task waits for the call: what was signed by then is signed.
public func offTheMainThread<T: Sendable>(_ call: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global(qos: .userInitiated).async {
            continuation.resume(with: Result { try call() })
        }
    }
}
