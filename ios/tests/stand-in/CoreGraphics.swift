// Declarations of what the app uses of CoreGraphics. Apple's names of Foundation's types are those types here.
@_exported import Foundation

func nothing<T>() -> T { fatalError("a stand-in") }

public typealias CFString = String
public typealias CFData = Data
public typealias CFURL = URL
public typealias CFTypeRef = AnyObject
public typealias CFDictionary = [CFString: Any]

public final class CGColorSpace {}
public func CGColorSpaceCreateDeviceGray() -> CGColorSpace { nothing() }
public func CGColorSpaceCreateDeviceRGB() -> CGColorSpace { nothing() }
public struct CGBitmapInfo: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}
public enum CGImageAlphaInfo: UInt32 {
    case none, premultipliedLast
    case noneSkipLast = 5
}
public enum CGColorRenderingIntent { case defaultIntent }
public final class CGDataProvider { public init?(data: CFData) {} }
public final class CGImage: @unchecked Sendable {
    public init?(
        width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int, space: CGColorSpace,
        bitmapInfo: CGBitmapInfo, provider: CGDataProvider, decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool,
        intent: CGColorRenderingIntent
    ) {}
    public var width: Int { nothing() }
    public var height: Int { nothing() }
}
public final class CGContext {
    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
        space: CGColorSpace,
        bitmapInfo: UInt32
    ) {}
    public func draw(_ image: CGImage, in rectangle: CGRect) {}
}
