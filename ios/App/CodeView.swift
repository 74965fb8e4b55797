import AppModel
import SwiftUI

/// Codes one after the other, over and over, for another phone's camera.
struct CodeView: View {
    let texts: [String]
    let label: String
    var paceMillis = 1000
    @Environment(\.displayScale) private var pixels
    @State private var begun = Date()

    var body: some View {
        GeometryReader { place in
            let codes = Codes(texts, fitting: Int(place.size.width * pixels))
            TimelineView(.periodic(from: begun, by: Double(paceMillis) / 1000)) { moment in
                if let image = codes[codes.place(after: moment.date.timeIntervalSince(begun), paceMillis: paceMillis)]
                    .flatMap(CGImage.of)
                {
                    // As many of the screen's pixels as the picture has: none is blurred.
                    Image(decorative: image, scale: pixels).interpolation(.none)
                }
            }
            .frame(width: place.size.width, height: place.size.width)
        }
        .aspectRatio(1, contentMode: .fit)
        // In the dark theme too.
        .background(Color.white)
        .accessibilityElement()
        .accessibilityLabel(label)
        .accessibilityAddTraits(.isImage)
    }
}
