import AppModel
import SwiftUI

/// Codes one after the other, over and over, for another phone's camera.
struct CodeView: View {
    let shown: Showing
    @Environment(\.displayScale) private var pixels
    @State private var begun = Date()

    var body: some View {
        GeometryReader { place in
            let codes = Codes(shown.handover.codes, fitting: Int(place.size.width * pixels))
            TimelineView(.periodic(from: begun, by: Double(shown.paceMillis) / 1000)) { moment in
                if let image = codes[shown.code(after: moment.date.timeIntervalSince(begun))].flatMap(CGImage.of) {
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
        .accessibilityLabel(words.of("label.code"))
        .accessibilityAddTraits(.isImage)
    }
}
