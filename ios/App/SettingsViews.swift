import AppModel
import SwiftUI

import struct Countersign.FaultScreen
import struct Countersign.Register

struct StartView: View {
    let model: Model

    var body: some View {
        Page {
            Heading(words.of("start.title"))
            Line(words.of("start.text"))
            Tap(words.of("start.pin"), main: true) { model.scanRegister() }
            Line(words.of("start.pin-text"), .quiet)
            // Built into the app by `ios/build`.
            if let database = Bundle.main.url(forResource: "examples", withExtension: "db"),
                let genesis = Bundle.main.url(forResource: "examples", withExtension: "json")
            {
                Tap(words.of("start.demo")) { model.tryExamples(database: database, genesis: genesis) }
            }
        }
    }
}

/// A register is trusted once a person has compared its words.
struct CompareView: View {
    let model: Model
    let register: Register
    let same: @MainActor () -> Void

    var body: some View {
        Page {
            Heading(words.of("pin.title"))
            Line(register.explained(in: words))
            Card {
                ForEach(register.rows, id: \.self) { Text($0).font(.title3.bold()) }
            }
            // They are words of one list, whatever the person's language.
            .environment(\.layoutDirection, .leftToRight)
            Tap(words.of("pin.confirm"), main: true) { same() }
            Tap(words.of("pin.reject")) { model.back() }
        }
    }
}

struct HomeView: View {
    let model: Model
    let showsExamples: Bool

    var body: some View {
        Page {
            if showsExamples {
                Text(words.of("demo.banner")).bold()
                ForEach(examples, id: \.key) { example in
                    Tap(words.of(example.key)) { model.check(example.code) }
                }
                ForEach(model.tasks, id: \.self) { task in
                    Tap(words.of(task)) { model.tour(task) }
                }
            }
            Tap(words.of("home.scan"), main: true) { model.scanPack() }.font(.title2).frame(minHeight: 96)
            Tap(words.of("home.medicines")) { model.medicines() }
            if showsExamples {
                Tap(words.of("demo.leave")) { model.leaveExamples() }
            } else {
                Tap(words.of("home.carry")) { model.carry() }
                Tap(words.of("home.records")) { model.records() }
                Tap(words.of("home.ward")) { model.ward() }
                Tap(words.of("home.domains")) { model.domains() }
                Tap(words.of("home.settings")) { model.preferences() }
            }
        }
    }
}

struct PreferencesView: View {
    let model: Model
    let shown: Preferences
    let wrong: String?
    @State private var node: String
    @Environment(\.openURL) private var openURL

    init(model: Model, shown: Preferences, wrong: String?) {
        self.model = model
        self.shown = shown
        self.wrong = wrong
        _node = State(initialValue: shown.settings.node)
    }

    var body: some View {
        Page {
            Heading(words.of("home.settings"))
            Card {
                Text(shown.settings.title(in: words)).bold()
                ForEach(shown.settings.lines(in: words), id: \.self) { Line($0) }
            }
            Tap(words.of("settings.sync"), main: true) { model.sync() }
            Field(words.of("settings.node"), $node).keyboardType(.URL)
            Wrong(text: wrong)
            Tap(words.of("settings.save")) { model.use(node: node) }
            Toggle(words.of("carry.place"), isOn: saysPlace).frame(minHeight: 56)
            Line(words.of("carry.place-text"), .quiet)
            Tap(words.of("settings.language")) {
                if let settings = URL(string: UIApplication.openSettingsURLString) { openURL(settings) }
            }
            Tap(words.of("settings.erase")) { model.erasing() }
        }
    }

    /// The system is asked when it is turned on.
    private var saysPlace: Binding<Bool> {
        Binding {
            shown.saysPlace
        } set: { says in
            if says { Whereabouts.shared.ask() }
            model.say(place: says)
        }
    }
}

struct ErasingView: View {
    let model: Model

    var body: some View {
        Page {
            Heading(words.of("settings.erase"))
            Line(words.of("settings.erase-text"))
            Tap(words.of("settings.erase-confirm"), main: true) { model.erase() }
            Tap(words.of("action.cancel")) { model.back() }
        }
    }
}

struct FaultView: View {
    let model: Model
    let screen: FaultScreen

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            Line(words.of(screen.text))
            ActionTap(model: model, text: words.of(label(of: screen.action))) { model.act(screen.action) }
            if screen.leavesOtherWays {
                CodePhotographTap(model: model)
                Tap(words.of("scan.type")) { model.type(.pack) }
            }
        }
    }
}
