import AppModel
import SwiftUI
import UniformTypeIdentifiers

import enum Countersign.AccessAnswer
import struct Countersign.AccessScreen
import struct Countersign.AskChoice
import struct Countersign.AskScreen
import struct Countersign.DocumentScreen
import enum Countersign.LineMode
import struct Countersign.RecordLineScreen
import struct Countersign.RecordScreen
import struct Countersign.RequestScreen
import struct Countersign.SectionScreen

/// Medical records: the person's own, and those of patients.
struct RecordsView: View {
    let model: Model
    let medical: Medical

    var body: some View {
        Page {
            Heading(words.of("home.records"))
            Subheading(words.of("records.mine"))
            ForEach(medical.own, id: \.id) { record in
                Button(action: { model.open(record: record.id) }) {
                    Card {
                        Text(words.of(record.title)).bold()
                        Line(words.of(record.state))
                    }
                }
                .buttonStyle(.plain)
            }
            if medical.own.isEmpty {
                Line(words.of("records.begin-text"))
                Tap(words.of("records.begin")) { model.beginRecord() }
                Tap(words.of("records.restore")) { model.restoring() }
            }
            Subheading(words.of("records.patients"))
            if let clinic = medical.clinic {
                ClinicView(model: model, clinic: clinic)
            } else {
                Tap(words.of("enrol.do")) { model.carry() }
            }
            Tap(words.of("records.scan-authority")) { model.scanAuthority() }
        }
    }
}

private struct ClinicView: View {
    let model: Model
    let clinic: Clinic

    var body: some View {
        ForEach(clinic.requests, id: \.thread) { request in
            Card {
                Text(words.of(request.title)).bold()
                Line(words.of(request.state))
                Line(words.of(request.kept))
                ForEach(request.steps, id: \.self) { step in
                    let said = words.of(label(of: step))
                    Tap(said, main: step == request.steps.first) { model.step(step, of: request) }
                        .accessibilityLabel("\(said): \(words.of(request.title))")
                }
            }
        }
        ForEach(clinic.patients, id: \.self) { patient in
            Tap("\(words.of("records.ask")): \(title(ofRecord: patient, in: words))") { model.ask(record: patient) }
        }
        if !clinic.requests.isEmpty {
            Tap(words.of("settings.sync")) { model.refreshRecords() }
        }
        Tap(words.of("records.scan-link"), main: true) { model.scanPatient() }
    }
}

struct RecordView: View {
    let model: Model
    let record: Record
    let wrong: String?
    @State private var code = ""

    private var screen: RecordScreen { record.screen }

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            Line(words.of(screen.state))
            switch screen.next {
            case .enrol:
                Field(words.of("enrol.code"), $code).keyboardType(.asciiCapable).textContentType(.oneTimeCode)
                Wrong(text: wrong)
                Tap(words.of("enrol.do"), main: true) { model.enrol(record: screen.id, code: code) }
            case .takeDocument:
                Tap(words.of("records.show-doctor"), main: true) { model.showDoctor(record: screen.id) }
                Wrong(text: wrong)
                DocumentTap(model: model)
            case .publish:
                Tap(words.of("records.publish"), main: true) { model.publish(record: screen.id) }
            case .nothing:
                Tap(words.of("records.accesses"), main: true) { model.accesses(record: screen.id) }
            }
            if record.document != nil { ruled }
            Tap(words.of("records.erase")) { model.erasing(record: screen.id) }
        }
    }

    /// Who may see what, of a record that has a document.
    @ViewBuilder private var ruled: some View {
        Tap(words.of("records.read")) { model.read() }
        if let nobody = screen.nobody { Line(words.of(nobody)) }
        ForEach(screen.lines, id: \.label) { line in
            RecordLineView(line: line) { model.close(record: screen.id, label: line.label) }
        }
        Tap(words.of("records.share")) { model.share(record: screen.id) }
        Tap(words.of("records.link")) { model.showLink(record: screen.id) }
        Tap(words.of("by-link.title")) { model.links(record: screen.id) }
        Tap(words.of("records.paper")) { model.paper(record: screen.id) }
        Line(words.of(screen.open))
        Tap(words.of(record.isOpen ? "records.let-nobody-ask" : "records.let-ask")) {
            model.set(open: !record.isOpen, record: screen.id)
        }
        Wrong(text: wrong)
        Tap(words.of("records.show-doctor")) { model.showDoctor(record: screen.id) }
        DocumentTap(model: model)
    }
}

