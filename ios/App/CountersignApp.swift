import AppModel
import CountersignKeys
import SwiftUI

@main
struct CountersignApp: App {
    @State private var model: Model
    @Environment(\.scenePhase) private var phase
    private let phone: Phone

    init() {
        let phone = Phone(folder: Place.register, keys: SecureEnclaveKeyStore { words.of("app.name") })
        let model = Model(phone: phone)
        model.photographs(by: jpeg)
        model.places(by: Whereabouts.shared.said)
        self.phone = phone
        _model = State(initialValue: model)
    }

    var body: some Scene {
        WindowGroup {
            RootView(model: model)
        }
        .onChange(of: phase) {
            switch phase {
            case .active: model.awoke()
            case .background: Round.schedule()
            default: break
            }
        }
        .backgroundTask(.appRefresh(Round.name)) {
            await Round.go(phone)
        }
    }
}

/// Where the app's files lie: in no backup, and readable once the phone has been unlocked. The keys cannot follow to another
/// phone, and without them the rest is of no use.
private enum Place {
    static var register: URL {
        var folder = URL.applicationSupportDirectory.appending(path: "countersign")
        let protection: [FileAttributeKey: Any] = [
            .protectionKey: FileProtectionType.completeUntilFirstUserAuthentication
        ]
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: protection)
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try? folder.setResourceValues(values)
        return folder.appending(path: "register")
    }
}
