//  Idiomatic Swift on top of the generated calls. There are no rules here.

/// Syncs a wallet, one element per step; the last is `.done`.
///
/// It waits as long as the node asks to. Leaving the loop stops between two steps, and the next sync continues from there.
/// Throws `CountersignError.Retry` without a network; the verified data stays in use.
public struct Sync: AsyncSequence, Sendable {
    public typealias Element = SyncStep

    let wallet: Wallet

    public func makeAsyncIterator() -> Iterator {
        Iterator(wallet: wallet)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let wallet: Wallet
        var patience: UInt64 = 0
        var isDone = false

        public mutating func next() async throws -> SyncStep? {
            if isDone { return nil }
            if patience > 0 { try await Task.sleep(nanoseconds: patience * 1_000_000) }
            try Task.checkCancellation()
            let wallet = self.wallet
            let step = try await offTheMainThread { try wallet.syncStep() }
            isDone = step == .done
            if case .waiting(let afterMillis) = step { patience = afterMillis } else { patience = 0 }
            return step
        }
    }
}

extension Wallet {
    /// Syncs this wallet: `for try await step in wallet.sync() { }`.
    public func sync() -> Sync { Sync(wallet: self) }

    /// Has the key certified with a registrar's one-time code. The key store may ask the person meanwhile; if they decline,
    /// throws `CountersignError.Cancelled`.
    public func enrolled(key: String, code: String) async throws -> Enrolment {
        try await offTheMainThread { try self.enrol(key: key, code: code) }
    }
}
