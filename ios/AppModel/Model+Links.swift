import Countersign
import Foundation

/// Links for doctors without this app: the order of their screens.
extension Model {
    public func links(record: String) {
        run {
            try $0.links(record)
        } then: {
            self.go(.links($0))
        }
    }

    public func chooseForLink(record: String) {
        run {
            Linking(record: record, sections: documentScreen(document: try $0.records.document(record: record)).sections)
        } then: {
            self.go(.linking($0))
        }
    }

    public func makeLink(parts: [UInt8], days: UInt16, passcode: String, name: String) {
        guard case .linking(let linking, _) = screen else { return }
        let (record, name) = (linking.record, name.trimmingCharacters(in: .whitespacesAndNewlines))
        let new = NewSharedLink(
            parts: Data(parts), days: days, passcode: passcode.isEmpty ? nil : passcode, label: name.isEmpty ? nil : name)
        let make = { @Sendable (phone: Phone) in
            let link = try phone.records.shareByLink(record: record, new: new)
            return Linked(record: record, screen: sharedLinkScreen(link: link, document: try phone.records.document(record: record)))
        }
        run(make, otherwise: { self.put(.linking(linking, wrong: $0.text)) }) {
            self.put(.linked($0))
        }
    }

    public func show(link: SharedLinkScreen, of record: String) {
        go(.linked(Linked(record: record, screen: link)))
    }

    public func end(link: String, of record: String) {
        run {
            try $0.records.endLink(record: record, name: link)
            return try $0.links(record)
        } then: {
            self.returned(.links($0))
        }
    }
}

extension Phone {
    fileprivate func links(_ record: String) throws -> Links {
        let document = try records.document(record: record)
        let links = try records.sharedLinks(record: record).map { sharedLinkScreen(link: $0, document: document) }
        return Links(record: record, links: links)
    }
}
