import AppModel
import SwiftUI

import struct Countersign.AskDataScreen
import struct Countersign.DataAccessScreen
import struct Countersign.DataAccessesScreen
import enum Countersign.DataOp
import struct Countersign.DataScreen
import struct Countersign.DomainLine
import struct Countersign.DomainsScreen
import struct Countersign.GreetingScreen
import struct Countersign.LicenceScreen
import enum Countersign.RevocationCause
import struct Countersign.TraceRow
import struct Countersign.TraceScreen

/// Somebody who looks into other domains.
struct AtDomainView: View {
    let model: Model
    let there: AtDomain

    var body: some View {
        let wrong = there.wrong.map(words.of)
        switch there {
        case .all(let screen): DomainsView(model: model, screen: screen)
        case .adding(let register): CompareView(model: model, register: register) { model.add(domain: register) }
        case .signingIn(let domain, _): DomainSignInView(model: model, domain: domain, wrong: wrong)
        case .greeting(_, let screen, _): GreetingView(model: model, screen: screen, wrong: wrong)
        case .data(let screen): DataView(model: model, screen: screen)
        case .asking(let screen, _): AskDataView(model: model, screen: screen, wrong: wrong)
        case .licence(let screen): LicenceView(model: model, screen: screen)
        case .revoking(let screen, _): RevokingView(model: model, screen: screen, wrong: wrong)
        case .accesses(_, let screen): DataAccessesView(model: model, screen: screen)
        case .trace(_, let screen): TraceView(model: model, screen: screen)
        }
    }
}

private struct DomainsView: View {
    let model: Model
    let screen: DomainsScreen

    var body: some View {
        Page {
            Heading(words.of("home.domains"))
            Line(words.of(screen.who))
            if let problem = screen.problem { Warning(words.of(problem)) }
            switch screen.next {
            case .add: Tap(words.of("domains.add"), main: true) { model.scanDomain() }
            case .register:
                Tap(words.of("domains.register"), main: true) { model.registerDomain() }
                Tap(words.of("settings.sync")) { model.syncDomains() }
                across
            case .sync:
                Tap(words.of("settings.sync"), main: true) { model.syncDomains() }
                across
            case .enrol, .nothing: EmptyView()
            }
            if !screen.domains.isEmpty { Subheading(words.of("domains.list")) }
            ForEach(screen.domains, id: \.domain) { DomainView(model: model, domain: $0) }
            if screen.next != .add, screen.next != .nothing {
                Tap(words.of("domains.add")) { model.scanDomain() }
            }
            if screen.next == .sync || screen.next == .register {
                Tap(words.of("greeting.read")) { model.scanGreeting() }
            }
        }
    }

    @ViewBuilder private var across: some View {
        Subheading(words.of("licence.list"))
        if screen.licences.isEmpty { Line(words.of("licence.none")) }
        ForEach(screen.licences, id: \.thread) { licence in
            Button(action: { model.show(licence) }) {
                Card {
                    Text(words.of(licence.title)).bold()
                    LicenceState(licence: licence)
                    if let data = licence.lines.first { Line(words.of(data)) }
                }
            }
            .buttonStyle(.plain)
        }
        Subheading(words.of("data.list"))
        if screen.data.isEmpty { Line(words.of("data.none")) }
        ForEach(screen.data, id: \.key) { data in
            Button(action: { model.open(data) }) {
                Card {
                    Text(words.of(data.title)).bold()
                    if let owner = data.lines.first { Line(words.of(owner)) }
                    if let warning = data.warning { Line(words.of(warning), .suspect) }
                }
            }
            .buttonStyle(.plain)
        }
    }
}

private struct DomainView: View {
    let model: Model
    let domain: DomainLine

    var body: some View {
        Card {
            Text(words.of(domain.title)).bold()
            Line(words.of(domain.state))
            if let enrol = domain.enrol { Tap(words.of(enrol), main: true) { model.signIn(at: domain) } }
            Tap(words.of("domains.remove")) { model.remove(domain: domain.domain) }
                .accessibilityLabel("\(words.of("domains.remove")): \(words.of(domain.title))")
        }
    }
}

private struct DomainSignInView: View {
    let model: Model
    let domain: DomainLine
    let wrong: String?
    @State private var code = ""

    var body: some View {
        Page {
            Heading(words.of(domain.enrol ?? domain.title))
            Line(words.of("enrol.text"))
            Field(words.of("enrol.code"), $code)
            Wrong(text: wrong)
            Tap(words.of("enrol.do"), main: true) { model.signIn(code: code) }
        }
    }
}

