import Countersign
import Foundation

/// Something new, which the person is told of while they do not look. It names neither a medicine nor anybody: it stands where
/// others see it.
public struct News: Equatable, Sendable {
    public let id: String
    /// The key of what it is.
    public let title: String
    /// The key of what to do about it.
    public let text = "notice.record-neutral"
}

extension Phone {
    /// More than wait at one time.
    private static let most = 1000

    /// What the person has not been told of yet: emergencies on their own records, and what waits for their answer.
    public func news() -> [News] {
        guard register != nil, let own = try? records.all().filter(\.published) else { return [] }
        let told = Set(self.told)
        // There is nothing to tell of a record before the first sync.
        let asked = own.flatMap { record in
            (try? records.accesses(record: record.id)).map { accessesScreen(accesses: $0).list } ?? []
        }
        return asked.compactMap { access in
            if told.contains(access.thread) { return nil }
            switch access.mark {
            case .emergency: return News(id: access.thread, title: "notice.record-emergency")
            case .waiting: return News(id: access.thread, title: "notice.record-waiting")
            case .open, .closed: return nil
            }
        }
    }

    /// The person was told.
    public func told(_ news: News) throws {
        let all = (told + [news.id]).suffix(Self.most)
        try Data(all.joined(separator: "\n").utf8).write(to: toldFile, options: .atomic)
    }

    private var told: [String] {
        let lines = (try? Data(contentsOf: toldFile)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return lines.split(separator: "\n").map(String.init)
    }
}
