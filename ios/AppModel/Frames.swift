import Countersign
import Foundation

/// Looks at the camera's frames, on the camera's own queue.
final class Frames: @unchecked Sendable {
    /// What was seen in a frame.
    enum Sight: Sendable {
        case nothing
        case register(RegisterScan)
        case pack(ScanResult)
        case goods(Scan)
        /// The file of a photograph.
        case photograph(Data)
        case failed(any Error)
    }

    /// Encodes a frame (width, height, stride, luma) as the file of a photograph.
    typealias Encoder = @Sendable (Int, Int, Int, Data) -> Data

    private let phone: Phone
    private let lock = NSLock()
    private var aim: Aim?
    private var reader = RegisterReader()
    private var shutter = false
    private var encode: Encoder = { _, _, _, _ in Data() }

    init(phone: Phone) { self.phone = phone }

    /// What frames are looked at for from now on, if for anything.
    func look(for aim: Aim?) {
        lock.withLock {
            guard aim != self.aim else { return }
            reader = RegisterReader()
            self.aim = aim
            shutter = false
        }
    }

    /// The next frame is a photograph.
    func open() { lock.withLock { shutter = true } }

    func encode(by encode: @escaping Encoder) { lock.withLock { self.encode = encode } }

    /// Looks at a frame: its luma plane, one byte per pixel, rows `stride` bytes apart. The bytes are read where they lie.
    func look(width: Int, height: Int, stride: Int, luma: Data) -> Sight {
        let (aim, reader, shutter, encode) = lock.withLock {
            defer { if self.aim == .damage { self.shutter = false } }
            return (self.aim, self.reader, self.shutter, self.encode)
        }
        let (wide, high, apart) = (UInt32(width), UInt32(height), UInt32(stride))
        do {
            switch aim {
            case nil: return .nothing
            case .register, .domain, .greeting, .authority, .record, .badge, .device:
                return .register(try reader.scanFrame(width: wide, height: high, stride: apart, luma: luma))
            case .pack:
                let result = try phone.checker.checkFrame(width: wide, height: high, stride: apart, luma: luma)
                guard case .notAPack = result else { return .pack(result) }
                // A code of ours leads to its screen, wherever it is scanned.
                let other = try reader.scanFrame(width: wide, height: high, stride: apart, luma: luma)
                switch other {
                case .record, .badge, .device, .greeting: return .register(other)
                default: return .pack(result)
                }
            case .damage: return shutter ? .photograph(encode(width, height, stride, luma)) : .nothing
            default: return .goods(try phone.courier.scanFrame(width: wide, height: high, stride: apart, luma: luma))
            }
        } catch {
            return .failed(error)
        }
    }
}
