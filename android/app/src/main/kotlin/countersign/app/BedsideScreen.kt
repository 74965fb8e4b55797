package countersign.app

import countersign.core.CommandChoice
import countersign.core.CommandScreen
import countersign.core.DeviceScreen
import countersign.core.SessionScreen
import countersign.core.Text
import countersign.core.WardScreen

/** A nurse at a bed. All are private: a badge's code is the badge. */
sealed interface BedsideScreen : Screen {
    override val isPrivate get() = true

    /** The badges, and devices that were met. */
    data class Ward(val screen: WardScreen) : BedsideScreen

    /** A badge was scanned, and gets a password. */
    data class NewBadge(val badge: String, val wrong: Text? = null) : BedsideScreen

    /** A badge gets another password. */
    data class NewPassword(val gateway: String, val title: Text, val wrong: Text? = null) : BedsideScreen

    /** A device to sign in at. */
    data class Device(val screen: DeviceScreen, val wrong: Text? = null) : BedsideScreen

    /** What is seen of a session. */
    data class Session(val screen: SessionScreen, val wrong: Text? = null) : BedsideScreen

    /** A value is typed; what was typed stays, also while the screen is locked. */
    class Value(val session: SessionScreen, val choice: CommandChoice, var typed: String = "", val wrong: Text? = null) : BedsideScreen

    /** A command is confirmed. */
    data class Command(val screen: CommandScreen, val wrong: Text? = null) : BedsideScreen
}
