package countersign.app

import countersign.core.AccessesScreen
import countersign.core.AskChoice
import countersign.core.AskScreen
import countersign.core.Carried
import countersign.core.DocumentScreen
import countersign.core.FaultScreen
import countersign.core.Handover
import countersign.core.HandoverScreen
import countersign.core.ImageScreen
import countersign.core.Kept
import countersign.core.Offer
import countersign.core.OfferScreen
import countersign.core.OutgoingScreen
import countersign.core.ProofFile
import countersign.core.ProofScreen
import countersign.core.RecordScreen
import countersign.core.Register
import countersign.core.ReportLine
import countersign.core.RequestScreen
import countersign.core.Scanned
import countersign.core.SectionScreen
import countersign.core.Seen
import countersign.core.Settings
import countersign.core.SharedLinkScreen
import countersign.core.Text
import countersign.core.VerdictScreen
import java.io.File

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
        override val isPrivate get() = aim == Aim.PACK || aim == Aim.RECORD || aim == Aim.BADGE
    }

    /** A code is typed. [wrong] is why the last one could not be used. */
    data class Typing(val aim: Aim, val wrong: Text? = null) : Screen

    /** [seen] is what this phone knows of the pack from before; [reports] whether a suspicion can be reported. */
    data class Verdict(val screen: VerdictScreen, val kept: Boolean = false, val seen: Seen = Seen(null, null), val reports: Boolean = false) : Screen {
        override val isPrivate get() = true
    }

    /** What an answer rests on. */
    data class Rests(val lines: List<Text>, val damaged: Boolean, val contradictions: Boolean) : Screen

    data class Medicines(val packs: List<Kept>) : Screen {
        override val isPrivate get() = true
    }

    /** What was scanned, if the person wants it remembered. */
    data class History(val scans: List<Scanned>, val on: Boolean) : Screen {
        override val isPrivate get() = true
    }

    /** A suspicion about a pack is written. */
    class Reporting(val link: String, val product: Text, val photograph: ByteArray? = null, val wrong: Text? = null) : Screen {
        override val isPrivate get() = true
    }

    data class Reports(val list: List<ReportLine>) : Screen {
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
    data class Done(val goods: Text, val link: String) : Screen

    /** Proof of a delivery, in words and as a [file]; an example has none. */
    data class Proof(val screen: ProofScreen, val file: ProofFile?) : Screen

    data class Outbox(val entries: List<OutgoingScreen>) : Screen

    data class Preferences(val settings: Settings, val place: Boolean = false, val wrong: Text? = null) : Screen

    data object Erasing : Screen

    /** Medical records. All are private, codes of a record among them: a picture of one is the code itself. */
    sealed interface Medical : Screen {
        override val isPrivate get() = true
    }

    /** Medical records: the person's own, and those of patients, for those who signed in and scanned their house's code. */
    data class Records(val own: List<RecordScreen>, val clinic: Clinic?) : Medical

    /** What somebody who treats patients has asked for; [patients] are the records whose codes were scanned. */
    data class Clinic(val patients: List<String>, val requests: List<RequestScreen>)

    /** A record of one's own. */
    data class Record(val screen: RecordScreen, val document: DocumentScreen?, val wrong: Text? = null) : Medical

    /** A document. Its images come [of] where it is from. */
    data class Document(val screen: DocumentScreen, val of: Source? = null) : Medical

    /** Where a document is from: the person's own record, or what a request opened. */
    sealed interface Source {
        data class Own(val record: String) : Source

        data class Asked(val thread: String) : Source
    }

    /** An image. Its file is there only while somebody looks at it. */
    data class Picture(val image: ImageScreen, val file: File) : Medical

    /** The record's secret, to be written down. */
    data class Paper(val lines: List<String>) : Medical

    /** A record is restored from its paper. */
    data class Restoring(val wrong: Text? = null) : Medical

    /** Some parts are opened to somebody: to whoever fits a policy that is typed, or to the one who asked by [thread]. */
    data class Sharing(val record: String, val sections: List<SectionScreen>, val thread: String?, val wrong: Text? = null) : Medical

    data class Accesses(val record: String, val screen: AccessesScreen) : Medical

    /** A code to show, with what it is for. */
    data class Code(val title: String, val text: String, val code: String) : Medical

    /** Links for doctors without this app. A picture of one is the link itself. */
    sealed interface ByLink : Medical

    data class Links(val record: String, val links: List<SharedLinkScreen>) : ByLink

    /** A link is made. */
    data class Linking(val record: String, val sections: List<SectionScreen>, val wrong: Text? = null) : ByLink

    data class Linked(val record: String, val screen: SharedLinkScreen) : ByLink

    data class RecordErasing(val record: String) : Medical

    /** What may be asked for of a patient's record. */
    data class Asking(val screen: AskScreen) : Medical

    /** A request is written. */
    data class AskingFor(val record: String, val choice: AskChoice, val name: String, val wrong: Text? = null) : Medical

    data class Faulty(val screen: FaultScreen) : Screen
}

/** What the camera looks for. */
enum class Aim { REGISTER, DOMAIN, GREETING, AUTHORITY, RECORD, BADGE, DEVICE, PACK, TAKE, DAMAGE, ANSWER, LOAD }
