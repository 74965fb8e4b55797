package countersign.app

import android.Manifest.permission.CAMERA
import android.provider.Settings
import countersign.core.registerCodes
import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Test
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

/** What goes wrong, brought about and not only drawn: each fault has its screen and a way on. */
class FaultTest : WorldTest() {
    private val unit = "(00)095060001343520017"

    @After
    fun rightClock() = wrongBy(0)

    private fun Person.look() {
        model.home()
        tap("home.scan")
        hold(world.frame("genuine.pgm"))
    }

    /** With the product's data on the phone. */
    private fun Person.checked() = apply {
        look()
        tap("settings.sync")
        sees("verdict.authentic")
    }

    private fun Person.names(goods: String) {
        tap("carry.take-over")
        tap("scan.type")
        type(goods)
        tap("scan.check")
    }

    @Test
    fun `the node is gone, and there again`() {
        val ann = pinned("ann")
        world.ask("stop")
        ann.tap("home.settings")
        ann.tap("settings.sync")
        ann.sees("fault.retry")
        world.ask("start")
        ann.tap("action.retry")
        ann.sees("settings.sync")
    }

    @Test
    fun `what is typed wrongly is said where it was typed`() {
        val ann = pinned("ann")
        ann.tap("home.settings")
        ann.type("http://elsewhere")
        ann.tap("settings.save")
        ann.sees("fault.invalid-address")
        ann.model.home()
        ann.tap("home.carry")
        ann.type("WRONG-CODE")
        ann.tap("enrol.do")
        ann.sees("refused.enrol-code")
    }

    @Test
    fun `the camera is taken by another app, or not allowed`() {
        val ann = pinned("ann")
        ann.tap("home.scan")
        ann.until("the camera") { ann.camera.broken != null }
        ann.tap("scan.light-on")
        assertTrue(ann.camera.lit)
        ann.camera.broken!!()
        ann.sees("fault.camera-busy")
        assertFalse(ann.camera.lit)
        ann.model.home()
        shadowOf(RuntimeEnvironment.getApplication()).denyPermissions(CAMERA)
        ann.tap("home.scan")
        ann.activity.onRequestPermissionsResult(1, arrayOf(CAMERA), intArrayOf(-1))
        ann.sees("fault.camera-denied")
        ann.tap("scan.type")
        ann.sees("scan.check")
        ann.model.home()
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions(CAMERA)
        ann.tap("home.scan")
        ann.until("the camera") { ann.camera.frames != null }
    }

    @Test
    fun `codes of another ledger are told apart, and nothing of it is taken over`() {
        World(folder.newFolder("elsewhere")).use { elsewhere ->
            val bob = courier("bob")
            bob.model.scanRegister()
            bob.settle()
            bob.holdCodes(registerCodes(elsewhere.node, direct(elsewhere.genesis)))
            bob.sees("fault.other-register")
            bob.tap("action.back")
            bob.names(unit)
            bob.holdCodes(elsewhere.offer("https://id.gs1.org/00/095060001343520017"))
            bob.sees("refused.signer")
            bob.tap("action.back")
            bob.sees("take.scan-offer")
            bob.holdCodes(world.offer("https://id.gs1.org/00/095060001343520017"))
            bob.sees("take.intact")
            assertEquals(String(world.genesis), String(bob.phone.register!!.genesis))
        }
    }

    @Test
    fun `a code from outside that comes before a register is told so`() {
        val ann = person("ann")
        ann.model.linked("CS1:00")
        ann.settle()
        ann.sees("fault.not-pinned")
        ann.tap("start.pin")
        ann.sees("start.title")
    }

    @Test
    fun `the key store fails, is cancelled, and has lost its key`() {
        var bob = pinned("bob")
        bob.keys.manner = "fails"
        bob.tap("home.carry")
        bob.type(world.ask("code courier bob"))
        bob.tap("enrol.do")
        bob.sees("fault.key-store-failed")
        bob.keys.manner = "works"
        bob.tap("action.retry")
        bob.names(unit)
        bob.holdCodes(world.offer("https://id.gs1.org/00/095060001343520017"))
        for ((manner, told) in listOf("cancels" to "fault.cancelled", "throws" to "fault.key-store-failed")) {
            bob.keys.manner = manner
            bob.tap("take.intact")
            bob.sees(told)
            bob.tap("action.back")
            bob.sees("take.intact")
        }
        bob.keys.manner = "works"
        bob.tap("take.intact")
        bob.tap("show.done")
        bob = bob.andAgain { bob.keys.delete(Phone.KEY) }
        bob.tap("home.carry")
        bob.tap("carry.hand-over")
        bob.sees("fault.key-needed")
        bob.tap("enrol.do")
        bob.type(world.ask("code courier bob-again"))
        bob.tap("enrol.do")
        bob.sees("carry.take-over")
    }

    @Test
    fun `on a full disk packs are checked, what is to be kept is refused, and with room all goes on`() {
        val disk = disk()
        val filler = File(disk, "filler")
        fill(filler)
        var ann = person(File(disk, "ann"))
        ann.tap("start.pin")
        ann.holdCodes(registerCodes(world.node, direct(world.genesis)))
        ann.tap("pin.confirm")
        ann.sees("fault.storage")
        filler.delete()
        ann.tap("action.back")
        ann.tap("pin.confirm")
        ann.checked()
        ann = ann.andAgain { fill(filler) }
        ann.look()
        ann.sees("verdict.authentic")
        ann.tap("answer.keep")
        ann.sees("fault.storage")
        ann.tap("action.open-settings")
        assertEquals(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, shadowOf(ann.activity).nextStartedActivity.action)
        filler.delete()
        ann.tap("action.back")
        ann.tap("answer.keep")
        ann.sees("answer.kept")
    }

