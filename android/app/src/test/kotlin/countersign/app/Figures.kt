package countersign.app

import android.os.Looper
import countersign.SoftwareKeys
import countersign.core.drawCode
import countersign.core.register
import countersign.core.registerCodes
import java.io.File
import java.lang.management.ManagementFactory
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/**
 * What the app costs, on this machine and under Robolectric: a phone's own drawing, camera and key store are not in it. Not a
 * test: `android/app/figures` runs it.
 */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = [34], qualifiers = "en-rGB-w360dp-h780dp-notnight-xhdpi")
class Figures {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun all() = World(folder.newFolder("world")).use { world ->
        val before = resident()
        var ann = person("ann", world)
        ann.tap("home.scan")
        ann.hold(world.frame("genuine.pgm"))
        ann.tap("settings.sync")
        told("memory that the app adds to an empty process, with one product followed", "MB", resident() - before)
        frames(ann, world)
        ann = starts(ann)
        handover(world)
        background(world)
        ann.close()
    }

    private fun person(name: String, world: World) = Person(folder.newFolder(name)).apply {
        tap("start.pin")
        holdCodes(registerCodes(world.node, direct(world.genesis)))
        tap("pin.confirm")
    }

    /** From a frame with a pack in it to a screen that says the verdict, drawn. */
    private fun frames(ann: Person, world: World) {
        val frame = world.frame("genuine.pgm")
        val times = List(RUNS) {
            ann.model.home()
            ann.tap("home.scan")
            timed {
                ann.hold(frame)
                check(ann.model.screen is Screen.Verdict)
                ann.activity.window.decorView.drawn()
            }
        }
        told("a frame to its verdict on the screen, drawn", "ms", median(times))
        fun checks() = repeat(500) { ann.model.check("(01)09506000134352(17)351130(10)L1(21)S001"); ann.settle() }
        // What Java takes for itself in the beginning is not what the app leaves behind.
        checks()
        val memory = resident()
        checks()
        told("memory that 500 more verdicts leave behind", "MB", resident() - memory)
    }

    /** From the start of the app in a process that is there, to a first screen, drawn. */
    private fun starts(ann: Person): Person {
        var there = ann
        val times = List(RUNS) {
            there.close()
            timed {
                there = there.startedAgain()
                there.sees("home.scan")
                there.activity.window.decorView.drawn()
            }
        }
        told("a start to the first screen, drawn", "ms", median(times))
        there.tap("home.scan")
        return there
    }

    private fun handover(world: World) {
        val codes = world.offer("https://id.gs1.org/00/095060001343520017")
        val times = List(5) { round ->
            val bob = person("bob$round", world)
            bob.tap("home.carry")
            bob.type(world.ask("code courier bob$round"))
            bob.tap("enrol.do")
            bob.tap("carry.take-over")
            bob.tap("scan.type")
            bob.type("(00)095060001343520017")
            bob.tap("scan.check")
            val frames = codes.map { code -> drawCode(code, 4u).let { Frame(it.width.toInt(), it.height.toInt(), it.luma) } }
            val time = timed {
                for (frame in frames) if (bob.model.screen is Screen.Eye) bob.hold(frame)
                bob.tap("take.intact")
                bob.activity.window.decorView.drawn()
            }
            check(bob.model.screen is Screen.Showing)
            bob.close()
            time
        }
        told("a handover's ${codes.size} codes read, accepted, signed and the answer drawn", "ms", median(times))
        told("the same as two phones do it, with 200 ms for each code", "ms", median(times) + codes.size * 200)
    }

    /** A round every six hours, with a product, a pack and a membership, and nothing new. */
    private fun background(world: World) {
        Phone(folder.newFolder("sleeping"), SoftwareKeys()).use { phone ->
            phone.pin(register(world.node, direct(world.genesis)))
            phone.wallet.keep("(01)09506000134352(17)351130(10)L1(21)S001")
            check(SyncJob.round(phone) { true })
            val (requests, bytes, cpu) = Triple(world.requests(), received(), cpu())
            repeat(ROUNDS) { check(SyncJob.round(phone) { true }) }
            fun each(total: Double) = total / ROUNDS
            told("a round in the background with nothing new", "requests", each((world.requests() - requests).toDouble()))
            told("a round in the background with nothing new", "kB, all of this machine's own network", each((received() - bytes) / 1000.0))
            told("a round in the background with nothing new", "ms of processor", each((cpu() - cpu) / 1e6))
            told("rounds an hour", "", 1 / 6.0)
        }
    }

    private fun timed(act: () -> Unit): Double {
        shadowOf(Looper.getMainLooper()).idle()
        val begun = System.nanoTime()
        act()
        return (System.nanoTime() - begun) / 1e6
    }

    private fun median(times: List<Double>) = times.sorted()[times.size / 2]

    private fun cpu() = ManagementFactory.getThreadMXBean().currentThreadCpuTime

    private fun resident(): Double {
        System.gc()
        val line = File("/proc/self/status").readLines().first { it.startsWith("VmRSS") }
        return line.filter(Char::isDigit).toDouble() / 1000
    }

    private fun received() = File("/proc/net/dev").readLines().first { "lo:" in it }.substringAfter("lo:").trim().split(Regex(" +"))[0].toLong()

    private fun told(what: String, unit: String, figure: Double) = println("\nfigure: $what: ${"%.1f".format(figure)} $unit".trim())

    private companion object {
        const val RUNS = 15
        const val ROUNDS = 10
    }
}
