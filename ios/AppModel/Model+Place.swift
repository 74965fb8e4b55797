import Countersign

extension Model {
    /// Where the person is, in a word, to come back to when the app was killed meanwhile: what it shows lies in the core's
    /// database. No word says anything about a pack or somebody's health, and what was not signed yet is scanned again.
    public var place: String {
        switch screen {
        case .camera(let camera) where camera.aim == .pack: "scan"
        case .camera(let camera) where camera.aim == .take: "take"
        case .medicines, .history, .reports: "medicines"
        case .carry, .done, .proof: "carry"
        case .offered, .refusing: "take"
        case .showing(let shown): "showing \(shown.handover.id)"
        case .camera(let camera) where camera.aim == .answer: "showing \(shownBefore?.handover.id ?? "")"
        case .camera(let camera) where camera.aim == .damage: "take"
        case .outbox: "outbox"
        case .preferences, .erasing: "settings"
        case .records, .record, .document, .picture, .paper, .restoring, .sharing, .accesses, .code, .links, .linking,
            .linked, .recordErasing, .asking, .askingFor:
            "records"
        case .atBed: "ward"
        case .atDomain: "domains"
        default: ""
        }
    }

    private var shownBefore: Showing? {
        way.reversed().compactMap { if case .showing(let shown) = $0 { shown } else { nil } }.first
    }

    func restore(_ place: String) {
        guard case .home(examples: false) = screen else { return }
        let words = place.split(separator: " ").map(String.init)
        switch words.first {
        case "scan": scanPack()
        case "medicines": medicines()
        case "settings": preferences()
        case "records": records()
        case "ward": ward()
        case "domains": domains()
        case "carry": carry()
        case "take", "outbox", "showing":
            run {
                try $0.isMember() ? $0.carried() : nil
            } then: { there in
                guard let there else { return }
                self.begin(with: .carry(there))
                switch words[0] {
                case "take": self.takeOver()
                case "outbox": self.outbox()
                default:
                    if let handover = there.pending.first(where: { $0.id == words.last }) { self.show(handover) }
                }
            }
        default: break
        }
    }
}
