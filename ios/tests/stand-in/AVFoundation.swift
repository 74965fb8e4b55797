// Declarations of what the app uses of AVFoundation, CoreMedia and CoreVideo.
@_exported import Foundation
import UIKit

func nothing<T>() -> T { fatalError("a stand-in") }

public struct AVMediaType: Sendable { public static let video = AVMediaType() }
public final class AVCaptureDevice: NSObject {
    public struct DeviceType: Sendable {
        public static let builtInTripleCamera = Self(), builtInDualWideCamera = Self(), builtInDualCamera = Self()
        public static let builtInWideAngleCamera = Self()
    }
    public enum Position { case unspecified, back, front }
    public enum TorchMode { case off, on, auto }
    public enum FocusMode { case locked, autoFocus, continuousAutoFocus }
    public enum AutoFocusRangeRestriction { case none, near, far }
    public final class DiscoverySession {
        public init(deviceTypes: [DeviceType], mediaType: AVMediaType?, position: Position) {}
        public var devices: [AVCaptureDevice] { nothing() }
    }
    public class func requestAccess(for type: AVMediaType) async -> Bool { nothing() }
    public var uniqueID: String { nothing() }
    public var constituentDevices: [AVCaptureDevice] { nothing() }
    public var minimumFocusDistance: Int { nothing() }
    public var hasTorch: Bool { nothing() }
    public var isTorchAvailable: Bool { nothing() }
    public var torchMode: TorchMode {
        get { nothing() }
        set {}
    }
    public func isFocusModeSupported(_ mode: FocusMode) -> Bool { nothing() }
    public var focusMode: FocusMode {
        get { nothing() }
        set {}
    }
    public var isAutoFocusRangeRestrictionSupported: Bool { nothing() }
    public var autoFocusRangeRestriction: AutoFocusRangeRestriction {
        get { nothing() }
        set {}
    }
    public func lockForConfiguration() throws {}
    public func unlockForConfiguration() {}
}
open class AVCaptureInput: NSObject {}
public final class AVCaptureDeviceInput: AVCaptureInput { public init(device: AVCaptureDevice) throws {} }
open class AVCaptureOutput: NSObject {}
public final class AVCaptureConnection: NSObject {}
public final class AVCaptureVideoDataOutput: AVCaptureOutput {
    public var videoSettings: [String: Any]! {
        get { nothing() }
        set {}
    }
    public var alwaysDiscardsLateVideoFrames: Bool {
        get { nothing() }
        set {}
    }
    public func setSampleBufferDelegate(
        _ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?
    ) {}
}
public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection)
}
public final class AVCaptureSession: NSObject {
    public struct Preset: Sendable { public static let hd1920x1080 = Preset() }
    public enum InterruptionReason: Int {
        case videoDeviceNotAvailableInBackground = 1
        case audioDeviceInUseByAnotherClient, videoDeviceInUseByAnotherClient
        case videoDeviceNotAvailableWithMultipleForegroundApps, videoDeviceNotAvailableDueToSystemPressure
    }
    public static let wasInterruptedNotification = Notification.Name("")
    public static let runtimeErrorNotification = Notification.Name("")
    public var isRunning: Bool { nothing() }
    public var sessionPreset: Preset {
        get { nothing() }
        set {}
    }
    public func canSetSessionPreset(_ preset: Preset) -> Bool { nothing() }
    public func startRunning() {}
    public func stopRunning() {}
    public func beginConfiguration() {}
    public func commitConfiguration() {}
    public func canAddInput(_ input: AVCaptureInput) -> Bool { nothing() }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { nothing() }
    public func addInput(_ input: AVCaptureInput) {}
    public func addOutput(_ output: AVCaptureOutput) {}
}
public let AVCaptureSessionInterruptionReasonKey = ""
public struct AVLayerVideoGravity: Sendable { public static let resizeAspectFill = AVLayerVideoGravity() }
public final class AVCaptureVideoPreviewLayer: CALayer {
    public var session: AVCaptureSession? {
        get { nothing() }
        set {}
    }
    public var videoGravity: AVLayerVideoGravity {
        get { nothing() }
        set {}
    }
}

public final class CMSampleBuffer {}
public final class CVPixelBuffer {}
public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}
public let kCVPixelBufferPixelFormatTypeKey = ""
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: UInt32 = 0
public func CMSampleBufferGetImageBuffer(_ sample: CMSampleBuffer) -> CVPixelBuffer? { nil }
@discardableResult public func CVPixelBufferLockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags)
    -> Int32
{ 0 }
@discardableResult public func CVPixelBufferUnlockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags)
    -> Int32
{ 0 }
public func CVPixelBufferGetBaseAddressOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> UnsafeMutableRawPointer? {
    nil
}
public func CVPixelBufferGetBytesPerRowOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { 0 }
public func CVPixelBufferGetWidthOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { 0 }
public func CVPixelBufferGetHeightOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { 0 }
