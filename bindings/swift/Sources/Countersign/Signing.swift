extension Issuer {
    /// Signs a statement about what `code` names, and proves that it was recorded. Show `prepare` to the person before.
    ///
    /// Throws `CountersignError.ConsentNeeded` when it needs their word, and `CountersignError.Cancelled` when they decline.
    public func signed(
        kind: String, code: String, level: Level? = nil, fields: [Field] = [], consent: Consent = Consent()
    ) async throws -> Signed {
        try await offTheMainThread {
            try self.sign(kind: kind, code: code, level: level, fields: fields, consent: consent)
        }
    }
}
