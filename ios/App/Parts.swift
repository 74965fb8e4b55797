import AppModel
import SwiftUI

// The few kinds of things that screens are made of. Texts wrap, grow with the person's letters, and are never cut; what can be
// tapped is 56 points high or more.

extension Shade {
    var color: Color {
        Color(UIColor { UIColor(hex: $0.userInterfaceStyle == .dark ? dark : light) })
    }
}

extension UIColor {
    fileprivate convenience init(hex: UInt32) {
        let part = { (shift: UInt32) in CGFloat(hex >> shift & 0xFF) / 255 }
        self.init(red: part(16), green: part(8), blue: part(0), alpha: 1)
    }
}

/// A screen from the top down.
struct Page<Content: View>: View {
    @ViewBuilder let content: Content

    var body: some View {
        ScrollView {
            VStack(alignment: .leading, spacing: 12) { content }
                .frame(maxWidth: 640, alignment: .leading)
                .padding(16)
                .frame(maxWidth: .infinity)
        }
        .background(Shade.ground.color)
        .foregroundStyle(Shade.text.color)
    }
}

/// Things that belong together.
struct Card<Content: View>: View {
    @ViewBuilder let content: Content

    var body: some View {
        VStack(alignment: .leading, spacing: 6) { content }
            .frame(maxWidth: .infinity, alignment: .leading)
            .padding(16)
            .background(Shade.card.color, in: RoundedRectangle(cornerRadius: 12))
    }
}

struct Heading: View {
    let text: String

    init(_ text: String) { self.text = text }

    var body: some View {
        Text(text).font(.title.bold()).accessibilityAddTraits(.isHeader)
    }
}

struct Subheading: View {
    let text: String

    init(_ text: String) { self.text = text }

    var body: some View {
        Text(text).font(.title3.bold()).padding(.top, 8).accessibilityAddTraits(.isHeader)
    }
}

/// A line of text.
struct Line: View {
    let text: String
    var shade = Shade.text

    init(_ text: String, _ shade: Shade = .text) {
        self.text = text
        self.shade = shade
    }

    var body: some View {
        Text(text).font(.body).foregroundStyle(shade.color)
    }
}

/// A line with a symbol before it, which says the same.
struct Marked: View {
    let symbol: String
    let text: String
    let shade: Shade

    init(_ symbol: String, _ text: String, _ shade: Shade) {
        (self.symbol, self.text, self.shade) = (symbol, text, shade)
    }

    var body: some View {
        HStack(alignment: .top, spacing: 8) {
            Image(systemName: symbol).accessibilityHidden(true)
            Text(text)
        }
        .font(.body.bold())
        .foregroundStyle(shade.color)
    }
}

/// What the person must know before all else.
struct Warning: View {
    let text: String

    init(_ text: String) { self.text = text }

    var body: some View { Marked("exclamationmark.triangle", text, .attention) }
}

/// A button; the main one of its screen is filled.
struct Tap: View {
    let text: String
    var isMain = false
    let does: @MainActor () -> Void

    init(_ text: String, main: Bool = false, does: @escaping @MainActor () -> Void) {
        self.text = text
        isMain = main
        self.does = does
    }

    var body: some View {
        Button(action: does) {
            Text(text)
                .font(.body.bold())
                .multilineTextAlignment(.center)
                .frame(maxWidth: .infinity, minHeight: 32)
                .padding(12)
        }
        .buttonStyle(.plain)
        .foregroundStyle(isMain ? Shade.onMain.color : Shade.main.color)
        .background(isMain ? Shade.main.color : Shade.ground.color, in: RoundedRectangle(cornerRadius: 12))
        .overlay(RoundedRectangle(cornerRadius: 12).strokeBorder(isMain ? Shade.main.color : Shade.edge.color))
    }
}

/// What a main button says, where the system has the button itself.
struct MainLabel: View {
    let text: String

    var body: some View {
        Text(text)
            .font(.body.bold())
            .foregroundStyle(Shade.onMain.color)
            .frame(maxWidth: .infinity, minHeight: 56)
            .background(Shade.main.color, in: RoundedRectangle(cornerRadius: 12))
    }
}

/// A text is typed, below its name. It is compared letter by letter: nothing is mended or learnt.
struct Field: View {
    let label: String
    @Binding var text: String

    init(_ label: String, _ text: Binding<String>) {
        self.label = label
        _text = text
    }

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Line(label, .quiet).accessibilityHidden(true)
            TextField("", text: $text, axis: .vertical)
                .accessibilityLabel(label)
                .autocorrectionDisabled()
                .textInputAutocapitalization(.never)
                .padding(16)
                .frame(minHeight: 56)
                .overlay(RoundedRectangle(cornerRadius: 12).strokeBorder(Shade.edge.color))
        }
    }
}

/// A password is typed, below its name.
struct Secret: View {
    let label: String
    @Binding var text: String

    init(_ label: String, _ text: Binding<String>) {
        self.label = label
        _text = text
    }

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Line(label, .quiet).accessibilityHidden(true)
            SecureField("", text: $text)
                .accessibilityLabel(label)
                .padding(16)
                .frame(minHeight: 56)
                .overlay(RoundedRectangle(cornerRadius: 12).strokeBorder(Shade.edge.color))
        }
    }
}

/// Why what was typed cannot be used.
struct Wrong: View {
    let text: String?

    var body: some View {
        if let text { Line(text, .suspect) }
    }
}

/// The button that the core chose.
struct ActionTap: View {
    let model: Model
    let text: String
    let opens: @MainActor () -> Bool
    @Environment(\.openURL) private var openURL

    var body: some View {
        Tap(text, main: true) {
            if opens(), let settings = URL(string: UIApplication.openSettingsURLString) { openURL(settings) }
        }
    }
}
