import Countersign
import Foundation

/// How long each code is shown, in milliseconds. Slower for cameras that need it.
private let paces = [200, 500, 1000, 100]

extension Model {
    public func carry() {
        run {
            try $0.isMember() ? $0.carried() : nil
        } then: { there in
            self.begin(with: there.map(Screen.carry) ?? .enrol())
        }
    }

    public func enrol(_ code: String) {
        guard case .enrol = screen else { return }
        run {
            _ = try $0.wallet.enrol(key: Phone.key, code: code.trimmingCharacters(in: .whitespacesAndNewlines))
            return try $0.carried()
        } otherwise: {
            self.put(.enrol(wrong: $0.text))
        } then: {
            self.put(.carry($0))
        }
    }

    /// A code of ours that was opened from outside.
    func linked(_ code: String) {
        if code.hasPrefix(recordLink) { return linked(record: code) }
        run {
            try $0.isMember() ? $0.courier.scanCode(text: code) : nil
        } then: { scan in
            guard let scan else { return self.carry() }
            self.takeOver()
            self.saw(scan)
        }
    }

    public func takeOver() { go(.camera(Camera(aim: .take, hint: "take.scan-goods"))) }

    public func load() { go(.camera(Camera(aim: .load, hint: "take.scan-goods"))) }

    public func handOver(_ link: String) {
        run {
            try $0.courier.offer(code: link, to: nil, place: $0.place())
        } then: {
            self.show($0)
        }
    }

    /// Shows a handover under way, also one from before.
    public func show(_ handover: Handover) { go(.showing(showing(handover))) }

    private func showing(_ handover: Handover) -> Showing {
        Showing(screen: handoverScreen(handover: handover), handover: handover)
    }

    public func slower() {
        guard case .showing(var shown) = screen else { return }
        let next = (paces.firstIndex(of: shown.paceMillis) ?? 0) + 1
        shown.paceMillis = paces[next % paces.count]
        put(.showing(shown))
    }

    public func readAnswer() { go(.camera(Camera(aim: .answer, hint: "take.scan-offer"))) }

    /// Takes an offer back, or is done with an answer that the other has read.
    public func dismiss(_ handover: Handover) {
        run {
            try $0.courier.dismiss(id: handover.id)
            return try $0.carried()
        } then: {
            self.begin(with: .carry($0))
        }
    }

    /// What a courier scanned, or typed.
    func saw(_ scan: Scan) {
        guard case .camera(var camera) = screen else { return }
        switch (scan, camera.aim) {
        case (.goods(let link), .load): load(link)
        case (.goods(let link), .take) where !camera.goods.contains(link):
            camera.goods.append(link)
            taken(camera)
        case (.part(let have, let need), _): progress(have, need, camera)
        case (.offered(let offer), .take):
            camera.offer = offer
            taken(camera)
        case (.answered(let message), .answer): close(message)
        case (.holdStill, _) where camera.hint != "scan.hold-still":
            camera.hint = "scan.hold-still"
            put(.camera(camera))
        default: break
        }
    }

    private func load(_ link: String) {
        run {
            try $0.courier.load(code: link)
        } then: { _ in
            self.carry()
        }
    }

    /// Goods and an offer are both needed, in either order.
    private func taken(_ camera: Camera) {
        var next = camera
        if let offer = camera.offer, !camera.goods.isEmpty {
            put(.offered(Offered(screen: offerScreen(offer: offer), offer: offer, goods: camera.goods)))
        } else if camera.offer != nil {
            (next.hint, next.have, next.need) = ("take.scan-goods", 0, 0)
            put(.camera(next))
        } else {
            next.hint = "take.scan-offer"
            put(.camera(next))
        }
    }

    private func close(_ message: Data) {
        run {
            try $0.courier.close(answer: message)
        } then: {
            self.begin(with: .done(Done(goods: goodsText(link: $0.link), link: $0.link)))
        }
    }

    /// Proof of how goods came to where they are.
    public func proof(_ link: String) {
        run {
            try Proof(screen: $0.courier.proof(link: link), file: $0.courier.proofFile(link: link))
        } then: {
            self.go(.proof($0))
        }
    }

    public func accept() { answer(.intact) }

    public func photographDamage() {
        if case .offered = screen { go(.camera(Camera(aim: .damage, hint: "take.damaged"))) }
    }

    /// The next frame is the photograph of a damage.
    public func takePhotograph() { frames.open() }

    public func refuse() {
        if case .offered(let offered) = screen { go(.refusing(offered)) }
    }

    /// A refusal needs its reason.
    public func refuse(because reason: String) {
        let reason = reason.trimmingCharacters(in: .whitespacesAndNewlines)
        if !reason.isEmpty { answer(.refused(reason: reason)) }
    }

    func answer(_ condition: Condition) {
        let offers = way.compactMap { if case .offered(let offered) = $0 { offered } else { nil } }
        guard let offered = offers.last else { return }
        run {
            try $0.courier.answer(
                offer: offered.offer.message, goods: offered.goods, condition: condition, place: $0.place())
        } then: {
            self.begin(with: .showing(self.showing($0)))
        }
    }

    public func outbox() {
        run {
            try $0.outgoing()
        } then: {
            self.go(.outbox($0))
        }
    }

    public func send() {
        run {
            _ = try $0.courier.sendNow()
            return try $0.outgoing()
        } then: {
            self.put(.outbox($0))
        }
    }

    public func settle(_ id: String) {
        run {
            try $0.courier.settle(id: id)
            return try $0.outgoing()
        } then: {
            self.put(.outbox($0))
        }
    }
}

extension Phone {
    func carried() throws -> Carry {
        let courier = try courier
        return Carry(goods: try courier.carried(), pending: try courier.pending(), outgoing: try courier.outbox().count)
    }

    func outgoing() throws -> [OutgoingScreen] {
        try courier.outbox().map { outgoingScreen(outgoing: $0) }
    }
}
