import AppModel
import SwiftUI

import struct Countersign.BadgeScreen
import enum Countersign.BedsideNext
import struct Countersign.CommandChoice
import struct Countersign.CommandScreen
import struct Countersign.DeviceScreen
import struct Countersign.ReadingLine
import struct Countersign.SentLine
import struct Countersign.SessionScreen
import struct Countersign.SignInChoice
import struct Countersign.WardScreen

/// A nurse at a bed.
struct AtBedView: View {
    let model: Model
    let there: AtBed

    var body: some View {
        drawn.simultaneousGesture(DragGesture(minimumDistance: 0).onEnded { _ in model.touched() })
    }

    @ViewBuilder private var drawn: some View {
        let wrong = there.wrong.map(words.of)
        switch there {
        case .ward(let screen): WardView(model: model, screen: screen)
        case .newBadge(let badge, _): NewBadgeView(model: model, badge: badge, wrong: wrong)
        case .newPassword(let badge, _): NewPasswordView(model: model, badge: badge, wrong: wrong)
        case .device(let screen, _): DeviceView(model: model, screen: screen, wrong: wrong)
        case .session(let screen, _): SessionView(model: model, screen: screen, wrong: wrong)
        case .value(let session, let choice, _):
            CommandValueView(model: model, session: session, choice: choice, wrong: wrong)
        case .command(let screen, _): CommandView(model: model, screen: screen, wrong: wrong)
        }
    }
}

/// The button for the next step, if there is one.
private struct NextTap: View {
    let model: Model
    let next: BedsideNext
    var isMain = true

    var body: some View {
        if let key = label(of: next) { Tap(words.of(key), main: isMain) { model.next(next) } }
    }
}

private struct WardView: View {
    let model: Model
    let screen: WardScreen

    var body: some View {
        Page {
            Heading(words.of("home.ward"))
            Line(words.of(screen.who))
            if let none = screen.none { Line(words.of(none)) }
            NextTap(model: model, next: screen.next)
            if !screen.devices.isEmpty { Subheading(words.of("ward.met")) }
            ForEach(screen.devices, id: \.device) { device in
                Button(action: { model.choose(device: device.device) }) {
                    Card {
                        Text(words.of(device.title)).bold()
                        ForEach(device.lines.indices, id: \.self) { Line(words.of(device.lines[$0])) }
                    }
                }
                .buttonStyle(.plain)
            }
            if !screen.badges.isEmpty { Subheading(words.of("ward.badges")) }
            ForEach(screen.badges, id: \.gateway) { BadgeView(model: model, badge: $0) }
            if screen.next != .enrol, screen.next != .takeBadge {
                NextTap(model: model, next: .takeBadge, isMain: false)
            }
        }
    }
}

private struct BadgeView: View {
    let model: Model
    let badge: BadgeScreen

    var body: some View {
        Card {
            Text(words.of(badge.title)).bold()
            if badge.isGood {
                Marked("checkmark", words.of(badge.state), .authentic)
            } else {
                Warning(words.of(badge.state))
            }
            Tap(words.of("ward.change-password")) { model.newPassword(of: badge) }
                .accessibilityLabel("\(words.of("ward.change-password")): \(words.of(badge.title))")
            Tap(words.of("ward.forget")) { model.forget(badge: badge.gateway) }
                .accessibilityLabel("\(words.of("ward.forget")): \(words.of(badge.title))")
        }
    }
}

private struct NewBadgeView: View {
    let model: Model
    let badge: String
    let wrong: String?
    @State private var password = ""

    var body: some View {
        Page {
            Heading(words.of("ward.take"))
            Line(words.of("ward.take-text"))
            Secret(words.of("ward.new-password"), $password)
            Wrong(text: wrong)
            Tap(words.of("ward.take"), main: true) { model.take(badge: badge, password: password) }
        }
    }
}

private struct NewPasswordView: View {
    let model: Model
    let badge: BadgeScreen
    let wrong: String?
    @State private var old = ""
    @State private var new = ""

    var body: some View {
        Page {
            Heading(words.of("ward.change-password"))
            Text(words.of(badge.title)).bold()
            Secret(words.of("ward.password"), $old)
            Secret(words.of("ward.next-password"), $new)
            Wrong(text: wrong)
            Tap(words.of("ward.change-password"), main: true) { model.changePassword(from: old, to: new) }
        }
    }
}