    @Test
    fun `a damaged database is begun anew, and the next update mends it`() {
        var ann = pinned("ann").checked()
        ann = ann.andAgain {
            val database = File(folder.root, "ann/files/wallet.db")
            database.writeBytes(ByteArray(database.length().toInt()) { (it * 31).toByte() })
        }
        ann.look()
        ann.sees("verdict.cannot-tell")
        ann.tap("settings.sync")
        ann.sees("verdict.authentic")
    }

    @Test
    fun `a clock that is wrong is told, accuses nobody, and once it is set all is well`() {
        var ann = pinned("ann").checked()
        fun Person.told() {
            sees("verdict.cannot-tell")
            reads("This phone's clock is wrong")
            tap("action.open-settings")
            assertEquals(Settings.ACTION_DATE_SETTINGS, shadowOf(activity).nextStartedActivity.action)
        }
        wrongBy(-3 * DAY)
        ann.look()
        ann.told()
        // Without the connection of before.
        ann = ann.andAgain()
        // Before anything can be asked of the node, whose certificate is of tomorrow.
        ann.model.home()
        ann.tap("home.settings")
        ann.tap("settings.sync")
        ann.sees("fault.clock")
        ann.tap("action.open-settings")
        assertEquals(Settings.ACTION_DATE_SETTINGS, shadowOf(ann.activity).nextStartedActivity.action)
        wrongBy(0)
        ann.look()
        ann.sees("verdict.authentic")
        // By one that is ahead, which nobody knows of before the next update, the data is too old to say anything.
        wrongBy(40 * DAY)
        ann.look()
        ann.sees("verdict.cannot-tell")
        ann.sees("next.sync")
        wrongBy(0)
        ann.look()
        ann.sees("verdict.authentic")

        val bob = courier("bob")
        bob.names(unit)
        wrongBy(DAY)
        bob.holdCodes(world.offer("https://id.gs1.org/00/095060001343520017"))
        bob.sees("refused.offer-expired")
    }

    @Test
    fun `an app that the person closes begins anew, and nothing is done that was not confirmed`() {
        var ann = person("ann")
        ann.tap("start.pin")
        ann = ann.andAgain()
        ann.tap("start.pin")
        ann.holdCodes(registerCodes(world.node, direct(world.genesis)))
        ann.sees("pin.title")
        ann = ann.andAgain()
        ann.sees("start.title")
        ann.pin()
        ann.tap("home.settings")
        ann.tap("settings.erase")
        ann = ann.andAgain()
        ann.sees("home.scan")
        assertTrue("nothing was erased", ann.phone.register != null)
    }

    @Test
    fun `an app that the phone kills comes back to where the person was, on every screen`() {
        var bob = person("bob")
        fun killed(sees: String) {
            bob = bob.andAgain(byPhone = true)
            bob.sees(sees)
        }
        killed("start.title")
        bob.tap("start.pin")
        bob.holdCodes(registerCodes(world.node, direct(world.genesis)))
        killed("start.title")
        bob.pin()
        for ((path, there) in listOf(
            "home.scan" to "scan.point", "home.scan scan.type" to "home.scan", "home.medicines" to "medicines.empty",
            "home.medicines history.title" to "medicines.empty", "home.settings" to "settings.sync", "home.settings settings.erase" to "settings.sync",
            "home.carry" to "home.scan", "home.records" to "records.begin", "home.records records.begin" to "home.scan",
        )) {
            bob.model.home()
            path.split(' ').forEach(bob::tap)
            killed(there)
        }
        bob.model.home()
        bob.checked()
        killed("home.scan")
        bob.look()
        bob.sees("verdict.authentic")

        bob.model.home()
        bob.tap("home.carry")
        bob.type(world.ask("code courier bob"))
        bob.tap("enrol.do")
        killed("carry.take-over")
        bob.tap("carry.take-over")
        killed("take.scan-goods")
        val offer = world.offer("https://id.gs1.org/00/095060001343520017")
        bob.back()
        bob.names(unit)
        bob.holdCodes(offer)
        bob.sees("take.intact")
        killed("take.scan-goods")
        bob.back()
        bob.names(unit)
        bob.holdCodes(offer)
        bob.tap("take.refuse")
        killed("take.scan-goods")
        bob.back()
        bob.names(unit)
        bob.holdCodes(offer)
        bob.tap("take.intact")
        killed("show.answer")
        bob.tap("show.done")
        bob.tap("carry.hand-over")
        killed("show.offer")
        bob.tap("show.read-answer")
        killed("show.offer")
        bob.tap("show.cancel-offer")
        bob.tap("proof.show")
        killed("carry.hand-over")
        bob.tap("carry.outbox")
        killed("outbox.waiting")
    }

    /** Has the wall clock of this process, which is the phones', go wrong; see `wrong_clock.c`. */
    private fun wrongBy(seconds: Long) {
        val file = System.getenv("WRONG_CLOCK") ?: return
        RandomAccessFile(file, "rw").use { it.writeLong(java.lang.Long.reverseBytes(seconds)) }
    }

    /** A small disk of its own, which is taken away with the folder. */
    private fun disk(): File = folder.newFolder("disk").also { disk ->
        val mounted = ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=16m", "none", disk.path).start().waitFor()
        assumeTrue("here nobody may mount", mounted == 0)
    }

    private fun fill(filler: File) = filler.outputStream().use { file ->
        try {
            while (true) file.write(ByteArray(4096))
        } catch (_: IOException) {
            // It is full.
        }
    }

    private companion object {
        const val DAY = 86_400L
    }
}
