import AppModel
import BackgroundTasks
import Foundation

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
    }
}
