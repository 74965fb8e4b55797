package countersign

import countersign.core.Condition
import countersign.core.Courier
import countersign.core.CountersignException
import countersign.core.Delivery
import countersign.core.Scan
import countersign.core.Wallet
import java.io.File
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.json.JSONArray
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** An app that is killed loses nothing that it has confirmed to the person. */
class KilledTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `what was acknowledged before a kill is there afterwards and arrives`() {
        val place = folder.toFile()
        val keys = File(place, "keys").apply { mkdir() }
        World(File(place, "world")).use { world ->
            open(place, world).use { it.enrol("signing", world.ask("code courier killed")) }
            assertTrue(File(keys, "signing").exists())
            for (number in UNITS.indices) {
                val codes = world.ask("offer https://id.gs1.org/00/${UNITS[number]}")
                File(place, "offer$number").writeText(codes)
            }
            // Between the prompt and the answer, right after the answer, and while sending.
            val killedAt = listOf("signing 1", "answered 3", "sending")
            val acknowledged = killedAt.flatMap { point -> runUntil(point, place, world) }
            val answered = acknowledged.filter { it.startsWith("answered") }
            assertTrue(answered.size >= 4, "$acknowledged")

            open(place, world).use { wallet ->
                Courier(wallet, "signing").use { courier ->
                    val kept = courier.goods().map { it.link.substringAfter("/00/") }.toSet()
                    val confirmed = answered.map { UNITS[it.substringAfter(' ').toInt()] }.toSet()
                    assertEquals(confirmed, kept, "what was confirmed, and what is there")
                    val rounds = runBlocking { courier.delivery().toList() }
                    assertEquals(0uL, rounds.last().waiting)
                    assertEquals(emptyList<Delivery>(), courier.outbox().map { it.delivery })
                    // Proven by the node, not only gone from the outbox.
                    for (unit in kept) assertTrue(courier.load("(00)$unit").holder!!.endsWith("/courier/killed"))
                }
            }
        }
    }

    /** Runs a courier in a process of its own, and kills it once it says [point]. What it said until then. */
    private fun runUntil(point: String, place: File, world: World): List<String> {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val library = "-Djna.library.path=${System.getProperty("jna.library.path")}"
        val classes = System.getProperty("java.class.path")
        val process = ProcessBuilder(java, library, "-cp", classes, "countersign.KilledTestKt", place.path, world.node)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
        val said = mutableListOf<String>()
        process.inputStream.bufferedReader().useLines { lines ->
            for (line in lines) {
                said += line
                // By its handle, so that its output can still be read.
                if (line == point) process.toHandle().destroyForcibly()
            }
        }
        assertTrue(process.waitFor(60, TimeUnit.SECONDS))
        assertTrue(point in said, "$said")
        assertEquals(128 + 9, process.exitValue(), "killed, and not ended")
        return said
    }

    private fun open(place: File, world: World) = open(place, world.node, SoftwareKeys(File(place, "keys")))
}

/** Logistic units, by their SSCC. */
private val UNITS = listOf(
    "095060001343520109", "095060001343520116", "095060001343520123",
    "095060001343520130", "095060001343520147", "095060001343520154",
)

private fun open(place: File, node: String, keys: SoftwareKeys): Wallet {
    val genesis = direct(File(place, "world/genesis.json").readBytes())
    return Wallet.open(File(place, "wallet.db").path, genesis, node, keys)
}

/** The process that is killed: answers each offer that it has not answered, says so, and sends. */
fun main(arguments: Array<String>) {
    val (place, node) = File(arguments[0]) to arguments[1]
    val keys = SoftwareKeys(File(place, "keys"))
    val wallet = open(place, node, keys)
    val courier = Courier(wallet, "signing")
    val held = courier.goods().map { it.link }
    for ((number, unit) in UNITS.withIndex()) {
        if (held.any { it.endsWith(unit) }) continue
        keys.whileSigning = { say("signing $number") }
        val codes = JSONArray(File(place, "offer$number").readText()).map { it as String }
        val offered = codes.firstNotNullOf { courier.scanCode(it) as? Scan.Offered }
        courier.answer(offered.offer.message, listOf("(00)$unit"), Condition.Intact, null)
        say("answered $number")
    }
    say("sending")
    try {
        while (courier.send().waiting > 0u) Thread.sleep(50)
    } catch (_: CountersignException.Retry) {
        // The next run continues.
    }
    say("sent")
    Thread.sleep(60_000)
}

/** Then waits at the points where it is killed, so that the kill comes there and not later. Sending goes on meanwhile. */
private fun say(line: String) {
    println(line)
    System.out.flush()
    if (line == "signing 1" || line == "answered 3") Thread.sleep(500)
}
