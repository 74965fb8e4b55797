import CoreGraphics
import Foundation
import ImageIO
import UIKit

import struct Countersign.Drawing

extension CGImage {
    /// A code, grey.
    static func of(_ drawing: Drawing) -> CGImage? {
        grey(width: Int(drawing.width), height: Int(drawing.height), stride: Int(drawing.width), luma: drawing.luma)
    }

    /// A picture of any size, upright and bounded; nothing if this phone cannot draw it.
    static func of(_ source: CGImageSource?, largest: Int) -> CGImage? {
        let options: [CFString: Any] = [
            kCGImageSourceCreateThumbnailFromImageAlways: true,
            kCGImageSourceCreateThumbnailWithTransform: true,
            kCGImageSourceThumbnailMaxPixelSize: largest,
        ]
        return source.flatMap { CGImageSourceCreateThumbnailAtIndex($0, 0, options as CFDictionary) }
    }

    static func grey(width: Int, height: Int, stride: Int, luma: Data) -> CGImage? {
        guard let provider = CGDataProvider(data: luma as CFData) else { return nil }
        return CGImage(
            width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 8, bytesPerRow: stride,
            space: CGColorSpaceCreateDeviceGray(), bitmapInfo: CGBitmapInfo(rawValue: 0), provider: provider,
            decode: nil,
            shouldInterpolate: false, intent: .defaultIntent)
    }
}

/// A frame as the file of a photograph, grey.
@Sendable func jpeg(width: Int, height: Int, stride: Int, luma: Data) -> Data {
    // The last row is as long as the others; a frame's is not.
    let rows = luma + Data(count: stride * height - luma.count)
    guard let image = CGImage.grey(width: width, height: height, stride: stride, luma: rows) else { return Data() }
    return UIImage(cgImage: image).jpegData(compressionQuality: 0.85) ?? Data()
}

/// The pixels of a photograph's file: a byte each for red, green, blue and one more, rows without gaps.
struct Pixels {
    /// A code needs no more pixels than these, and a picture of any size is bounded.
    private static let largest = 4096

    let width: Int
    let height: Int
    let rgba: Data

    init?(_ file: Data) {
        guard let image = Self.image(file, largest: Self.largest) else { return nil }
        let (width, height) = (image.width, image.height)
        var pixels = Data(count: 4 * width * height)
        let isDrawn = pixels.withUnsafeMutableBytes { bytes in
            let canvas = CGContext(
                data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
                space: CGColorSpaceCreateDeviceRGB(), bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
            canvas?.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
            return canvas != nil
        }
        guard isDrawn else { return nil }
        (self.width, self.height, rgba) = (width, height, pixels)
    }

    /// A photograph for a report: without what the camera wrote into it, and as small as reports are. The core refuses one
    /// that is still too large.
    static func evidence(_ file: Data) -> Data? {
        let (largest, most) = (1600, 256 << 10)
        guard let image = image(file, largest: largest) else { return nil }
        let tried = [0.8, 0.6, 0.4, 0.2].compactMap { UIImage(cgImage: image).jpegData(compressionQuality: $0) }
        return tried.first { $0.count <= most } ?? tried.last
    }

    private static func image(_ file: Data, largest: Int) -> CGImage? {
        CGImage.of(CGImageSourceCreateWithData(file as CFData, nil), largest: largest)
    }
}
