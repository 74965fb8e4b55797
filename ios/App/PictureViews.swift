import AppModel
import Foundation
import ImageIO
import SwiftUI
import UniformTypeIdentifiers

import struct Countersign.ImageScreen

/// A large image that a section names.
struct ImageCard: View {
    let model: Model
    let image: ImageScreen
    @State private var chooses = false

    var body: some View {
        Card {
            Line(words.of(image.title))
            Line(words.size(image.bytes))
            switch image.next {
            case .show: Tap(words.of("records.image-show")) { model.show(image) }
            case .take:
                Tap(words.of("records.image-take")) { chooses = true }
                    .fileImporter(isPresented: $chooses, allowedContentTypes: [.item]) { chosen in
                        if case .success(let file) = chosen { take(file) }
                    }
            case .nothing: EmptyView()
            }
        }
    }

    /// The core says whether it is the one.
    private func take(_ file: URL) {
        model.take(image) { read in
            guard file.startAccessingSecurityScopedResource() else { throw CocoaError(.fileReadNoPermission) }
            defer { file.stopAccessingSecurityScopedResource() }
            try read(file)
        }
    }
}

/// An image. What this phone cannot draw is offered by its name.
struct PictureView: View {
    let picture: Picture
    @State private var drawn: CGImage?
    @State private var isTried = false

    var body: some View {
        Page {
            Heading(words.of(picture.image.title))
            if let drawn {
                Image(drawn, scale: 1, label: Text(words.of(picture.image.title))).resizable().scaledToFit()
            } else if isTried {
                Line(words.of("records.image-not-drawn"))
            }
            Line("\(picture.image.name), \(words.size(picture.image.bytes))", .quiet)
            ShareLink(item: picture.file) { MainLabel(text: words.of("records.image-save")) }
        }
        .task { await draw() }
    }

    private func draw() async {
        drawn = await pixels(of: picture.file)
        isTried = true
    }
}

/// No more pixels than a screen shows; nothing if this phone cannot draw it.
private func pixels(of file: URL) async -> CGImage? {
    await Task.detached { CGImage.of(CGImageSourceCreateWithURL(file as CFURL, nil), largest: 2048) }.value
}

/// The record's secret, copied letter by letter, whatever the person's language.
struct PaperView: View {
    let lines: [String]

    var body: some View {
        Page {
            Heading(words.of("records.paper"))
            Warning(words.of("records.paper-text"))
            Card {
                ForEach(lines, id: \.self) { Text($0).font(.title3.monospaced()) }
            }
            .environment(\.layoutDirection, .leftToRight)
        }
    }
}

struct RestoringView: View {
    let model: Model
    let wrong: String?
    @State private var paper = ""

    var body: some View {
        Page {
            Heading(words.of("records.restore"))
            Field(words.of("records.restore-text"), $paper).keyboardType(.asciiCapable)
            Wrong(text: wrong)
            Tap(words.of("records.restore"), main: true) { model.restore(paper: paper) }
        }
    }
}
