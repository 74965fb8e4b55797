import AppModel
import BackgroundTasks
import Foundation
import UserNotifications

/// Sends what waits and brings the data up to date while nobody looks. The system may never call it: the app does the same
/// whenever it comes to the front.
enum Round {
    /// As `Info.plist` names it.
    static let name = "countersign.round"
    private static let every: TimeInterval = 6 * 3600

    static func schedule() {
        let request = BGAppRefreshTaskRequest(identifier: name)
        request.earliestBeginDate = Date(timeIntervalSinceNow: every)
        // Refused on a phone that allows no background work: then it is done in front.
        try? BGTaskScheduler.shared.submit(request)
    }

    /// Stops between two steps when the system wants its time back.
    static func go(_ phone: Phone) async {
        schedule()
        _ = await phone.round()
        await tell(phone)
    }

    /// Tells of what is new. What is told is marked afterwards: who is stopped between the two tells again.
    private static func tell(_ phone: Phone) async {
        let center = UNUserNotificationCenter.current()
        // What a locked screen shows instead.
        let categories = ["notice.neutral", "notice.record-neutral"].map { key in
            UNNotificationCategory(
                identifier: key, actions: [], intentIdentifiers: [], hiddenPreviewsBodyPlaceholder: words.of(key),
                options: [])
        }
        center.setNotificationCategories(Set(categories))
        for news in phone.news() {
            let content = UNMutableNotificationContent()
            content.title = words.of(news.title)
            content.body = news.lines.map(words.of).joined(separator: " ")
            content.categoryIdentifier = news.neutral.key
            do {
                try await center.add(UNNotificationRequest(identifier: news.id, content: content, trigger: nil))
                try phone.told(news)
            } catch {
                return
            }
        }
    }

    /// Asks whether the person wants to be told; the system asks once in the app's life.
    static func askToTell() async {
        _ = try? await UNUserNotificationCenter.current().requestAuthorization(options: [.alert])
    }
}
