import Foundation

/// Sends what is in a courier's outbox, one element per round, until nothing is waiting.
///
/// Leaving the loop stops between two rounds, and nothing is lost.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Round

    let courier: Courier

    public func makeAsyncIterator() -> Iterator {
        Iterator(courier: courier)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let courier: Courier
        var due: UInt64?
        var isDone = false

        public mutating func next() async throws -> Round? {
            if isDone { return nil }
            if let due {
                // Even if it is due, so that a slow node is not flooded.
                let pause = Swift.max(Double(due) / 1000 - Date().timeIntervalSince1970, 0.2)
                try await Task.sleep(nanoseconds: UInt64(pause * 1_000_000_000))
            }
            try Task.checkCancellation()
            let courier = self.courier
            let round = try await offTheMainThread { try courier.send() }
            isDone = round.waiting == 0
            due = round.nextDueMillis
            return round
        }
    }
}

extension Courier {
    /// Sends what is in the outbox: `for try await round in courier.delivery() { }`.
    public func delivery() -> Deliveries { Deliveries(courier: self) }

    /// Offers goods to anyone present, or to one member only. The key store may ask the person meanwhile; if they
    /// decline, throws `CountersignError.Cancelled`.
    public func offered(code: String, to: String? = nil, place: String? = nil) async throws -> Handover {
        try await offTheMainThread { try self.offer(code: code, to: to, place: place) }
    }

    /// Answers an offer, after scanning `goods`. The answer is stored when this returns, with or without a network.
    public func answered(
        _ offer: Offer, goods: [String], condition: Condition, place: String? = nil
    ) async throws -> Handover {
        try await offTheMainThread {
            try self.answer(offer: offer.message, goods: goods, condition: condition, place: place)
        }
    }
}