private struct RecordLineView: View {
    let line: RecordLineScreen
    let close: @MainActor () -> Void

    var body: some View {
        Card {
            Text(words.of(line.who)).bold()
            ForEach(line.lines.indices, id: \.self) { place in
                if line.emergency, place == 1 {
                    Warning(words.of(line.lines[place]))
                } else {
                    Line(words.of(line.lines[place]))
                }
            }
            Tap(words.of("records.close"), does: close)
                .accessibilityLabel("\(words.of("records.close")): \(words.of(line.who))")
        }
    }
}

/// A document that a doctor signed, from a file. The core refuses what is none.
private struct DocumentTap: View {
    let model: Model
    @State private var chooses = false

    var body: some View {
        Tap(words.of("records.take")) { chooses = true }
            .fileImporter(isPresented: $chooses, allowedContentTypes: [.item]) { chosen in
                guard case .success(let file) = chosen, file.startAccessingSecurityScopedResource() else { return }
                defer { file.stopAccessingSecurityScopedResource() }
                if let document = try? Data(contentsOf: file, options: .mappedIfSafe) { model.take(document: document) }
            }
    }
}

/// A document; what is withheld, what is empty and what did not come never look alike.
struct DocumentView: View {
    let model: Model
    let screen: DocumentScreen

    var body: some View {
        Page {
            Heading(screen.title)
            Text(words.of(screen.patient)).font(.title3.bold())
            ForEach(screen.warnings.indices, id: \.self) { Warning(words.of(screen.warnings[$0])) }
            Card {
                Marked("checkmark", words.of(screen.signature), .authentic)
                ForEach((screen.lines + screen.kept).indices, id: \.self) {
                    Line(words.of((screen.lines + screen.kept)[$0]))
                }
            }
            ForEach(screen.sections, id: \.part) { SectionView(model: model, section: $0) }
            if let notStated = screen.notStated { Line(words.of(notStated)) }
        }
    }
}

private struct SectionView: View {
    let model: Model
    let section: SectionScreen

    var body: some View {
        Subheading(section.title)
        if let state = section.state.map(words.of) {
            switch section.mark {
            case .present: Line(state)
            case .empty: Marked("circle.slash", state, .text)
            case .withheld: Warning(state)
            }
        }
        ForEach(section.lines.indices, id: \.self) { Line("• \(section.lines[$0])") }
        if let text = section.text { Line(text) }
        ForEach(section.notes.indices, id: \.self) { Line(words.of(section.notes[$0]), .quiet) }
        ForEach(section.images, id: \.digest) { ImageCard(model: model, image: $0) }
    }
}

/// Parts are chosen, and to whom they are opened.
struct SharingView: View {
    let model: Model
    let sharing: Sharing
    let wrong: String?
    @State private var policy = ""
    @State private var parts: Set<UInt8> = []
    @State private var mode = LineMode.atOnce
    @State private var minutes = Sharing.times[1].minutes

    var body: some View {
        Page {
            Heading(words.of(sharing.isFree ? "records.share" : "records.allow-parts"))
            if sharing.isFree { Field(words.of("records.who-hint"), $policy) }
            Subheading(words.of("records.parts"))
            SectionChoice(sections: sharing.sections, parts: $parts)
            if sharing.isFree {
                Subheading(words.of("records.how"))
                Picker(words.of("records.how"), selection: $mode) {
                    ForEach(Sharing.modes, id: \.mode) { Text(words.of($0.key)).tag($0.mode) }
                }
                .pickerStyle(.inline)
                .labelsHidden()
                Subheading(words.of("records.how-long"))
                Picker(words.of("records.how-long"), selection: $minutes) {
                    ForEach(Sharing.times, id: \.minutes) { Text(words.of($0.text)).tag($0.minutes) }
                }
                .pickerStyle(.inline)
                .labelsHidden()
            }
            Wrong(text: wrong)
            Tap(words.of("records.share-do"), main: true) {
                model.shared(policy: policy, parts: parts.sorted(), mode: mode, minutes: minutes)
            }
        }
    }

}

/// Sections to be chosen.
struct SectionChoice: View {
    let sections: [SectionScreen]
    @Binding var parts: Set<UInt8>

