import AppModel
import PhotosUI
import SwiftUI

import struct Countersign.Kept
import struct Countersign.ReportLine
import struct Countersign.Scanned
import struct Countersign.VerdictScreen
import struct Countersign.Way

struct VerdictView: View {
    let model: Model
    let shown: Verdict

    private var screen: VerdictScreen { shown.screen }
    private var look: VerdictLook { VerdictLook(screen.verdict) }

    var body: some View {
        Page {
            banner
            if let hint = shown.seen.hint { Warning(words.of(hint)) }
            if let before = shown.seen.before { Marked("arrow.counterclockwise", words.of(before), .text) }
            Text(words.of(screen.next)).font(.title3.bold())
            if let action = screen.action {
                ActionTap(model: model, text: words.of(label(of: action))) { model.act(action) }
            }
            if !screen.readings.isEmpty {
                Subheading(words.of("answer.readings"))
                ForEach(screen.readings, id: \.link) { reading in
                    Tap(words.of(reading.product)) { model.check(reading.link) }
                }
            }
            facts
            if shown.isDoubtful { Tap(words.of("report.do")) { model.suspect() } }
            if shown.isKept {
                Text(words.of("answer.kept")).bold()
            } else if let link = screen.keep {
                Tap(words.of("answer.keep")) { model.keep(link) }
            }
            Subheading(words.of("answer.way"))
            if screen.way.isEmpty { Line(words.of("answer.way-none")) }
            WayView(way: screen.way)
            Tap(words.of("answer.rests")) { model.rests(on: screen.rests) }
            Tap(words.of("answer.again"), main: true) {
                model.home()
                model.scanPack()
            }
        }
    }

    /// The verdict by its symbol, its word and its ground.
    private var banner: some View {
        VStack(alignment: .leading, spacing: 12) {
            HStack(spacing: 12) {
                Image(systemName: look.symbol).font(.largeTitle.bold()).accessibilityHidden(true)
                Text(words.of(screen.title)).font(.largeTitle.bold()).accessibilityAddTraits(.isHeader)
            }
            Text(words.of(screen.reason)).font(.title3)
        }
        .frame(maxWidth: .infinity, alignment: .leading)
        .padding(20)
        .foregroundStyle(Shade.onVerdict.color)
        .background(look.ground.color, in: RoundedRectangle(cornerRadius: 12))
        .accessibilityElement(children: .combine)
    }

    private var facts: some View {
        Card {
            Line(words.of(screen.product))
            ForEach([screen.expires, screen.accountable, screen.age, screen.asOf].compactMap { $0 }, id: \.key) {
                fact in
                Line(words.of(fact))
            }
            if !screen.others.isEmpty {
                Text(words.of("answer.more")).bold()
                ForEach(screen.others, id: \.key) { Line(words.of($0)) }
            }
        }
    }
}

/// The way of a pack: marks on a line that leads from one stop to the next.
struct WayView: View {
    let way: [Way]

    var body: some View {
        VStack(alignment: .leading, spacing: 0) {
            ForEach(way.indices, id: \.self) { place in
                HStack(alignment: .top, spacing: 8) {
                    mark(MarkLook(way[place].mark), isLast: place == way.count - 1)
                    stop(way[place])
                }
                .accessibilityElement(children: .combine)
            }
        }
    }

    private func mark(_ look: MarkLook, isLast: Bool) -> some View {
        VStack(spacing: 4) {
            Image(systemName: look.symbol)
                .font(.body.bold())
                .foregroundStyle(look.shade.color)
                .accessibilityLabel(words.of(look.label))
            if !isLast {
                Rectangle().fill(Shade.edge.color).frame(width: 3).frame(maxHeight: .infinity)
            }
        }
        .frame(width: 32)
    }

    private func stop(_ stop: Way) -> some View {
        VStack(alignment: .leading, spacing: 2) {
            Text(words.of(stop.title)).bold().strikethrough(stop.isVoid)
            Line(words.of(stop.who))
            Line(words.moment(stop.atMillis), .quiet)
            ForEach(stop.notes, id: \.key) { Line(words.of($0), stop.warns ? .suspect : .quiet) }
        }
        .padding(.bottom, 10)
    }
}

struct RestsView: View {
    let rests: Rests

    var body: some View {
        Page {
            Heading(words.of("answer.rests"))
            Line(words.of(rests.lines.isEmpty ? "rests.none" : "rests.text"))
            ForEach(rests.lines.indices, id: \.self) { place in
                Card { Line(words.of(rests.lines[place])) }
            }
            if rests.damaged { Line(words.of("rests.damaged"), .suspect) }
            if rests.contradictions { Line(words.of("rests.contradictions"), .suspect) }
        }
    }
}

struct MedicinesView: View {
    let model: Model
    let packs: [Kept]

    var body: some View {
        Page {
            Heading(words.of("home.medicines"))
            if packs.isEmpty { Line(words.of("medicines.empty")) }
            ForEach(packs, id: \.link) { pack in
                Button(action: { model.check(pack.link) }) { card(pack) }.buttonStyle(.plain)
                Tap(words.of("medicines.remove")) { model.forget(pack.link) }
                    .accessibilityLabel("\(words.of("medicines.remove")): \(words.of(pack.product))")
            }
            Tap(words.of("history.title")) { model.history() }
            Tap(words.of("report.list")) { model.reports() }
            Tap(words.of("home.scan"), main: true) { model.scanPack() }
        }
    }

