// Declarations of what the app uses of UniformTypeIdentifiers.
public struct UTType: Sendable { public static let item = UTType(), data = UTType() }
