import Dispatch

/// Runs a call that may wait for the network or a person where waiting does no harm: neither on the main thread nor on one
/// of the few that run Swift's tasks. A task that is cancelled waits for it: what was signed by then is signed.
func offTheMainThread<T: Sendable>(_ call: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global(qos: .userInitiated).async {
            continuation.resume(with: Result { try call() })
        }
    }
}
