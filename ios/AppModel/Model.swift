import Countersign
import Foundation
import Observation

/// Where the person is, and what a tap leads to. Rules of the domain are the core's; here is only the order of the screens.
///
/// What concerns packs is in `Model+Packs.swift`, goods in `Model+Goods.swift`, medical records in `Model+Records.swift`, bedside
/// devices in `Model+Bedside.swift`, other domains in `Model+Domains.swift`.
@MainActor @Observable
public final class Model {
    /// A place on the way: it stays the same one when what it shows changes.
    public struct Step: Identifiable, Equatable, Sendable {
        public let id: Int
        public fileprivate(set) var screen: Screen
    }

    private var root = Step(id: 0, screen: .start)
    private var above: [Step] = []
    private var gone: [Step] = []
    /// What is still to be shown of a tour, while there is one.
    private var tour: [Screen]?
    /// There is something that the person may be told of later: whether they want that is asked now.
    public var wantsToTell = false
    /// A call is under way, and taps wait.
    public private(set) var isBusy = false

    @ObservationIgnored let phone: Phone
    @ObservationIgnored nonisolated let frames: Frames
    /// What a button “try again” does.
    @ObservationIgnored private var again: () -> Void = {}
    /// Frames without a code, one after the other.
    @ObservationIgnored var empty = 0
    @ObservationIgnored private var made = 0
    @ObservationIgnored private var isStarted = false
    /// A code of ours that was opened from outside, before the app had begun.
    @ObservationIgnored private var waiting: String?
    @ObservationIgnored private var isRounding = false
    @ObservationIgnored let attendance = Attendance()

    public init(phone: Phone) {
        self.phone = phone
        frames = Frames(phone: phone)
    }

    /// The screen that is shown.
    public var screen: Screen { (above.last ?? root).screen }
    /// The lowest screen.
    public var base: Screen { root.screen }

    /// The screens above the lowest one, by their ids, as a navigation stack wants them: made shorter, it goes back.
    public var path: [Int] {
        get { above.map(\.id) }
        set {
            guard !isBusy else { return }
            stand(on: root, above.filter { newValue.contains($0.id) })
        }
    }

    /// What stands at a place of the path, or stood there until the last change: it is still seen on its way out.
    public func screen(at id: Int) -> Screen? { (above + gone).first { $0.id == id }?.screen }

    /// The screens that led here, and this one.
    var way: [Screen] { [root.screen] + above.map(\.screen) }

    /// Encodes a frame as a file, for the photograph of a damage.
    public func photographs(by encode: @escaping @Sendable (Int, Int, Int, Data) -> Data) { frames.encode(by: encode) }

    /// Where the phone is, in words; may wait, and not for the main thread.
    public func places(by place: @escaping @Sendable () -> String?) { phone.places(by: place) }

    // Beginning

    /// Opens what was pinned, and comes back to `place`; see ``place``.
    public func start(at place: String = "") {
        guard !isStarted else { return }
        run {
            try $0.start()
        } then: { _ in
            self.isStarted = true
            self.home()
            self.restore(place)
            self.awoke()
        }
    }

    /// To the beginning: home, or the choice of a register.
    public func home() {
        tour = nil
        let there = phone.register != nil || phone.examples
        stand(on: made(there ? .home(examples: phone.examples) : .start), [])
    }

    // A tour

    /// The tasks that can be shown, by the keys of their titles.
    public var tasks: [String] { Tour.tasks.map(\.key) }

    /// Shows the screens of a task one after the other: whatever is tapped on one leads to the next.
    public func tour(_ task: String) {
        tour = Tour.tasks.first { $0.key == task }?.screens
        toured()
    }

    /// Whether the screen is one of a tour.
    public var isTouring: Bool { tour != nil && !above.isEmpty }

    public func toured() {
        guard let next = tour?.first else { return home() }
        tour?.removeFirst()
        stand(on: root, above + [made(next)])
    }

    /// A code of ours that the phone's own camera read.
    public func open(link: String) {
        guard isStarted, !isBusy else {
            waiting = link
            return
        }
        linked(link)
    }

    /// The app came to the front: what waits is sent, and the data brought up to date, without anybody being disturbed.
    public func awoke() {
        guard isStarted, !isRounding else { return }
        isRounding = true
        let phone = phone
        Task {
            _ = await phone.round()
            isRounding = false
        }
    }

    // Back and forth

    /// - Returns: whether there was somewhere to go back to.
    @discardableResult
    public func back() -> Bool {
        if isBusy { return true }
        guard !above.isEmpty else { return false }
        stand(on: root, above.dropLast())
        return true
    }

    func go(_ next: Screen) {
        if tour != nil { return toured() }
        stand(on: root, above + [made(next)])
    }

    /// Instead of the screen that is shown, which nobody comes back to.
    func put(_ next: Screen) {
        if let last = above.last {
            stand(on: root, above.dropLast() + [Step(id: last.id, screen: next)])
        } else {
            stand(on: Step(id: root.id, screen: next), [])
        }
    }

    /// Straight above home.
    func begin(with next: Screen) {
        stand(on: made(.home(examples: phone.examples)), [made(next)])
    }

