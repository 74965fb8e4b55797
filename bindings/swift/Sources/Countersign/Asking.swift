extension PackChecker {
    /// The answer about a pack whose code was typed, or came as a link. Camera frames are scanned on the camera's own
    /// queue, with `checkFrame`.
    public func answer(code: String) async throws -> Answer {
        try await offTheMainThread { try self.checkCode(code: code) }
    }
}
