extension Patient {
    /// The answer about a pack whose code was typed, or arrived as a link. A frame of the camera is looked at where it comes
    /// in, on the camera's own queue: `checkFrame`.
    public func answer(code: String) async throws -> Answer {
        try await offTheMainThread { try self.checkCode(code: code) }
    }
}