    /// Back to a screen that was there before, as it is now.
    func returned(_ next: Screen) {
        guard let place = above.lastIndex(where: { $0.screen.isLike(next) }) else { return go(next) }
        stand(on: root, Array(above.prefix(place + 1)))
        put(next)
    }

    private func made(_ screen: Screen) -> Step {
        made += 1
        return Step(id: made, screen: screen)
    }

    /// Every change of the screen comes through here.
    private func stand(on root: Step, _ above: [Step]) {
        if self.root != root { self.root = root }
        if above.isEmpty { tour = nil }
        gone = self.above.filter { was in !above.contains { $0.id == was.id } }
        self.above = above
        if gone.contains(where: \.screen.isPicture) { phone.forgetPictures() }
        if case .camera(let camera) = screen { frames.look(for: camera.aim) } else { frames.look(for: nil) }
        moved()
    }

    // Registers

    public func scanRegister() { go(.camera(Camera(aim: .register, hint: "pin.point"))) }

    public func pin(_ register: Register) {
        run {
            try $0.pin(register)
        } then: { _ in
            self.home()
        }
    }

    public func tryExamples(database: URL, genesis: URL) {
        run {
            try $0.tryExamples(database: database, genesis: genesis)
        } then: { _ in
            self.home()
        }
    }

    public func leaveExamples() {
        run {
            try $0.leaveExamples()
        } then: { _ in
            self.home()
        }
    }

    // Settings

    public func preferences() {
        run {
            try $0.preferences()
        } then: {
            self.go(.preferences($0))
        }
    }

    public func use(node: String) {
        guard case .preferences(let shown, _) = screen else { return }
        run {
            try $0.wallet.setNode(address: node.trimmingCharacters(in: .whitespacesAndNewlines))
            return try $0.preferences()
        } otherwise: {
            self.put(.preferences(shown, wrong: $0.text))
        } then: {
            self.put(.preferences($0))
        }
    }

    /// Whether a courier wants the place said in what they sign.
    public func say(place: Bool) {
        guard case .preferences = screen else { return }
        run {
            try $0.say(place: place)
            return try $0.preferences()
        } then: {
            self.put(.preferences($0))
        }
    }

    public func sync() {
        run {
            try $0.sync()
            return try $0.preferences()
        } then: {
            if case .preferences = self.screen { self.put(.preferences($0)) }
        }
    }

    public func erasing() { go(.erasing) }

    public func erase() {
        run {
            try $0.erase()
        } then: { _ in
            self.home()
        }
    }

    // What a button of the core leads to

    /// - Returns: whether the app has to open the phone's settings for it.
    public func act(_ action: Action) -> Bool {
        switch action {
        case .back: back()
        case .retry:
            back()
            again()
        case .scan:
            back()
            if case .camera = screen { break }
            scanPack()
        case .follow(let link): follow(link)
        case .sync:
            let shown = screen
            run {
                try $0.sync()
            } then: { _ in
                self.recheck(shown)
            }
        case .enrol: put(.enrol())
        case .pin: home()
        case .setClock, .openSettings: return true
        }
        return false
    }

    // Faults

    /// The person or the phone does not let the app use the camera.
    public func cameraDenied() {
        guard case .camera = screen else { return }
        back()
        go(.faulty(faultScreen(fault: .cameraDenied)))
    }

    /// The camera does not open, or was taken by another app.
    public func cameraBusy() {
        guard case .camera(let camera) = screen else { return }
        back()
        again = {
            self.go(.camera(Camera(aim: camera.aim, hint: camera.hint, goods: camera.goods, offer: camera.offer)))
        }
        go(.faulty(faultScreen(fault: .cameraBusy)))
    }

    /// A call that waits, and then what it leads to. Taps meanwhile do nothing.
    ///
    /// - Parameter otherwise: what happens if the input is to blame; without it, that has a screen of its own like any fault.
    func run<T: Sendable>(
        _ call: @escaping @Sendable (Phone) throws -> T,
        otherwise: ((FaultScreen) -> Void)? = nil,
        then: @escaping (T) -> Void
    ) {
        if tour != nil { return toured() }
        guard !isBusy else { return }
        isBusy = true
        let phone = phone
        Task {
            do {
                let outcome = try await offTheMainThread { try call(phone) }
                isBusy = false
                again = {}
                then(outcome)
            } catch {
                isBusy = false
                again = { self.run(call, otherwise: otherwise, then: then) }
                failed(error, otherwise)
            }
            if let link = waiting, isStarted, !isBusy {
                waiting = nil
                linked(link)
            }
        }
    }

    func failed(_ error: any Error, _ otherwise: ((FaultScreen) -> Void)? = nil) {
        let fault: Fault
        var ofInput = false
        switch error {
        case let error as CountersignError:
            fault = .failed(error: error)
            switch error {
            case .Invalid, .Refused: ofInput = true
            default: break
            }
        case is NotPinned: fault = .notPinned
        case is KeyStoreError: fault = .failed(error: .KeyStoreFailed)
        // A file that cannot be read or written.
        default: fault = .failed(error: .Storage)
        }
        let there = faultScreen(fault: fault)
        if let otherwise, ofInput { otherwise(there) } else { go(.faulty(there)) }
    }
}
