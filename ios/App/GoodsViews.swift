import AppModel
import SwiftUI

import struct Countersign.Carried
import struct Countersign.OfferScreen
import struct Countersign.OutgoingScreen

struct CarryView: View {
    let model: Model
    let carry: Carry

    var body: some View {
        Page {
            Heading(words.of("home.carry"))
            Tap(words.of("carry.take-over"), main: true) { model.takeOver() }
            ForEach(carry.pending, id: \.id) { handover in
                Button(action: { model.show(handover) }) {
                    Card {
                        Text(words.of(handover.title)).bold()
                        Line(words.of(handover.state))
                    }
                }
                .buttonStyle(.plain)
            }
            if carry.goods.isEmpty { Line(words.of("carry.empty")) }
            ForEach(carry.goods, id: \.link) { goods in
                Card {
                    Text(words.of(goods.goods)).bold()
                    Line(words.of(goods.holder))
                    if goods.mine { handOver(goods) }
                    Tap(words.of("proof.show")) { model.proof(goods.link) }
                        .accessibilityLabel("\(words.of("proof.show")): \(words.of(goods.goods))")
                }
            }
            Tap(words.of("action.load")) { model.load() }
            Tap(words.of("carry.to-send", "count", .number(UInt64(carry.outgoing)))) { model.outbox() }
        }
    }

    private func handOver(_ goods: Carried) -> some View {
        Tap(words.of("carry.hand-over"), main: true) { model.handOver(goods.link) }
            .accessibilityLabel("\(words.of("carry.hand-over")): \(words.of(goods.goods))")
    }
}

struct EnrolView: View {
    let model: Model
    let wrong: String?
    @State private var code = ""

    var body: some View {
        Page {
            Heading(words.of("enrol.title"))
            Line(words.of("enrol.text"))
            Field(words.of("enrol.code"), $code).keyboardType(.asciiCapable).textContentType(.oneTimeCode)
            Wrong(text: wrong)
            Tap(words.of("enrol.do"), main: true) { model.enrol(code) }
        }
    }
}

struct OfferedView: View {
    let model: Model
    let screen: OfferScreen

    var body: some View {
        Page {
            Heading(words.of(screen.from))
            Card {
                Text(words.of(screen.goods)).font(.title3.bold())
                ForEach(screen.lines.indices, id: \.self) { place in
                    let warns = screen.warns && place == 0
                    Line(words.of(screen.lines[place]), warns ? .suspect : .text).bold(warns)
                }
            }
            Tap(words.of("take.intact"), main: true) { model.accept() }
            Tap(words.of("take.damaged")) { model.photographDamage() }
            Tap(words.of("take.refuse")) { model.refuse() }
        }
    }
}

struct RefusingView: View {
    let model: Model
    @State private var reason = ""

    var body: some View {
        Page {
            Heading(words.of("take.refuse"))
            Field(words.of("take.why"), $reason)
            Tap(words.of("take.refuse"), main: true) { model.refuse(because: reason) }
        }
    }
}

struct ShowingView: View {
    let model: Model
    let shown: Showing

    var body: some View {
        Page {
            Subheading(words.of(shown.screen.goods))
            CodeView(texts: shown.handover.codes, label: words.of("label.code"), paceMillis: shown.paceMillis)
            Line(words.of(shown.screen.text))
            States(texts: shown.screen.states.map(words.of))
            if shown.screen.readsAnswer {
                Tap(words.of("show.read-answer"), main: true) { model.readAnswer() }
            } else {
                Tap(words.of("show.done"), main: true) { model.dismiss(shown.handover) }
            }
            Tap(words.of("show.speed")) { model.slower() }
            if shown.screen.readsAnswer {
                Tap(words.of("show.cancel-offer")) { model.dismiss(shown.handover) }
            }
        }
    }
}

/// Who has signed.
private struct States: View {
    let texts: [String]

    var body: some View {
        ForEach(texts, id: \.self) { text in
            HStack(spacing: 8) {
                Image(systemName: "checkmark").accessibilityHidden(true)
                Text(text)
            }
            .font(.body.bold())
        }
    }
}

struct DoneView: View {
    let model: Model
    let done: Done

    var body: some View {
        Page {
            Heading(words.of("show.both-hold"))
            Text(words.of(done.goods)).font(.title3.bold())
            States(texts: ["show.you-signed", "show.they-signed", "show.both-hold"].map(words.of))
            Tap(words.of("action.ok"), main: true) { model.carry() }
            Tap(words.of("proof.show")) { model.proof(done.link) }
        }
    }
}

/// Proof of a delivery, to show and to send.
struct ProofView: View {
    let proof: Proof

    var body: some View {
        let screen = proof.screen
        Page {
            Heading(words.of("proof.title"))
            Card {
                Text(words.of(screen.goods)).font(.title3.bold())
                ForEach(screen.lines.indices, id: \.self) { Line(words.of(screen.lines[$0])) }
                Text(words.of(screen.recorded)).bold()
                Line(words.of(screen.number), .quiet)
            }
            if !screen.way.isEmpty { Subheading(words.of("proof.way")) }
            WayView(way: screen.way)
            SendProof(proof: proof)
        }
    }
}

struct OutboxView: View {
    let model: Model
    let entries: [OutgoingScreen]

    var body: some View {
        Page {
            Heading(words.of("carry.outbox"))
            if entries.isEmpty { Line(words.of("outbox.empty")) }
            ForEach(entries, id: \.id) { entry in
                Card {
                    Text("\(words.of(entry.title)): \(words.of(entry.goods))").bold()
                    Line(words.moment(entry.signedMillis), .quiet)
                    Line(words.of(entry.state), entry.settles ? .suspect : .text).bold()
                    ForEach(entry.lines, id: \.key) { Line(words.of($0)) }
                    if entry.settles { Tap(words.of("outbox.settle")) { model.settle(entry.id) } }
                }
            }
            Tap(words.of("outbox.send"), main: true) { model.send() }
        }
    }
}
