import AVFoundation
import AppModel
import SwiftUI

/// The camera: its picture, what to do, how far it is, and ways around it.
struct CameraView: View {
    let model: Model
    let camera: AppModel.Camera
    @State private var eye = Eye.shared
    @Environment(\.scenePhase) private var phase

    var body: some View {
        VStack(spacing: 0) {
            // The picture takes what the words leave.
            Preview(session: eye.worker.session)
                .accessibilityElement()
                .accessibilityLabel(words.of("label.camera"))
            ScrollView {
                VStack(alignment: .leading, spacing: 12) { below }.padding(16)
            }
            .fixedSize(horizontal: false, vertical: true)
        }
        .background(Shade.ground.color)
        .foregroundStyle(Shade.text.color)
        .task { await open() }
        .onDisappear { eye.close() }
        .onChange(of: phase) { if phase == .background { model.light(false) } }
        .onChange(of: camera.light) { eye.light(camera.light) }
    }

    @ViewBuilder private var below: some View {
        Text(words.of(camera.hint)).font(.title3.bold())
        if let progress = camera.progress(in: words) {
            ProgressView(value: Double(min(camera.have, camera.need)), total: Double(camera.need))
                .accessibilityLabel(progress)
            Line(progress)
        }
        if camera.aim == .damage {
            Tap(words.of("scan.take"), main: true) { model.takePhotograph() }
        }
        if eye.hasLight {
            Tap(words.of(camera.light ? "scan.light-off" : "scan.light-on")) { model.light(!camera.light) }
        }
        if camera.aim == .pack { CodePhotographTap(model: model) }
        if camera.aim.isTyped { Tap(words.of("scan.type")) { model.type(camera.aim) } }
    }

    private func open() async {
        guard await AVCaptureDevice.requestAccess(for: .video) else { return model.cameraDenied() }
        let model = model
        eye.open(frames: model.frame) { model.cameraBusy() }
    }
}

/// The phone's own camera: there is one. It is opened, lit and closed on a queue of its own, any number of times, in any state.
@MainActor @Observable
final class Eye {
    static let shared = Eye()

    private(set) var hasLight = false
    @ObservationIgnored let worker = Worker()
    @ObservationIgnored private var watching: [any NSObjectProtocol] = []

    /// - Parameter frames: width, height, stride and luma of each frame, on the camera's queue; the bytes are valid during the
    ///   call.
    func open(
        frames: @escaping @Sendable (Int, Int, Int, Data) -> Void, failed: @escaping @MainActor @Sendable () -> Void
    ) {
        watch(failed)
        worker.open(frames: frames) { hasLight in
            guard let hasLight else { return failed() }
            self.hasLight = hasLight
        }
    }

    func light(_ on: Bool) { worker.light(on) }

    /// The light goes out with it.
    func close() {
        watching.forEach(NotificationCenter.default.removeObserver)
        watching = []
        worker.close()
    }

    /// Another app has taken it, or it broke. In the background it only rests, and comes back by itself.
    private func watch(_ failed: @escaping @MainActor @Sendable () -> Void) {
        watching.forEach(NotificationCenter.default.removeObserver)
        let center = NotificationCenter.default
        let taken = center.addObserver(
            forName: AVCaptureSession.wasInterruptedNotification, object: worker.session, queue: .main
        ) { note in
            let reason = (note.userInfo?[AVCaptureSessionInterruptionReasonKey] as? Int)
                .flatMap(AVCaptureSession.InterruptionReason.init(rawValue:))
            if reason != .videoDeviceNotAvailableInBackground { MainActor.assumeIsolated { failed() } }
        }
        let broken = center.addObserver(
            forName: AVCaptureSession.runtimeErrorNotification, object: worker.session, queue: .main
        ) { _ in
            MainActor.assumeIsolated { failed() }
        }
        watching = [taken, broken]
    }
}

