package countersign

import countersign.core.CountersignException
import countersign.core.Courier
import countersign.core.InternalException
import countersign.core.KeyStoreException
import countersign.core.PackChecker
import countersign.core.RustBuffer
import countersign.core.UniffiLib
import countersign.core.UniffiNullRustCallStatusErrorHandler
import countersign.core.UniffiRustCallStatus
import countersign.core.VerdictKind
import countersign.core.Wallet
import countersign.core.drawCode
import java.lang.reflect.InvocationTargetException
import java.nio.ByteBuffer
import java.nio.file.Path
import java.util.concurrent.Callable
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** What the boundary itself must withstand: threads, prompts that wait, objects by the thousand. */
class BoundaryTest {
    @TempDir
    lateinit var folder: Path

    private fun open(keys: SoftwareKeys = SoftwareKeys()): Wallet =
        Wallet.open(folder.resolve("wallet.db").toString(), direct(world.genesis), world.node, keys)

    private fun synced(wallet: Wallet) = runBlocking {
        wallet.follow("https://id.gs1.org/01/09506000134352")
        wallet.sync().collect()
    }

    @Test
    fun `eight threads ask and sync at once`() = open().use { wallet ->
        synced(wallet)
        PackChecker(wallet).use { patient ->
            val threads = Executors.newFixedThreadPool(8)
            val asked = (0 until 8).map { number ->
                threads.submit(Callable {
                    (0 until 50).all {
                        if (number == 0) wallet.syncStep()
                        patient.checkCode(GENUINE).verdict == VerdictKind.AUTHENTIC
                    }
                })
            }
            assertTrue(asked.all { it.get(60, TimeUnit.SECONDS) })
            threads.shutdown()
        }
    }

    @Test
    fun `a prompt that waits for a person holds nobody else up`() {
        val keys = SoftwareKeys()
        open(keys).use { wallet ->
            synced(wallet)
            PackChecker(wallet).use { patient ->
                // Called from another thread during the prompt: with a lock held across it, this would hang.
                keys.whileSigning = {
                    val other = Executors.newSingleThreadExecutor()
                    val verdict = other.submit(Callable { wallet.syncStep(); patient.checkCode(GENUINE).verdict })
                    assertEquals(VerdictKind.AUTHENTIC, verdict.get(10, TimeUnit.SECONDS))
                    other.shutdown()
                }
                wallet.enrol("signing", world.ask("code pharmacy waiting"))
            }
        }
    }

    @Test
    fun `a coroutine that is cancelled takes its prompt with it`() {
        val keys = SoftwareKeys()
        val (prompted, interrupted) = CountDownLatch(1) to CountDownLatch(1)
        keys.whileSigning = {
            prompted.countDown()
            try {
                Thread.sleep(60_000)
            } catch (_: InterruptedException) {
                interrupted.countDown()
                throw KeyStoreException.Cancelled()
            }
        }
        open(keys).use { wallet ->
            runBlocking {
                val enrolling = launch { wallet.enrolled("signing", world.ask("code pharmacy hesitant")) }
                withContext(Dispatchers.IO) { assertTrue(prompted.await(10, TimeUnit.SECONDS)) }
                withTimeout(10_000) { enrolling.cancelAndJoin() }
            }
            assertEquals(0, interrupted.count)
            assertEquals(emptyList<Any>(), wallet.memberships())
            keys.whileSigning = {}
            assertEquals("signing", wallet.enrol("signing", world.ask("code pharmacy hesitant")).membership.key)
        }
    }

