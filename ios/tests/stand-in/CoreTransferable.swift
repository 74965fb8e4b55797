// Declarations of what the app uses of CoreTransferable.
import Foundation
import UniformTypeIdentifiers

public protocol TransferRepresentation<Item>: Sendable { associatedtype Item: Transferable }
public protocol Transferable {
    associatedtype Representation: TransferRepresentation
    static var transferRepresentation: Representation { get }
}
public struct SentTransferredFile: Sendable { public init(_ file: URL, allowAccessingOriginalFile: Bool = false) {} }
public struct FileRepresentation<Item: Transferable>: TransferRepresentation {
    public init(
        exportedContentType: UTType, shouldAllowToOpenInPlace: Bool = false,
        exporting: @escaping @Sendable (Item) async throws -> SentTransferredFile
    ) {}
}