/// What is done on the camera's queue.
final class Worker: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate, @unchecked Sendable {
    let session = AVCaptureSession()
    /// Everything below belongs to it.
    private let queue = DispatchQueue(label: "countersign.camera", qos: .userInitiated)
    private var device: AVCaptureDevice?
    private var frames: @Sendable (Int, Int, Int, Data) -> Void = { _, _, _, _ in }

    /// - Parameter opened: told whether there is a light, or nothing if there is no camera.
    func open(
        frames: @escaping @Sendable (Int, Int, Int, Data) -> Void,
        opened: @escaping @MainActor @Sendable (Bool?) -> Void
    ) {
        queue.async { [self] in
            self.frames = frames
            if device == nil { device = configure() }
            if device != nil, !session.isRunning { session.startRunning() }
            let hasLight = device?.hasTorch
            DispatchQueue.main.async { MainActor.assumeIsolated { opened(hasLight) } }
        }
    }

    func light(_ on: Bool) {
        queue.async { [self] in
            guard let device, device.hasTorch, (try? device.lockForConfiguration()) != nil else { return }
            device.torchMode = on && device.isTorchAvailable ? .on : .off
            device.unlockForConfiguration()
        }
    }

    func close() {
        light(false)
        queue.async { [self] in
            frames = { _, _, _, _ in }
            if session.isRunning { session.stopRunning() }
        }
    }

    private func configure() -> AVCaptureDevice? {
        guard let camera = lens(), let input = try? AVCaptureDeviceInput(device: camera) else { return nil }
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = [
            kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
        ]
        // The latest frame alone, one at a time.
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: queue)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        guard session.canAddInput(input), session.canAddOutput(output) else { return nil }
        session.addInput(input)
        session.addOutput(output)
        if session.canSetSessionPreset(.hd1920x1080) { session.sessionPreset = .hd1920x1080 }
        if camera.isFocusModeSupported(.continuousAutoFocus), (try? camera.lockForConfiguration()) != nil {
            camera.focusMode = .continuousAutoFocus
            if camera.isAutoFocusRangeRestrictionSupported { camera.autoFocusRangeRestriction = .near }
            camera.unlockForConfiguration()
        }
        return camera
    }

    private func lens() -> AVCaptureDevice? {
        let kinds: [AVCaptureDevice.DeviceType] = [
            .builtInTripleCamera, .builtInDualWideCamera, .builtInDualCamera, .builtInWideAngleCamera,
        ]
        let found = AVCaptureDevice.DiscoverySession(deviceTypes: kinds, mediaType: .video, position: .back).devices
        let best = Lens.best(
            of: found.map { camera in
                Lens(
                    name: camera.uniqueID, lenses: camera.constituentDevices.count,
                    focuses: camera.isFocusModeSupported(.continuousAutoFocus), nearest: camera.minimumFocusDistance)
            })
        return found.first { $0.uniqueID == best?.name }
    }

    /// The luma plane goes to the core where it lies, without a copy, while it is locked.
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard let buffer = CMSampleBufferGetImageBuffer(sample) else { return }
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        // The plane's own stride: the buffer's is of all planes.
        guard let luma = CVPixelBufferGetBaseAddressOfPlane(buffer, 0) else { return }
        let (width, height) = (CVPixelBufferGetWidthOfPlane(buffer, 0), CVPixelBufferGetHeightOfPlane(buffer, 0))
        let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, 0)
        frames(width, height, stride, Data(bytesNoCopy: luma, count: stride * (height - 1) + width, deallocator: .none))
    }
}

/// What the camera sees.
private struct Preview: UIViewRepresentable {
    let session: AVCaptureSession

    func makeUIView(context: Context) -> PreviewView {
        let view = PreviewView()
        view.preview.session = session
        view.preview.videoGravity = .resizeAspectFill
        return view
    }

    func updateUIView(_ view: PreviewView, context: Context) {}
}

private final class PreviewView: UIView {
    override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }
    // The layer is of the class above.
    var preview: AVCaptureVideoPreviewLayer { layer as! AVCaptureVideoPreviewLayer }
}
