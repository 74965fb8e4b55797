package countersign.app

import countersign.core.AccessMark
import countersign.core.AccessScreen
import countersign.core.AuthorityAddress
import countersign.core.Bedside
import countersign.core.Clinician
import countersign.core.Courier
import countersign.core.Domains
import countersign.core.KeyStore
import countersign.core.PackChecker
import countersign.core.Records
import countersign.core.Register
import countersign.core.SyncStep
import countersign.core.Wallet
import countersign.core.accessesScreen
import countersign.core.authorityAddress
import countersign.core.eraseWallet
import countersign.core.register
import java.io.File
import java.io.InputStream
import java.nio.ByteBuffer

/** The core's objects on this phone, and the files that they lie in. Its calls wait: not for the main thread. */
class Phone(private val folder: File, private val keys: KeyStore) : AutoCloseable {
    /** The register that is pinned. */
    var register: Register? = null
        private set

    /** Whether it is the built-in one with examples. */
    var examples = false
        private set

    private var opened: Opened? = null

    private class Opened(val wallet: Wallet, folder: File) : AutoCloseable {
        val checker = PackChecker(wallet)
        val courier = Courier(wallet, KEY)
        val records = Records(wallet)
        val bedside = Bedside(wallet, KEY)
        val domains = Domains(wallet, KEY, File(folder, DOMAINS).path)
        var clinician: Clinician? = null

        override fun close() {
            clinician?.close()
            domains.close()
            bedside.close()
            records.close()
            courier.close()
            checker.close()
            wallet.close()
        }
    }

    val wallet: Wallet get() = open().wallet
    val checker: PackChecker get() = open().checker
    val courier: Courier get() = open().courier
    val records: Records get() = open().records
    val bedside: Bedside get() = open().bedside
    val domains: Domains get() = open().domains

    /** Who asks for records of patients: a member who has scanned the code of their house. */
    @Synchronized
    fun clinician(): Clinician? {
        val there = authority().takeIf { isMember() } ?: return null
        val opened = open()
        return opened.clinician ?: Clinician(opened.wallet, KEY, there.identity, there.address, there.roots).also { opened.clinician = it }
    }

    /** The attribute authority of the person's house. */
    fun authority(): AuthorityAddress? =
        File(folder, AUTHORITY).takeIf { it.exists() }?.let { authorityAddress(direct(it.readBytes())) }

    @Synchronized
    fun useAuthority(chosen: AuthorityAddress) {
        File(folder, AUTHORITY).writeBytes(chosen.message)
        opened?.run {
            clinician?.close()
            clinician = null
        }
    }

    /** The name by which patients know this phone's member. */
    var name: String
        get() = File(folder, NAME).takeIf { it.exists() }?.readText().orEmpty()
        set(given) = File(folder, NAME).writeText(given)

    /** A file for an image, of which there is one at a time. */
    fun picture(name: String): File {
        forgetPictures()
        return File(File(folder, PICTURES).apply { mkdirs() }, name)
    }

    /** An image is in a file only while somebody looks at it. */
    fun forgetPictures() {
        File(folder, PICTURES).deleteRecursively()
    }

    /** Reads what was pinned. A register that is damaged is none: the person scans it again. */
    fun start() {
        forgetPictures()
        val (node, genesis) = File(folder, NODE) to File(folder, GENESIS)
        if (!node.exists() || !genesis.exists()) return
        register = register(node.readText(), direct(genesis.readBytes()))
    }

    /** Whether the courier wants the place said in what they sign. */
    var saysPlace: Boolean
        get() = File(folder, PLACE).exists()
        set(on) {
            if (on) File(folder, PLACE).createNewFile() else File(folder, PLACE).delete()
        }

    /** Of what the person was told. */
    private val told: List<String> get() = File(folder, TOLD).takeIf { it.exists() }?.readLines().orEmpty()

    /** Requests for the person's own records that they have not been told of: emergencies, and what waits for their answer. */
    fun requests(): List<AccessScreen> = records.all().filter { it.published }
        .flatMap { accessesScreen(records.accesses(it.id)).list }
        .filter { it.mark == AccessMark.EMERGENCY || it.mark == AccessMark.WAITING }
        .filter { it.thread !in told }

    /** They were told of a request. */
    fun told(thread: String) = File(folder, TOLD).writeText((told.takeLast(TOLD_MOST) + thread).joinToString("\n"))

    /** Pins a register whose words a person has compared. */
    @Synchronized
    fun pin(chosen: Register) {
        close()
        folder.mkdirs()
        File(folder, GENESIS).writeBytes(chosen.genesis)
        // Last: a register without its address is none.
        File(folder, NODE).writeText(chosen.node)
        register = chosen
    }

    /** Opens the examples, whose database and genesis are built into the app. */
    @Synchronized
    fun tryExamples(database: InputStream, genesis: ByteArray) {
        close()
        val place = File(folder, EXAMPLES).apply { deleteRecursively(); mkdirs() }
        val copy = File(place, DATABASE)
        database.use { from -> copy.outputStream().use { from.copyTo(it) } }
        opened = Opened(Wallet.openExamples(copy.path, direct(genesis), keys), place)
        examples = true
    }

    @Synchronized
    fun leaveExamples() {
        close()
        File(folder, EXAMPLES).deleteRecursively()
    }

    /** Where files lie that were sent, for as long as others may read them. */
    val sent: File get() = File(folder, SENT)

    /** Erases every key, every secret and every file. */
    @Synchronized
    fun erase() {
        close()
        eraseWallet(File(folder, DATABASE).path, keys)
        folder.deleteRecursively()
        register = null
    }

    /** Whether this phone signs for a member. */
    fun isMember(): Boolean = !examples && wallet.memberships().any { it.key == KEY }

    /** Brings the wallet up to date: steps until it is, or until [going] says no. */
    fun sync(going: () -> Boolean = { true }) {
        while (going()) {
            when (val step = wallet.syncStep()) {
                is SyncStep.Done -> {
                    // What may be kept no longer goes as soon as that is known.
                    clinician()?.tidy()
                    return
                }
                is SyncStep.Waiting -> Thread.sleep(step.afterMillis.toLong().coerceAtMost(LONGEST_WAIT))
                is SyncStep.Progress -> {}
            }
        }
    }

    @Synchronized
    private fun open(): Opened {
        opened?.let { return it }
        val pinned = register ?: throw NotPinned()
        folder.mkdirs()
        val wallet = Wallet.open(File(folder, DATABASE).path, direct(pinned.genesis), pinned.node, keys)
        return Opened(wallet, folder).also { opened = it }
    }

    @Synchronized
    override fun close() {
        opened?.close()
        opened = null
        examples = false
    }

    /** Nothing can be asked before a register is pinned. */
    class NotPinned : Exception()

    companion object {
        /** The key's name. */
        const val KEY = "signing"
        private const val NODE = "register.node"
        private const val GENESIS = "register.json"
        private const val AUTHORITY = "authority"
        private const val NAME = "name"
        private const val PLACE = "place"
        private const val SENT = "sent"
        private const val TOLD = "told"
        private const val PICTURES = "pictures"
        private const val DOMAINS = "domains"

        /** More than wait at one time. */
        private const val TOLD_MOST = 1000
        private const val DATABASE = "wallet.db"
        private const val EXAMPLES = "examples"
        private const val LONGEST_WAIT = 10_000L
    }
}

/** Bytes where the core can read them without a copy. */
fun direct(bytes: ByteArray): ByteBuffer = ByteBuffer.allocateDirect(bytes.size).put(bytes).flip() as ByteBuffer
