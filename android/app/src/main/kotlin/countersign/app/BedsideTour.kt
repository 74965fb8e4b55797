package countersign.app

import countersign.app.Tour.NOON
import countersign.core.BadgeState
import countersign.core.BedsideBadge
import countersign.core.BedsideDevice
import countersign.core.BedsideLatest
import countersign.core.BedsideReading
import countersign.core.BedsideRegistered
import countersign.core.BedsideSent
import countersign.core.BedsideSignedIn
import countersign.core.BedsideWard
import countersign.core.BedsideWatch
import countersign.core.DeviceClass
import countersign.core.SentState
import countersign.core.commandScreen
import countersign.core.deviceScreen
import countersign.core.sessionScreen
import countersign.core.wardScreen

/** A nurse's screens with made-up content; what the core decides, it decides here too. */
object BedsideTour {
    private const val HOUR = 3_600_000uL
    private const val PUMP = "a107c4d2930b4e5f8c61d7e0f2a3b4c5"
    private const val ANA = "spiffe://meds.example/nurse/ana"
    const val GATEWAY = "spiffe://meds.example/bedside-gateway/north"

    private val good = BadgeState.Good(NOON + 8uL * HOUR)
    private val operations = listOf("read", "stream", "settings", "stop")

    fun device(badge: BadgeState? = good, inService: Boolean = true, permitted: List<String> = operations) = BedsideDevice(
        PUMP, BedsideRegistered(GATEWAY, DeviceClass.TREATMENT, inService, badge, permitted), NOON,
    )

    val unknown = BedsideDevice(PUMP, null, null)

    fun ward(vararg states: BadgeState, member: String? = ANA) =
        wardScreen(BedsideWard(member, states.map { BedsideBadge(GATEWAY, it) }, listOf(device())))

    fun reading(metric: String, value: String?, unit: String?, age: ULong = 900uL, stale: Boolean = false, absent: String? = null, doubt: String? = null) =
        BedsideLatest(BedsideReading(metric, value, unit, absent, doubt, 1u, 0u), age, stale)

    private val readings = listOf(
        reading("MDC_ECG_HEART_RATE", "72.0", "/min"), reading("MDC_FLOW_FLUID_PUMP", "12.5", "mL/h"), reading("MDC_TEMP_BODY", "36.8", "Cel", 240_000uL),
    )

    fun watch(readings: List<BedsideLatest> = this.readings, patient: UInt = 1001u) = BedsideWatch(
        PUMP, DeviceClass.TREATMENT, ANA, BedsideSignedIn(operations, patient, NOON + HOUR / 4uL), readings, 900uL, 0u, null, false, null,
    )

    private val choice = sessionScreen(watch()).commands.first { it.unit != null }
    val confirming = commandScreen(sessionScreen(watch()), choice, "12.5")
    val writing = BedsideScreen.Value(sessionScreen(watch()), choice, "12.5")

    fun sent(state: SentState) = watch().copy(sent = BedsideSent(confirming.command, state))

    fun session(watch: BedsideWatch) = BedsideScreen.Session(sessionScreen(watch))

    val SCREENS: List<Screen> = listOf(
        BedsideScreen.Ward(ward(good)), BedsideScreen.Device(deviceScreen(device())), session(watch()), writing, BedsideScreen.Command(confirming),
        session(sent(SentState.SHOWN)),
    )
}
