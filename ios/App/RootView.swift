import AppModel
import SwiftUI

/// The window: the screens on their way, and what only the phone can do.
struct RootView: View {
    @Bindable var model: Model
    @Environment(\.scenePhase) private var phase
    @SceneStorage("place") private var place = ""
    @State private var glow = Glow()

    var body: some View {
        NavigationStack(path: $model.path) {
            ScreenView(model: model, screen: model.base)
                .navigationDestination(for: Int.self) { StepView(model: model, id: $0) }
        }
        .tint(Shade.main.color)
        .overlay { if phase != .active, model.screen.isPrivate { Cover() } }
        .safeAreaInset(edge: .bottom) { if model.isTouring { TourBar(model: model) } }
        .overlay(alignment: .top) { if model.isBusy { Waiting() } }
        .onAppear {
            model.start(at: place)
            light()
        }
        .onChange(of: model.place) { place = model.place }
        .onChange(of: model.screen) { light() }
        .onChange(of: model.screen.spoken(in: words)) { _, text in
            if let text { AccessibilityNotification.Announcement(text).post() }
        }
        .onChange(of: model.wantsToTell) {
            guard model.wantsToTell else { return }
            model.wantsToTell = false
            Task { await Round.askToTell() }
        }
        .sensoryFeedback(trigger: model.screen) { _, screen in screen.feels.map(felt) }
        .onChange(of: phase) {
            light()
            if phase == .background { model.hidden() }
        }
        // A code of ours that the phone's own camera read.
        .onOpenURL { url in
            let link = url.absoluteString
            model.open(link: link.removingPercentEncoding ?? link)
        }
    }

    /// Codes for another phone are bright; while they are shown or read, the screen does not go dark.
    private func light() {
        let front = phase == .active
        if let brightness = glow.want(front && model.screen.showsCodes, now: UIScreen.main.brightness) {
            UIScreen.main.brightness = brightness
        }
        UIApplication.shared.isIdleTimerDisabled = front && model.screen.staysOn
    }
}

private func felt(_ feeling: Feeling) -> SensoryFeedback {
    switch feeling {
    case .good: .success
    case .bad: .error
    case .open: .warning
    }
}

/// A place on the way, with what stands there now.
private struct StepView: View {
    let model: Model
    let id: Int

    var body: some View {
        if let screen = model.screen(at: id) { ScreenView(model: model, screen: screen) }
    }
}

/// In front of what is somebody's own, in the list of apps and wherever else the system keeps a picture.
private struct Cover: View {
    var body: some View {
        Shade.ground.color.ignoresSafeArea()
            .overlay { Heading(words.of("app.name")) }
    }
}

/// Below each screen of a tour: that it is one, and the way on.
private struct TourBar: View {
    let model: Model

    var body: some View {
        VStack(spacing: 8) {
            Text(words.of("demo.banner")).bold()
            Tap(words.of("demo.next"), main: true) { model.toured() }
        }
        .padding(16)
        .background(Shade.card.color)
    }
}

private struct Waiting: View {
    var body: some View {
        ProgressView()
            .padding(12)
            .background(Shade.card.color, in: Capsule())
            .accessibilityLabel(words.of("label.wait"))
    }
}

/// One screen, drawn from what it says.
struct ScreenView: View {
    let model: Model
    let screen: Screen

    var body: some View {
        drawn
            .navigationBarTitleDisplayMode(.inline)
            // Taps wait for a call that is under way, and so does the way back.
            .navigationBarBackButtonHidden(model.isBusy)
            .disabled(model.isBusy)
    }

    @ViewBuilder private var drawn: some View {
        switch screen {
        case .start: StartView(model: model)
        case .pin(let register): CompareView(model: model, register: register) { model.pin(register) }
        case .home(let examples): HomeView(model: model, showsExamples: examples)
        case .camera(let camera): CameraView(model: model, camera: camera)
        case .typing(let aim, let wrong): TypingView(model: model, aim: aim, wrong: wrong.map(words.of))
        case .verdict(let verdict): VerdictView(model: model, shown: verdict)
        case .rests(let rests): RestsView(rests: rests)
        case .medicines(let packs): MedicinesView(model: model, packs: packs)
        case .history(let history): HistoryView(model: model, history: history)
        case .reporting(let report, let wrong): ReportingView(model: model, report: report, wrong: wrong.map(words.of))
        case .reports(let list): ReportsView(model: model, reports: list)
        case .carry(let carry): CarryView(model: model, carry: carry)
        case .enrol(let wrong): EnrolView(model: model, wrong: wrong.map(words.of))
        case .offered(let offered): OfferedView(model: model, screen: offered.screen)
        case .refusing: RefusingView(model: model)
        case .showing(let shown): ShowingView(model: model, shown: shown)
        case .done(let done): DoneView(model: model, done: done)
        case .proof(let proof): ProofView(proof: proof)
        case .outbox(let entries): OutboxView(model: model, entries: entries)
        case .preferences(let shown, let wrong):
            PreferencesView(model: model, shown: shown, wrong: wrong.map(words.of))
        case .erasing: ErasingView(model: model)
        case .records(let medical): RecordsView(model: model, medical: medical)
        case .record(let record, let wrong): RecordView(model: model, record: record, wrong: wrong.map(words.of))
        case .document(let document, _): DocumentView(model: model, screen: document)
        case .picture(let picture): PictureView(picture: picture)
        case .paper(let lines): PaperView(lines: lines)
        case .restoring(let wrong): RestoringView(model: model, wrong: wrong.map(words.of))
        case .sharing(let sharing, let wrong): SharingView(model: model, sharing: sharing, wrong: wrong.map(words.of))
        case .accesses(let accesses): AccessesView(model: model, accesses: accesses)
        case .code(let code): CodeToShowView(shown: code)
        case .links(let links): LinksView(model: model, shown: links)
        case .linking(let linking, let wrong):
            LinkingView(model: model, linking: linking, wrong: wrong.map(words.of))
        case .linked(let linked): LinkedView(model: model, linked: linked)
        case .recordErasing(let record): RecordErasingView(model: model, record: record)
        case .asking(let screen): AskingView(model: model, screen: screen)
        case .askingFor(let question, let wrong):
            AskingForView(model: model, question: question, wrong: wrong.map(words.of))
        case .atBed(let there): AtBedView(model: model, there: there)
        case .atDomain(let there): AtDomainView(model: model, there: there)
        case .faulty(let fault): FaultView(model: model, screen: fault)
        }
    }
}
