import Countersign
import Foundation

/// Something new, which the person is told of while they do not look.
public struct News: Equatable, Sendable {
    public let id: String
    public let title: Text
    public let lines: [Text]
    /// What a locked screen shows of it: it names nothing and nobody.
    public let neutral: Text
    /// Of a pack, and not of a record.
    fileprivate let isOfPack: Bool
}

extension Phone {
    /// More than wait at one time.
    private static let most = 1000

    /// What the person has not been told of yet: what became of packs that they scanned or keep, emergencies on their own
    /// records, and what waits for their answer.
    public func news() -> [News] {
        guard register != nil else { return [] }
        let packs = (try? checker.notices()) ?? []
        return packs.map { notice in
            News(
                id: notice.id, title: notice.product, lines: [notice.line, notice.next], neutral: notice.neutral,
                isOfPack: true)
        } + requests()
    }

    private func requests() -> [News] {
        let told = Set(self.told)
        let own = (try? records.all().filter(\.published)) ?? []
        // There is nothing to tell of a record before the first sync.
        let asked = own.flatMap { record in
            (try? records.accesses(record: record.id)).map { accessesScreen(accesses: $0).list } ?? []
        }
        return asked.filter { !told.contains($0.thread) }.compactMap { access in
            let title: String
            switch access.mark {
            case .emergency: title = "notice.record-emergency"
            case .waiting: title = "notice.record-waiting"
            case .open, .closed: return nil
            }
            let neutral = Text(key: "notice.record-neutral", arguments: [])
            return News(
                id: access.thread, title: Text(key: title, arguments: []), lines: [access.who], neutral: neutral,
                isOfPack: false)
        }
    }

    /// The person was told.
    public func told(_ news: News) throws {
        if news.isOfPack { return try checker.told(notice: news.id) }
        let all = (told + [news.id]).suffix(Self.most)
        try Data(all.joined(separator: "\n").utf8).write(to: toldFile, options: .atomic)
    }

    private var told: [String] {
        let lines = (try? Data(contentsOf: toldFile)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return lines.split(separator: "\n").map(String.init)
    }
}