    @Test
    fun `a courier's calls and a sync do not end each other`() = open().use { wallet ->
        synced(wallet)
        wallet.enrol("signing", world.ask("code courier busy"))
        Courier(wallet, "signing").use { courier ->
            val units = (0 until 8).map { "https://id.gs1.org/00/${sscc(it)}" }
            world.ask("offer ${units[0]}")
            val threads = Executors.newFixedThreadPool(2)
            val growing = AtomicBoolean(true)
            val synced = threads.submit(Callable {
                var rounds = 0
                while (growing.get()) runBlocking { wallet.sync().collect() }.also { rounds++ }
                rounds
            })
            val loaded = threads.submit(Callable {
                var loads = 0
                while (growing.get()) {
                    // Another call was quicker: that is not an error, and the next call continues from there.
                    val again = runCatching { courier.load(units[0]) }.exceptionOrNull()
                    assertTrue(again == null || again is CountersignException.Retry, "$again")
                    if (again == null) loads++
                }
                loads
            })
            // The ledger grows meanwhile, so that both calls advance the wallet.
            for (unit in units) world.ask("offer $unit")
            growing.set(false)
            assertTrue(synced.get(60, TimeUnit.SECONDS) > 0 && loaded.get(60, TimeUnit.SECONDS) > 0)
            threads.shutdown()
            assertEquals(listOf(units[0]), courier.goods().map { it.link })
        }
    }

    /** A logistic unit by its number, with its check digit. */
    private fun sscc(number: Int): String {
        val digits = "095060001343529%02d".format(number)
        val sum = digits.reversed().mapIndexed { place, digit -> digit.digitToInt() * if (place % 2 == 0) 3 else 1 }.sum()
        return "$digits${(10 - sum % 10) % 10}"
    }

    @Test
    fun `a closed object says so instead of crashing`() {
        val wallet = open()
        wallet.close()
        assertThrows(IllegalStateException::class.java) { wallet.knowledge() }
    }

    @Test
    fun `a malformed frame is refused`() {
        val frame = ByteBuffer.allocateDirect(10)
        open().use { wallet ->
            PackChecker(wallet).use { patient ->
                assertThrows(CountersignException.Invalid::class.java) { patient.checkFrame(640u, 480u, 640u, frame) }
            }
        }
    }

    @Test
    fun `a panic in the core is an exception and not the end of the process`() {
        // An input that no app can pass: a text of five bytes at a null pointer.
        val status = UniffiRustCallStatus()
        UniffiLib.uniffi_countersign_core_fn_func_draw_code(RustBuffer.create(0uL, 5uL, null), 4, status)
        assertTrue(status.isPanic())
        // What every generated call does with a status.
        val check = Class.forName("countersign.core.Countersign_coreKt").declaredMethods
            .first { it.name == "uniffiCheckCallStatus" }
            .apply { isAccessible = true }
        val thrown = assertThrows(InvocationTargetException::class.java) {
            check.invoke(null, UniffiNullRustCallStatusErrorHandler, status)
        }
        assertTrue(thrown.cause is InternalException, "$thrown")
        assertEquals(drawCode("CS1:AB", 4u).height, drawCode("CS1:AB", 4u).width)
    }

    @Test
    fun `ten thousand objects leave nothing behind`() = open().use { wallet ->
        val pair = {
            PackChecker(wallet).use { patient -> runCatching { patient.checkCode("no code") } }
            Courier(wallet, "nobody").use { courier -> runCatching { courier.scanCode("no code") } }
        }
        val few = { repeat(1_000) { pair() } }
        val wallets = { repeat(50) { open().close() } }
        few()
        wallets()
        val before = resident()
        repeat(5) { few() }
        repeat(4) { wallets() }
        val grown = resident() - before
        assertTrue(grown < 30_000, "grown by $grown kB")
    }

    /** Memory of this process in kB, outside the Java heap as well. */
    private fun resident(): Long {
        System.gc()
        val line = java.io.File("/proc/self/status").readLines().first { it.startsWith("VmRSS") }
        return line.filter { it.isDigit() }.toLong()
    }

    companion object {
        const val GENUINE = "(01)09506000134352(17)351130(10)L1(21)S001"

        @TempDir
        @JvmStatic
        lateinit var place: Path
        lateinit var world: World

        @BeforeAll
        @JvmStatic
        fun begin() {
            world = World(place.resolve("world").toFile())
        }

        @AfterAll
        @JvmStatic
        fun end() = world.close()
    }
}