/// A message by which somebody becomes known in another domain.
private struct GreetingView: View {
    let model: Model
    let screen: GreetingScreen
    let wrong: String?

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            Line(words.of(screen.text))
            if !screen.codes.isEmpty { CodeView(texts: screen.codes, label: words.of("label.code"), paceMillis: 200) }
            Wrong(text: wrong)
            Tap(words.of(label(of: screen.next)), main: true) { model.next(screen.next) }
        }
    }
}

private struct DataView: View {
    let model: Model
    let screen: DataScreen

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            if let warning = screen.warning { Warning(words.of(warning)) }
            ForEach(screen.lines.indices, id: \.self) { Line(words.of(screen.lines[$0])) }
            if screen.ask != nil { Tap(words.of("data.ask"), main: true) { model.ask(about: screen) } }
            Tap(words.of("data.trace")) { model.trace(screen.key) }
            Tap(words.of("data.accesses")) { model.accesses(of: screen.key) }
        }
    }
}

private struct AskDataView: View {
    let model: Model
    let screen: AskDataScreen
    let wrong: String?
    @State private var user: String
    @State private var operations: Set<DataOp> = []
    @State private var purpose: String
    @State private var days: UInt16

    init(model: Model, screen: AskDataScreen, wrong: String?) {
        (self.model, self.screen, self.wrong) = (model, screen, wrong)
        _user = State(initialValue: screen.people.first?.user ?? "")
        _purpose = State(initialValue: screen.purposes.first?.purpose ?? "")
        _days = State(initialValue: screen.days.first?.days ?? 1)
    }

    var body: some View {
        Page {
            Heading(words.of("data.ask"))
            Text(words.of(screen.title)).bold()
            Line(words.of(screen.rule))
            if let problem = screen.problem {
                Warning(words.of(problem))
                Tap(words.of("greeting.do"), main: true) { model.greet(domain: screen.holder) }
            } else {
                choices
            }
        }
    }

    @ViewBuilder private var choices: some View {
        Subheading(words.of("licence.whom"))
        Picker(words.of("licence.whom"), selection: $user) {
            ForEach(screen.people, id: \.user) { Text(words.of($0.title)).tag($0.user) }
        }
        .pickerStyle(.inline)
        .labelsHidden()
        Subheading(words.of("licence.what"))
        ForEach(screen.operations, id: \.operation) { choice in
            Toggle(words.of(choice.title), isOn: chosen(choice.operation)).frame(minHeight: 56)
        }
        Subheading(words.of("licence.purpose"))
        Picker(words.of("licence.purpose"), selection: $purpose) {
            ForEach(screen.purposes, id: \.purpose) { Text(words.of($0.title)).tag($0.purpose) }
        }
        .pickerStyle(.inline)
        .labelsHidden()
        Subheading(words.of("licence.days"))
        Picker(words.of("licence.days"), selection: $days) {
            ForEach(screen.days, id: \.days) { Text(words.of($0.title)).tag($0.days) }
        }
        .pickerStyle(.inline)
        .labelsHidden()
        Wrong(text: wrong)
        Tap(words.of("licence.ask"), main: true) {
            let wanted = screen.operations.map(\.operation).filter(operations.contains)
            model.ask(for: user, to: wanted, purpose: purpose, days: days)
        }
    }

    private func chosen(_ operation: DataOp) -> Binding<Bool> {
        Binding {
            operations.contains(operation)
        } set: { isChosen in
            if isChosen { operations.insert(operation) } else { operations.remove(operation) }
        }
    }
}

/// How far a licence is.
private struct LicenceState: View {
    let licence: LicenceScreen

    var body: some View {
        let look = LicenceLook(licence.mark)
        Marked(look.symbol, words.of(licence.state), look.shade)
    }
}

private struct LicenceView: View {
    let model: Model
    let screen: LicenceScreen

    var body: some View {
        Page {
            Heading(words.of(screen.title))
            LicenceState(licence: screen)
            ForEach(screen.reasons.indices, id: \.self) { Line(words.of(screen.reasons[$0])) }
            Card { ForEach(screen.lines.indices, id: \.self) { Line(words.of(screen.lines[$0])) } }
            Tap(words.of("settings.sync"), main: screen.mark == .waiting) { model.syncDomains() }
            if !screen.causes.isEmpty { Tap(words.of("licence.revoke")) { model.revoking(screen) } }
        }
    }
}

private struct RevokingView: View {
    let model: Model
    let screen: LicenceScreen
    let wrong: String?
    @State private var cause = RevocationCause.owner

