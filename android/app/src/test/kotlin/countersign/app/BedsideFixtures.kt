package countersign.app

import countersign.app.BedsideTour.GATEWAY
import countersign.app.BedsideTour.confirming
import countersign.app.BedsideTour.device
import countersign.app.BedsideTour.reading
import countersign.app.BedsideTour.sent
import countersign.app.BedsideTour.session
import countersign.app.BedsideTour.unknown
import countersign.app.BedsideTour.ward
import countersign.app.BedsideTour.watch
import countersign.app.BedsideTour.writing
import countersign.app.Tour.NOON
import countersign.core.BadgeState
import countersign.core.BedsideEnd
import countersign.core.CountersignException
import countersign.core.Fault
import countersign.core.SentState
import countersign.core.Text
import countersign.core.deviceScreen
import countersign.core.faultScreen

/** A nurse's screens. */
object BedsideFixtures {
    private val good = BadgeState.Good(NOON)
    private val password = Text("fault.invalid-password", emptyList())

    private fun at(device: countersign.core.BedsideDevice, wrong: Text? = null) = BedsideScreen.Device(deviceScreen(device), wrong)

    val SCREENS: Map<String, Screen> = linkedMapOf(
        "ward" to BedsideScreen.Ward(ward(good, BadgeState.Over(NOON))),
        "ward-begin" to BedsideScreen.Ward(ward()),
        "ward-nobody" to BedsideScreen.Ward(ward(member = null)),
        "ward-badge-new" to BedsideScreen.Ward(ward(BadgeState.Unknown)),
        "badge" to BedsideScreen.NewBadge("CSB1", Text("fault.invalid-password-short", emptyList())),
        "badge-password" to BedsideScreen.NewPassword(GATEWAY, ward(good).badges.first().title, password),
        "device" to at(device()),
        "device-wrong-password" to at(device(permitted = listOf("read", "stream", "break-glass")), password),
        "device-unknown" to at(unknown),
        "device-no-badge" to at(device(badge = null)),
        "device-badge-ended" to at(device(badge = BadgeState.Ended)),
        "device-retired" to at(device(inService = false)),
        "session" to session(watch()),
        "session-doubtful" to session(
            watch(
                listOf(
                    reading("MDC_PULS_OXIM_SAT_O2", "97", "%", doubt = "questionable"), reading("MDC_ECG_HEART_RATE", "72.0", "/min", 40_000uL, stale = true),
                    reading("MDC_RESP_RATE", null, null, absent = "not-a-number"), reading("12345", "7", null), reading("MDC_TEMP_BODY", "36.8", "Cel", doubt = "test"),
                ),
                patient = 0u,
            ).copy(silentMillis = 40_000uL, missed = 2u),
        ),
        "session-waiting" to session(watch(emptyList())),
        "session-sent" to session(sent(SentState.SENT)),
        "session-shown" to session(sent(SentState.SHOWN)),
        "session-not-shown" to session(sent(SentState.NOT_SHOWN)),
        "session-locked" to session(watch().copy(isLocked = true)).copy(wrong = password),
        "session-over" to session(watch().copy(end = BedsideEnd.TIME)),
        "session-cut" to session(watch().copy(end = BedsideEnd.CUT)),
        "session-badge-ended" to session(watch().copy(end = BedsideEnd.BADGE_ENDED)),
        "command-value" to BedsideScreen.Value(writing.session, writing.choice, "1.000", Text("fault.invalid-value", emptyList())),
        "command" to BedsideScreen.Command(confirming),
        "scan-badge" to Screen.Eye(Aim.BADGE, "ward.point-badge"),
        "type-device" to Screen.Typing(Aim.DEVICE, Text("fault.invalid-device", emptyList())),
        "fault-no-gateway" to Screen.Faulty(faultScreen(Fault.Failed(CountersignException.NoGateway()))),
    )
}
