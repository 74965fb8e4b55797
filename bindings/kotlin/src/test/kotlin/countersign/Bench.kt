package countersign

import countersign.core.Courier
import countersign.core.PackChecker
import countersign.core.UniffiLib
import countersign.core.UniffiRustCallStatus
import countersign.core.Wallet
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import java.nio.file.Path
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The cost of a call from Kotlin. Not a test: `tests/languages-bench` runs it. */
@Tag("bench")
class Bench {
    @TempDir
    lateinit var folder: Path

    @Test
    fun figures() = World(folder.resolve("world").toFile()).use { world ->
        val begun = System.nanoTime()
        val wallet = open(world)
        println("Kotlin: library loaded and an empty wallet opened: ${(System.nanoTime() - begun) / 1_000_000} ms")
        wallet.follow("https://id.gs1.org/01/09506000134352")
        runBlocking { wallet.sync().collect() }
        val again = System.nanoTime()
        open(world).close()
        println("Kotlin: a wallet opened again: ${(System.nanoTime() - again) / 1_000} µs")

        val (patient, courier) = PackChecker(wallet) to Courier(wallet, "nobody")
        val (pixel, frame) = ByteBuffer.allocateDirect(64) to ByteBuffer.allocateDirect(1280 * 720)
        val genuine = direct(world.frame("genuine.pgm"))
        cold("a call with a text in and a word out, cold") { courier.scanCode("?") }
        cold("a verdict, with its history, cold") { patient.checkCode(BoundaryTest.GENUINE) }
        val status = UniffiRustCallStatus()
        median("two empty calls: an object's handle is taken and given back", 200) {
            UniffiLib.uniffi_countersign_core_fn_free_patient(patient.uniffiCloneHandle(), status)
        }
        median("a call with a text in and a word out", 200) { courier.scanCode("?") }
        median("a verdict, with its history", 50) { patient.checkCode(BoundaryTest.GENUINE) }
        median("eight pixels a side, in a buffer of 64 bytes", 50) { patient.checkFrame(8u, 8u, 8u, pixel) }
        median("the same in a buffer of a 720p frame", 50) { patient.checkFrame(8u, 8u, 8u, frame) }
        median("a 720p frame with a pack, read and judged", 1) { patient.checkFrame(1280u, 720u, 1280u, genuine) }
        listOf(patient, courier, wallet).forEach { it.close() }
    }

    private fun open(world: World) =
        Wallet.open(folder.resolve("wallet.db").toString(), direct(world.genesis), world.node, SoftwareKeys())

    /**
     * The median of 201 runs of so many calls, after three seconds or more in which Java compiles them. JNA keeps memory for
     * each call until Java collects it, in a table that gets slower as it fills. So each run begins after a collection, as
     * for an app that calls now and then; and is repeated without one, as in a loop that does nothing else. The calling
     * thread's processor time excludes the work of other programs.
     */
    private fun median(what: String, calls: Int, call: () -> Unit) {
        val timed = { clock: () -> Long ->
            val begun = clock()
            repeat(calls) { call() }
            (clock() - begun).toDouble() / calls / 1000
        }
        val warm = System.nanoTime() + 3_000_000_000
        while (System.nanoTime() < warm) timed(System::nanoTime)
        val (wall, processor, loop) = listOf(
            List(201) { collect(); timed(System::nanoTime) },
            List(201) { collect(); timed(threads::getCurrentThreadCpuTime) },
            List(201) { timed(System::nanoTime) },
        ).map { it.sorted() }
        println(
            "Kotlin: %s: %.1f µs (fastest %.1f), on the processor %.1f; in a loop %.1f"
                .format(what, wall[100], wall[0], processor[100], loop[100]),
        )
    }

    private val threads = ManagementFactory.getThreadMXBean()

    private fun collect() {
        System.gc()
        Thread.sleep(20)
    }

    /** The cost of the first calls, before Java has compiled anything. */
    private fun cold(what: String, call: () -> Unit) {
        val micros = List(1_000) {
            val begun = System.nanoTime()
            call()
            (System.nanoTime() - begun) / 1000
        }
        val (few, many) = micros.subList(1, 11).sorted()[5] to micros.subList(900, 1_000).sorted()[50]
        println("Kotlin: $what: the first ${micros[0]} µs, median of the next ten $few, of the 900th to 1,000th $many")
    }
}