    var body: some View {
        ForEach(sections, id: \.part) { section in
            Toggle(section.title, isOn: chosen(section.part)).frame(minHeight: 56)
        }
    }

    private func chosen(_ part: UInt8) -> Binding<Bool> {
        Binding {
            parts.contains(part)
        } set: { isChosen in
            if isChosen { parts.insert(part) } else { parts.remove(part) }
        }
    }
}

/// Who asked for a record, and who saw it.
struct AccessesView: View {
    let model: Model
    let accesses: Accesses

    var body: some View {
        Page {
            Heading(words.of("records.accesses"))
            Line(words.of(accesses.screen.complete))
            if let nobody = accesses.screen.nobody { Line(words.of(nobody)) }
            ForEach(accesses.screen.list, id: \.thread) { access in
                AccessView(access: access) { model.answer($0, record: accesses.record, thread: access.thread) }
            }
            if let unread = accesses.screen.unread { Line(words.of(unread)) }
            Line(words.of("records.withdraw-text"), .quiet)
            Tap(words.of("settings.sync"), main: true) { model.refreshAccesses(record: accesses.record) }
        }
    }
}

private struct AccessView: View {
    let access: AccessScreen
    let answer: @MainActor (AccessAnswer) -> Void

    var body: some View {
        Card {
            let look = AccessLook(access.mark)
            Marked(look.symbol, words.of(access.state), look.shade)
            Text(words.of(access.who)).bold()
            if let warning = access.warning { Line(words.of(warning), .suspect) }
            ForEach(access.lines.indices, id: \.self) { Line(words.of(access.lines[$0])) }
            ForEach(access.answers, id: \.self) { choice in
                let said = words.of(label(of: choice))
                Tap(said, main: isMain(choice)) { answer(choice) }
                    .accessibilityLabel("\(said): \(words.of(access.who))")
            }
        }
    }

    private func isMain(_ choice: AccessAnswer) -> Bool { choice == access.answers.first && choice != .withdraw }
}

/// A code that somebody scans, and what it is for.
struct CodeToShowView: View {
    let shown: CodeToShow

    var body: some View {
        Page {
            Heading(words.of(shown.title))
            CodeView(texts: [shown.code], label: words.of(shown.title))
            Line(words.of(shown.text))
        }
    }
}

struct RecordErasingView: View {
    let model: Model
    let record: String

    var body: some View {
        Page {
            Heading(words.of("records.erase"))
            Line(words.of("records.erase-text"))
            Tap(words.of("settings.erase-confirm"), main: true) { model.erase(record: record) }
            Tap(words.of("action.cancel")) { model.back() }
        }
    }
}

/// What may be asked for of a patient's record.
struct AskingView: View {
    let model: Model
    let screen: AskScreen

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            if let missing = screen.keyMissing {
                Warning(words.of(missing))
                Tap(words.of("records.fetch-key"), main: true) { model.fetchKey(record: screen.record) }
            }
            ForEach(screen.choices.indices, id: \.self) { place in
                let choice = screen.choices[place]
                Card {
                    ChoiceView(choice: choice)
                    Tap(words.of("records.ask"), main: choice.fits && !choice.needsReason) {
                        model.choose(choice, record: screen.record)
                    }
                    .accessibilityLabel("\(words.of("records.ask")): \(words.of(choice.who))")
                }
            }
        }
    }
}

private struct ChoiceView: View {
    let choice: AskChoice

    var body: some View {
        if let warning = choice.warning { Warning(words.of(warning)) }
        Text(words.of(choice.who)).bold()
        ForEach(choice.lines.indices, id: \.self) { Line(words.of(choice.lines[$0])) }
    }
}

/// A request is written.
struct AskingForView: View {
    let model: Model
    let question: Question
    let wrong: String?
    @State private var name: String
    @State private var reason = ""

    init(model: Model, question: Question, wrong: String?) {
        self.model = model
        self.question = question
        self.wrong = wrong
        _name = State(initialValue: question.name)
    }

    var body: some View {
        Page {
            Heading(words.of("records.ask"))
            ChoiceView(choice: question.choice)
            Field(words.of("records.name"), $name).textContentType(.name)
            Field(words.of("records.reason"), $reason)
            Wrong(text: wrong)
            Tap(words.of("records.ask"), main: true) { model.send(name: name, reason: reason) }
        }
    }
}