private struct DeviceView: View {
    let model: Model
    let screen: DeviceScreen
    let wrong: String?
    @State private var password = ""

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            ForEach(screen.lines.indices, id: \.self) { Text(words.of(screen.lines[$0])).bold() }
            if let problem = screen.problem { Warning(words.of(problem)) }
            if screen.next == .signIn {
                Secret(words.of("ward.password"), $password)
                Wrong(text: wrong)
                ForEach(screen.choices.indices, id: \.self) { place in
                    let choice = screen.choices[place]
                    Card {
                        Text(words.of(choice.title)).bold()
                        ForEach(choice.lines.indices, id: \.self) { Line(words.of(choice.lines[$0])) }
                        Tap(words.of("enrol.do"), main: place == 0) {
                            model.signIn(choice, password: password)
                            password = ""
                        }
                        .accessibilityLabel("\(words.of("enrol.do")): \(words.of(choice.title))")
                    }
                }
            } else {
                NextTap(model: model, next: screen.next)
            }
        }
    }
}

private struct SessionView: View {
    let model: Model
    let screen: SessionScreen
    let wrong: String?
    @State private var password = ""

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            if screen.hasPatient {
                Text(words.of(screen.patient)).font(.title3.bold())
            } else {
                Warning(words.of(screen.patient))
            }
            if let halt = screen.halt { Warning(words.of(halt)) }
            ForEach(screen.warnings.indices, id: \.self) { Warning(words.of(screen.warnings[$0])) }
            if let sent = screen.sent { SentView(sent: sent) }
            if screen.halt == nil, screen.readings.isEmpty { Line(words.of("session.waiting")) }
            ForEach(screen.readings.indices, id: \.self) { ReadingView(reading: screen.readings[$0]) }
            ForEach(screen.lines.indices, id: \.self) { Line(words.of(screen.lines[$0]), .quiet) }
            doing
            Tap(words.of("session.leave")) { model.back() }
        }
        // Who is signed in is to be seen wherever the rest is scrolled to.
        .safeAreaInset(edge: .top) {
            Text(words.of(screen.who)).bold()
                .frame(maxWidth: .infinity, alignment: .leading)
                .padding(8)
                .background(Shade.card.color)
        }
    }

    @ViewBuilder private var doing: some View {
        if screen.next == .unlock {
            Secret(words.of("ward.password"), $password)
            Wrong(text: wrong)
            Tap(words.of("session.unlock"), main: true) {
                model.unlock(password: password)
                password = ""
            }
        } else {
            if !screen.commands.isEmpty { Subheading(words.of("session.commands")) }
            ForEach(screen.commands.indices, id: \.self) { place in
                let choice = screen.commands[place]
                Tap(words.of(choice.title)) { model.command(choice, session: screen) }
            }
            NextTap(model: model, next: screen.next)
        }
    }
}

private struct ReadingView: View {
    let reading: ReadingLine

    var body: some View {
        Card {
            Line(words.of(reading.name))
            if let value = reading.value { Text(words.of(value)).font(.largeTitle.bold()) }
            if let note = reading.note, let look = ReadingLook(reading.mark) {
                Marked(look.symbol, words.of(note), look.shade)
            }
            Line(words.of(reading.age), .quiet)
        }
    }
}

private struct SentView: View {
    let sent: SentLine

    var body: some View {
        Card {
            Text(words.of(sent.what)).bold()
            if let value = sent.value { Text(words.of(value)).font(.title3.bold()) }
            let look = SentLook(sent.state)
            Marked(look.symbol, words.of(sent.text), look.shade)
        }
    }
}

/// A value is typed. What was typed stays while a locked screen lies over this one.
private struct CommandValueView: View {
    let model: Model
    let session: SessionScreen
    let choice: CommandChoice
    let wrong: String?
    @State private var typed = ""

    var body: some View {
        Page {
            Heading(words.of(choice.title))
            Text(words.of(session.patient)).font(.title3.bold())
            if let unit = choice.unit { Line(words.of(unit)) }
            Field(words.of("command.value"), $typed).keyboardType(.decimalPad)
            Wrong(text: wrong)
            Tap(words.of("command.check"), main: true) { model.typed(value: typed) }
            Tap(words.of("action.cancel")) { model.back() }
        }
    }
}

/// A command is confirmed.
private struct CommandView: View {
    let model: Model
    let screen: CommandScreen
    let wrong: String?

    var body: some View {
        Page {
            Heading(words.of("command.confirm"))
            Card {
                Text(words.of(screen.title)).font(.title3.bold())
                if let value = screen.value { Text(words.of(value)).font(.largeTitle.bold()) }
                ForEach(screen.lines.indices, id: \.self) { Line(words.of(screen.lines[$0])) }
            }
            Line(words.of("command.confirm-text"))
            Wrong(text: wrong)
            Tap(words.of("command.send"), main: true) { model.send(screen) }
            Tap(words.of("action.cancel")) { model.back() }
        }
    }
}
