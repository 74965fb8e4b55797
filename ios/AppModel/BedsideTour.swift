import Countersign

/// A nurse's screens with made-up content; what the core decides, it decides here too.
enum BedsideTour {
    private static let noon: UInt64 = 1_795_694_400_000
    private static let hour: UInt64 = 3_600_000
    private static let pump = "a107c4d2930b4e5f8c61d7e0f2a3b4c5"
    private static let ana = "spiffe://meds.example/nurse/ana"
    private static let gateway = "spiffe://meds.example/bedside-gateway/north"
    private static let operations = ["read", "stream", "settings", "stop"]
    private static let good = BadgeState.good(untilMillis: noon + 8 * hour)

    private static let device = BedsideDevice(
        device: pump,
        registered: BedsideRegistered(
            gateway: gateway, class: .treatment, inService: true, badge: good, operations: operations),
        metMillis: noon)

    private static let ward = BedsideWard(
        member: ana, badges: [BedsideBadge(gateway: gateway, state: good)], met: [device])

    private static func reading(_ metric: String, _ value: String, _ unit: String) -> BedsideLatest {
        let reading = BedsideReading(
            metric: metric, value: value, unit: unit, absent: nil, doubt: nil, number: 1, missed: 0)
        return BedsideLatest(reading: reading, ageMillis: 900, isStale: false)
    }

    private static func session(_ sent: BedsideSent? = nil) -> SessionScreen {
        let signedIn = BedsideSignedIn(operations: operations, patient: 1001, untilMillis: noon + hour / 4)
        let readings = [
            reading("MDC_ECG_HEART_RATE", "72.0", "/min"), reading("MDC_FLOW_FLUID_PUMP", "12.5", "mL/h"),
        ]
        return sessionScreen(
            watch: BedsideWatch(
                device: pump, class: .treatment, member: ana, signedIn: signedIn, readings: readings,
                silentMillis: 900, missed: 0, sent: sent, isLocked: false, end: nil))
    }

    static let screens: [Screen] = {
        let there = session()
        var screens: [AtBed] = [
            .ward(wardScreen(ward: ward)), .device(deviceScreen(device: device)), .session(there),
        ]
        if let choice = there.commands.first(where: { $0.unit != nil }),
            let command = try? commandScreen(session: there, choice: choice, typed: "12.5")
        {
            let sent = BedsideSent(command: command.command, state: .shown)
            screens += [.value(there, choice), .command(command), .session(session(sent))]
        }
        return screens.map { .atBed($0) }
    }()
}