    private func card(_ pack: Kept) -> some View {
        Card {
            Text(words.of(pack.product)).bold()
            if let look = pack.verdict.map(VerdictLook.init) { Marked(look.symbol, words.of(look.word), look.ground) }
            Line(words.of(pack.line))
            if let expires = pack.expires { Line(words.of(expires), .quiet) }
        }
    }
}

/// What was scanned, if the person wants it remembered.
struct HistoryView: View {
    let model: Model
    let history: History

    var body: some View {
        Page {
            Heading(words.of("history.title"))
            Toggle(words.of("history.remember"), isOn: remembered).frame(minHeight: 56)
            Line(words.of("history.remember-text"), .quiet)
            if history.scans.isEmpty { Line(words.of("history.empty")) }
            ForEach(history.scans, id: \.link) { scan in
                Button(action: { model.check(scan.link) }) { card(scan) }.buttonStyle(.plain)
                Tap(words.of("medicines.remove")) { model.forget(scan: scan.link) }
                    .accessibilityLabel("\(words.of("medicines.remove")): \(words.of(scan.product))")
            }
            if !history.scans.isEmpty { Tap(words.of("history.erase")) { model.eraseHistory() } }
        }
    }

    private var remembered: Binding<Bool> {
        Binding {
            history.isOn
        } set: {
            model.remember($0)
        }
    }

    private func card(_ scan: Scanned) -> some View {
        let look = VerdictLook(scan.verdict)
        return Card {
            Text(words.of(scan.product)).bold()
            Marked(look.symbol, words.of(scan.title), look.ground)
            Line(words.of(scan.scanned))
            if let expires = scan.expires { Line(words.of(expires), .quiet) }
        }
    }
}

/// A suspicion about a pack is written.
struct ReportingView: View {
    let model: Model
    let report: Reporting
    let wrong: String?
    @State private var said = ""
    @State private var place = ""
    @State private var answer = ""

    var body: some View {
        Page {
            Heading(words.of("report.do"))
            Text(words.of(report.product)).bold()
            Line(words.of("report.text"))
            Field(words.of("report.words"), $said)
            Field(words.of("report.place"), $place)
            Field(words.of("report.answer"), $answer)
            if report.photograph != nil { Marked("checkmark", words.of("report.photo-added"), .text) }
            PhotographTap(text: words.of("report.photo")) { file in
                if let photograph = Pixels.evidence(file) { model.attach(photograph) }
            }
            Wrong(text: wrong)
            Tap(words.of("report.send"), main: true) { model.report(words: said, place: place, answer: answer) }
        }
    }
}

struct ReportsView: View {
    let model: Model
    let reports: [ReportLine]

    var body: some View {
        Page {
            Heading(words.of("report.list"))
            if reports.isEmpty { Line(words.of("report.none")) }
            ForEach(reports, id: \.id) { report in
                Card {
                    Text(words.of(report.title)).bold()
                    Line(words.of(report.state))
                    if report.settled {
                        Tap(words.of("records.forget")) { model.settle(report: report.id) }
                            .accessibilityLabel("\(words.of("records.forget")): \(words.of(report.title))")
                    }
                }
            }
            Tap(words.of("outbox.send"), main: true) { model.sendReports() }
        }
    }
}

struct TypingView: View {
    let model: Model
    let aim: Aim
    let wrong: String?
    @State private var code = ""

    var body: some View {
        Page {
            Heading(words.of("scan.type"))
            Field(words.of(aim.typedHint), $code)
                // Letters and digits as they are printed.
                .keyboardType(.asciiCapable)
            Wrong(text: wrong)
            Tap(words.of("scan.check"), main: true) { model.typed(code) }
        }
    }
}

/// Chooses a photograph. The app sees that one alone, and needs no permission.
struct PhotographTap: View {
    let text: String
    let chose: @MainActor (Data) -> Void
    @State private var chosen: PhotosPickerItem?

    var body: some View {
        PhotosPicker(selection: $chosen, matching: .images) {
            Text(text)
                .font(.body.bold())
                .foregroundStyle(Shade.main.color)
                .frame(maxWidth: .infinity, minHeight: 56)
                .overlay(RoundedRectangle(cornerRadius: 12).strokeBorder(Shade.edge.color))
        }
        .onChange(of: chosen) {
            guard let chosen else { return }
            Task {
                // A picture that does not load is as good as one without anything on it.
                chose((try? await chosen.loadTransferable(type: Data.self)) ?? Data())
                self.chosen = nil
            }
        }
    }
}

/// A photograph with a code in it.
struct CodePhotographTap: View {
    let model: Model

    var body: some View {
        PhotographTap(text: words.of("scan.photo")) { file in
            guard let pixels = Pixels(file) else { return model.noPicture() }
            model.photo(width: pixels.width, height: pixels.height, rgba: pixels.rgba)
        }
    }
}
