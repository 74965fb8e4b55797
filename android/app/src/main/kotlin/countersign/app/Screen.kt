package countersign.app

import countersign.core.Carried
import countersign.core.FaultScreen
import countersign.core.Handover
import countersign.core.HandoverScreen
import countersign.core.Kept
import countersign.core.Offer
import countersign.core.OfferScreen
import countersign.core.OutgoingScreen
import countersign.core.Register
import countersign.core.Settings
import countersign.core.Text
import countersign.core.VerdictScreen

/** What the person sees, with everything that it shows: a screen is drawn from this alone. */
sealed interface Screen {
    /** Whether it shows somebody's health, and so is kept out of screenshots and recordings. */
    val isPrivate: Boolean get() = false

    /** Nothing is pinned yet. */
    data object Start : Screen

    /** A register, whose words are to be compared. */
    data class Pin(val register: Register) : Screen

    /** Where everything begins. */
    data class Home(val examples: Boolean) : Screen

    /** The camera. */
    data class Eye(
        val aim: Aim,
        val hint: String,
        val have: Int = 0,
        val need: Int = 0,
        val goods: List<String> = emptyList(),
        val offer: Offer? = null,
        val light: Boolean = false,
    ) : Screen {
        override val isPrivate get() = aim == Aim.PACK
    }

    /** A code is typed. [wrong] is why the last one could not be used. */
    data class Typing(val aim: Aim, val wrong: Text? = null) : Screen

    data class Verdict(val screen: VerdictScreen, val kept: Boolean = false) : Screen {
        override val isPrivate get() = true
    }

    /** What an answer rests on. */
    data class Rests(val lines: List<Text>, val damaged: Boolean, val contradictions: Boolean) : Screen

    data class Medicines(val packs: List<Kept>) : Screen {
        override val isPrivate get() = true
    }

    data class Carry(val goods: List<Carried>, val pending: List<Handover>, val outgoing: Int) : Screen

    data class Enrol(val wrong: Text? = null) : Screen

    /** An offer that was read, with the goods that were scanned. */
    data class Offered(val offer: Offer, val screen: OfferScreen, val goods: List<String>) : Screen

    data class Refusing(val offer: Offer, val goods: List<String>) : Screen

    /** Codes for the other phone. */
    data class Showing(val handover: Handover, val screen: HandoverScreen, val paceMillis: Long = 200) : Screen

    /** Both hold the proof. */
    data class Done(val goods: Text) : Screen

    data class Outbox(val entries: List<OutgoingScreen>) : Screen

    data class Preferences(val settings: Settings, val wrong: Text? = null) : Screen

    data object Erasing : Screen

    data class Faulty(val screen: FaultScreen) : Screen
}

/** What the camera looks for. */
enum class Aim { REGISTER, PACK, TAKE, DAMAGE, ANSWER, LOAD }