    var body: some View {
        Page {
            Heading(words.of("licence.revoke"))
            Text(words.of(screen.title)).bold()
            Line(words.of("licence.revoke-text"))
            Subheading(words.of("cause.why"))
            Picker(words.of("cause.why"), selection: $cause) {
                ForEach(screen.causes, id: \.cause) { Text(words.of($0.title)).tag($0.cause) }
            }
            .pickerStyle(.inline)
            .labelsHidden()
            Wrong(text: wrong)
            Tap(words.of("licence.revoke"), main: true) { model.revoke(cause) }
            Tap(words.of("action.cancel")) { model.back() }
        }
    }
}

private struct DataAccessesView: View {
    let model: Model
    let screen: DataAccessesScreen

    var body: some View {
        Page {
            Heading(words.of("data.accesses"))
            Text(words.of(screen.title)).bold()
            if let warning = screen.warning { Warning(words.of(warning)) }
            if let none = screen.none { Line(words.of(none)) }
            ForEach(screen.list.indices, id: \.self) { DataAccessView(access: screen.list[$0]) }
            ForEach(screen.sources.indices, id: \.self) { Line(words.of(screen.sources[$0]), .quiet) }
            Tap(words.of("settings.sync")) { model.syncDomains() }
        }
    }
}

private struct DataAccessView: View {
    let access: DataAccessScreen

    var body: some View {
        Card {
            Text(words.of(access.title)).bold()
            if access.findings.isEmpty { Marked("checkmark", words.of("looked.in-order"), .authentic) }
            ForEach(access.findings, id: \.key) { Marked("xmark", words.of($0), .suspect) }
            ForEach(access.lines.indices, id: \.self) { Line(words.of(access.lines[$0])) }
        }
    }
}

/// Where data went: a tree from the top down.
private struct TraceView: View {
    let model: Model
    let screen: TraceScreen

    var body: some View {
        Page {
            Heading(words.of("data.trace"))
            Text(words.of(screen.title)).bold()
            ForEach(screen.warnings, id: \.key) { Warning(words.of($0)) }
            if let none = screen.none { Line(words.of(none)) }
            VStack(alignment: .leading, spacing: 0) {
                ForEach(screen.rows, id: \.id) { row in
                    HStack(alignment: .top, spacing: 0) {
                        Branch(row: row)
                        TracedView(row: row).padding(.leading, 10)
                    }
                    .accessibilityElement(children: .ignore)
                    .accessibilityLabel(row.spoken(in: words))
                }
            }
            ForEach(screen.sources.indices, id: \.self) { Line(words.of(screen.sources[$0]), .quiet) }
            Tap(words.of("settings.sync")) { model.syncDomains() }
        }
    }
}

private struct TracedView: View {
    let row: TraceRow

    var body: some View {
        VStack(alignment: .leading, spacing: 2) {
            Text(words.of(row.title)).bold()
            ForEach(row.lines.indices, id: \.self) { Line(words.of(row.lines[$0])) }
            Line(words.moment(row.atMillis), .quiet)
            ForEach(row.notes, id: \.key) { Line(words.of($0), row.warns ? .suspect : .quiet) }
        }
        .padding(.bottom, 10)
    }
}

/// A state's place in the tree: the lines of the branches beside it, its own branch, and its mark.
private struct Branch: View {
    let row: TraceRow

    var body: some View {
        HStack(alignment: .top, spacing: 0) {
            ForEach(row.rails.indices, id: \.self) { column in
                rail(goesOn: row.rails[column], isOwn: column == row.rails.count - 1)
            }
            mark
        }
    }

    private var mark: some View {
        let look = MarkLook(row.mark)
        return VStack(spacing: 2) {
            Image(systemName: look.symbol).font(.body.bold()).foregroundStyle(look.shade.color)
            if row.leadsOn { upright.frame(maxHeight: .infinity) }
        }
        .frame(width: 14)
    }

    private func rail(goesOn: Bool, isOwn: Bool) -> some View {
        HStack(alignment: .top, spacing: 0) {
            VStack(spacing: 0) {
                if goesOn || isOwn { upright.frame(height: 12) }
                if goesOn { upright.frame(maxHeight: .infinity) }
            }
            .frame(width: 3)
            .padding(.leading, 5)
            if isOwn { Rectangle().fill(Shade.edge.color).frame(width: 6, height: 3).padding(.top, 10) }
        }
        .frame(width: 14, alignment: .leading)
    }

    private var upright: some View { Rectangle().fill(Shade.edge.color).frame(width: 3) }
}
