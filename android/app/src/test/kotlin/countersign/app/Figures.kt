package countersign.app

import android.os.Looper
import com.sun.management.OperatingSystemMXBean
import countersign.SoftwareKeys
import countersign.core.drawCode
import countersign.core.register
import java.io.File
import java.lang.management.ManagementFactory
import org.junit.Test
import org.robolectric.Shadows.shadowOf

/**
 * What the app costs, on this machine and under Robolectric: a phone's own drawing, camera and key store are not in it. Not a
 * test: `android/app/figures` runs it.
 */
class Figures : WorldTest() {
    @Test
    fun all() {
        val before = resident()
        val first = timed {
            person("ann").run {
                sees("start.title")
                drawn()
            }
        }
        told("the first start in an empty process, to a screen, drawn", listOf(first))
        val ann = pinned("bea")
        ann.tap("home.scan")
        ann.hold(world.frame("genuine.pgm"))
        ann.tap("settings.sync")
        told("memory that the app adds to an empty process, with one product followed", resident() - before, "MB")
        frames(ann)
        starts(ann)
        handover()
        background()
    }

    /** From a frame with a pack in it to a screen that says the verdict, drawn. */
    private fun frames(ann: Person) {
        val frame = world.frame("genuine.pgm")
        told("a frame to its verdict on the screen, drawn", List(RUNS) {
            ann.model.home()
            ann.tap("home.scan")
            timed {
                ann.hold(frame)
                check(ann.model.screen is Screen.Verdict)
                ann.drawn()
            }
        })
        fun checks() = repeat(500) { ann.model.check("(01)09506000134352(17)351130(10)L1(21)S001"); ann.settle() }
        // What Java takes for itself in the beginning is not what the app leaves behind.
        checks()
        val memory = resident()
        checks()
        told("memory that 500 more verdicts leave behind", resident() - memory, "MB")
    }

    /** From the start of the app in a process that is there, to a first screen, drawn. */
    private fun starts(ann: Person) {
        var there = ann
        told("a start to the first screen, drawn", List(RUNS) {
            there.close()
            timed {
                there = there.startedAgain()
                there.sees("home.scan")
                there.drawn()
            }
        })
        there.close()
    }

    private fun handover() {
        val codes = world.offer("https://id.gs1.org/00/095060001343520017")
        val frames = codes.map { code -> drawCode(code, 4u).let { Frame(it.width.toInt(), it.height.toInt(), it.luma) } }
        val times = List(RUNS) { round ->
            val bob = courier("bob$round")
            bob.tap("carry.take-over")
            bob.tap("scan.type")
            bob.type("(00)095060001343520017")
            bob.tap("scan.check")
            timed {
                for (frame in frames) if (bob.model.screen is Screen.Eye) bob.hold(frame)
                bob.tap("take.intact")
                check(bob.model.screen is Screen.Showing)
                bob.drawn()
            }
        }
        told("a handover: ${codes.size} codes shown, read until they suffice, accepted, signed, and the answer drawn", times)
        told("the same as two phones do it, with 200 ms for each code", times.map { it.copy(wall = it.wall + 200 * codes.size) })
    }

    /** A round every six hours, with a product, a pack and a membership, and nothing new. */
    private fun background() {
        Phone(folder.newFolder("sleeping"), SoftwareKeys()).use { phone ->
            phone.pin(register(world.node, direct(world.genesis)))
            phone.wallet.keep("(01)09506000134352(17)351130(10)L1(21)S001")
            phone.wallet.enrol(Phone.KEY, world.ask("code courier sleeper"))
            check(SyncJob.round(phone) { true })
            val (requests, bytes) = world.requests() to received()
            val times = List(RUNS) { timed { check(SyncJob.round(phone) { true }) } }
            fun told(unit: String, total: Double) = total.let { it / RUNS }.let { each ->
                told("a round in the background with nothing new", each, unit)
                told("the same an hour, with a round every six", each / 6, unit)
            }
            told("requests", (world.requests() - requests).toDouble())
            told("kB received and sent, headers of TCP and IP in it", (received() - bytes) / 1000.0)
            told("ms of processor", times.sumOf { it.processor })
        }
    }

    private fun Person.drawn() = activity.window.decorView.drawn()

    /** In milliseconds; [processor] is that of all threads. */
    private data class Time(val wall: Double, val processor: Double)

    private fun timed(act: () -> Unit): Time {
        shadowOf(Looper.getMainLooper()).idle()
        val (wall, processor) = System.nanoTime() to machine.processCpuTime
        act()
        return Time((System.nanoTime() - wall) / 1e6, (machine.processCpuTime - processor) / 1e6)
    }

    private val machine = ManagementFactory.getOperatingSystemMXBean() as OperatingSystemMXBean

    private fun resident(): Double {
        System.gc()
        val line = File("/proc/self/status").readLines().first { it.startsWith("VmRSS") }
        return line.filter(Char::isDigit).toDouble() / 1000
    }

    /** What went over the loopback device, which `figures` has for itself: there, sent is received. */
    private fun received() = File("/proc/net/dev").readLines().first { "lo:" in it }.substringAfter("lo:").trim().split(Regex(" +"))[0].toLong()

    private fun told(what: String, times: List<Time>) {
        fun median(of: (Time) -> Double) = times.map(of).sorted()[times.size / 2]
        told(what, median(Time::wall), "ms, ${"%.0f".format(median(Time::processor))} of processor, median of ${times.size}")
    }

    private fun told(what: String, figure: Double, unit: String) = println("\nfigure: $what: ${"%.1f".format(figure)} $unit")

    private companion object {
        const val RUNS = 15
    }
}
