// Declarations of what the app uses of UIKit.
@_exported import CoreGraphics
@_exported import Foundation

func nothing<T>() -> T { fatalError("a stand-in") }

open class CALayer: NSObject {}
@MainActor open class UIView: NSObject {
    open class var layerClass: AnyClass { CALayer.self }
    public var layer: CALayer { nothing() }
    override nonisolated public init() {}
}
@MainActor public final class UIScreen {
    public static var main: UIScreen { nothing() }
    public var brightness: CGFloat {
        get { nothing() }
        set {}
    }
}
@MainActor public final class UIApplication {
    public static var shared: UIApplication { nothing() }
    public var isIdleTimerDisabled: Bool {
        get { nothing() }
        set {}
    }
    nonisolated public static var openSettingsURLString: String { nothing() }
}
public enum UIUserInterfaceStyle: Sendable { case unspecified, light, dark }
public final class UITraitCollection: NSObject, @unchecked Sendable {
    public var userInterfaceStyle: UIUserInterfaceStyle { nothing() }
}
public class UIColor: NSObject, @unchecked Sendable {
    public convenience init(dynamicProvider: @escaping @Sendable (UITraitCollection) -> UIColor) { self.init() }
    public convenience init(red: CGFloat, green: CGFloat, blue: CGFloat, alpha: CGFloat) { self.init() }
}
public final class UIImage: NSObject {
    public convenience init(cgImage: CGImage) { self.init() }
    public func jpegData(compressionQuality: CGFloat) -> Data? { nothing() }
}
public enum UIKeyboardType: Sendable { case `default`, asciiCapable, URL, decimalPad }
public struct UITextContentType: Sendable {
    public static let oneTimeCode = UITextContentType(), name = UITextContentType()
}

// What Foundation has on Apple's systems alone.
extension URL {
    public static var applicationSupportDirectory: URL { nothing() }
    public func startAccessingSecurityScopedResource() -> Bool { nothing() }
    public func stopAccessingSecurityScopedResource() {}
}
