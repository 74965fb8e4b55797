import Countersign
import Foundation

/// Codes on a screen, for another phone's camera: black on white with a border of four, whatever the theme, and a whole number
/// of the screen's pixels a module.
public struct Codes: Sendable {
    private static let smallest: UInt8 = 2
    private static let largest: UInt8 = 16

    private let texts: [String]
    private let scale: UInt8

    /// - Parameter side: pixels of the screen that there are, each way. The code fills them as far as it can.
    public init(_ texts: [String], fitting side: Int) {
        self.texts = texts
        let widest = texts.compactMap { try? drawCode(text: $0, scale: Self.smallest).width }.max() ?? 1
        let fits = side * Int(Self.smallest) / Int(widest)
        scale = UInt8(min(max(fits, Int(Self.smallest)), Int(Self.largest)))
    }

    /// Which of the codes is shown so many seconds after the first one was.
    public func place(after seconds: TimeInterval, paceMillis: Int) -> Int {
        // Half a millisecond, so that a frame of the display that begins just before its moment is in time.
        Int((seconds * 1000 + 0.5) / Double(paceMillis)) % max(texts.count, 1)
    }

    /// One of the codes as pixels: a byte each, 0 for black and 255 for white, rows without gaps.
    public subscript(place: Int) -> Drawing? {
        texts.indices.contains(place) ? try? drawCode(text: texts[place], scale: scale) : nil
    }
}
