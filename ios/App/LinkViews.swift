import AppModel
import SwiftUI

import struct Countersign.SharedLinkScreen

/// Links for doctors without this app.
struct LinksView: View {
    let model: Model
    let shown: Links

    var body: some View {
        Page {
            Heading(words.of("by-link.title"))
            Line(words.of("by-link.warning"))
            if shown.links.isEmpty { Line(words.of("by-link.none")) }
            ForEach(shown.links, id: \.name) { link in
                Button(action: { model.show(link: link, of: shown.record) }) {
                    Card {
                        Text(words.of(link.title)).bold()
                        ForEach(link.lines, id: \.self) { Line(words.of($0)) }
                    }
                }
                .buttonStyle(.plain)
            }
            Tap(words.of("by-link.make"), main: true) { model.chooseForLink(record: shown.record) }
        }
    }
}

/// A link is made: what it shows, for how long, and with which passcode.
struct LinkingView: View {
    let model: Model
    let linking: Linking
    let wrong: String?
    @State private var parts: Set<UInt8> = []
    @State private var days = Linking.times[0].days
    @State private var name = ""
    @State private var passcode = ""

    var body: some View {
        Page {
            Heading(words.of("by-link.make"))
            Subheading(words.of("records.parts"))
            SectionChoice(sections: linking.sections, parts: $parts)
            Subheading(words.of("by-link.days"))
            Picker(words.of("by-link.days"), selection: $days) {
                ForEach(Linking.times, id: \.days) { Text(words.of($0.text)).tag($0.days) }
            }
            .pickerStyle(.inline)
            .labelsHidden()
            Field(words.of("by-link.name"), $name)
            Field(words.of("by-link.choose-passcode"), $passcode)
            Wrong(text: wrong)
            Tap(words.of("by-link.make"), main: true) {
                model.makeLink(parts: parts.sorted(), days: days, passcode: passcode, name: name)
            }
        }
    }
}

/// A link that was made, to be shown and sent.
struct LinkedView: View {
    let model: Model
    let linked: Linked

    private var link: SharedLinkScreen { linked.screen }

    var body: some View {
        Page {
            Heading(words.of(link.title))
            CodeView(texts: [link.link], label: words.of("by-link.code"))
            ForEach(link.lines, id: \.self) { Line(words.of($0)) }
            Warning(words.of(link.warning))
            ShareLink(item: link.link) { Text(words.of("by-link.send")).frame(maxWidth: .infinity, minHeight: 56) }
            Tap(words.of("by-link.end")) { model.end(link: link.name, of: linked.record) }
            Line(words.of("by-link.ended"))
        }
    }
}
