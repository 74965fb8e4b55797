package countersign.app

import android.content.Intent
import android.net.Uri
import android.view.WindowManager.LayoutParams
import countersign.core.registerCodes
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

/** What patients and couriers do: taps go in, and pixels come out. */
class AppTest : WorldTest() {
    @Test
    fun `a patient pins a register, scans a pack, and knows it without a network`() {
        var ann = person("ann")
        ann.sees("start.title")
        ann.tap("start.pin")
        ann.holdCodes(registerCodes(world.node, direct(world.genesis)))
        ann.sees("pin.title")
        assertEquals(12, (ann.model.screen as Screen.Pin).register.words.size)
        ann.tap("pin.confirm")

        ann.tap("home.scan")
        assertTrue("a pack is being scanned", ann.isProtected)
        ann.hold(world.frame("blank.pgm"))
        ann.hold(world.frame("genuine.pgm"))
        ann.sees("verdict.cannot-tell")
        ann.sees("next.fetch")
        ann.tap("settings.sync")
        ann.sees("verdict.authentic")
        ann.sees("next.use")
        assertTrue(ann.isProtected)
        ann.tap("answer.keep")
        ann.sees("answer.kept")

        world.ask("stop")
        ann.tap("answer.again")
        ann.hold(world.frame("unknown.pgm"))
        ann.sees("verdict.suspect")
        ann.sees("reason.unknown-serial")
        ann.sees("next.ask-pharmacist")

        ann = ann.andAgain()
        ann.sees("home.scan")
        assertFalse(ann.isProtected)
        ann.tap("home.medicines")
        ann.sees("medicines.fetching")
        ann.back()
        ann.tap("home.scan")
        ann.tap("scan.type")
        ann.type("(01)09506000134352(17)351130(10)L2(21)T001")
        ann.tap("scan.check")
        ann.sees("verdict.attention")
        ann.sees("next.return")

        world.ask("start")
        ann.back()
        ann.model.home()
        ann.tap("home.settings")
        ann.tap("settings.sync")
        ann.back()
        ann.tap("home.medicines")
        ann.sees("verdict.authentic")
        ann.tap("medicines.remove")
        ann.sees("medicines.empty")
    }

    @Test
    fun `a code that was typed wrongly offers what was meant, and accuses nobody`() {
        val ann = pinned("ann")
        ann.tap("home.scan")
        ann.tap("scan.type")
        ann.type("no code")
        ann.tap("scan.check")
        ann.sees("fault.invalid-code")
        ann.type("(01)09506000134352(17)351130(10)L1(21)S001")
        ann.tap("scan.check")
        ann.tap("settings.sync")
        ann.sees("verdict.authentic")
        ann.tap("answer.again")
        ann.tap("scan.type")
        ann.type("(01)09506000134352(17)351130(10)l1(21)s001")
        ann.tap("scan.check")
        ann.sees("verdict.check-scan")
        ann.sees("reason.case-swapped")
        ann.sees("answer.readings")
        ann.views().first { it.isClickable && it is android.widget.Button && "S001" in it.text }.performClick()
        ann.sees("verdict.authentic")
    }

    @Test
    fun `two couriers hand over without a network, by pixels alone, and a killed app goes on`() {
        val unit = "https://id.gs1.org/00/095060001343520017"
        val offer = world.offer(unit)
        var bob = courier("bob")
        var carla = courier("carla")
        carla.model.home()
        world.ask("stop")

        bob.tap("carry.take-over")
        bob.sees("take.scan-goods")
        bob.tap("scan.type")
        bob.type("(00)095060001343520017")
        bob.tap("scan.check")
        bob.sees("take.scan-offer")
        bob.holdCodes(offer)
        bob.sees("take.intact")
        bob.tap("take.intact")
        bob.sees("show.you-signed")
        assertTrue("codes may be recorded: another phone reads them", !bob.isProtected)
        assertEquals(LayoutParams.BRIGHTNESS_OVERRIDE_FULL, bob.activity.window.attributes.screenBrightness)
        bob.tap("show.done")
        assertEquals(LayoutParams.BRIGHTNESS_OVERRIDE_NONE, bob.activity.window.attributes.screenBrightness)
        bob.sees("carry.mine")

        bob.tap("carry.hand-over")
        bob.sees("show.offer")
        bob = bob.andAgain()
        bob.tap("home.carry")
        bob.views().first { it.isClickable && it.all().any { line -> line is android.widget.TextView && line.text == bob.words.of("show.you-signed") } }.performClick()
        bob.settle()
        bob.sees("show.offer")

        // Carla has the place said, Bob does not.
        carla.tap("home.settings")
        carla.check("carry.place")
        assertTrue((carla.model.screen as Screen.Preferences).place)
        carla.back()
        carla.tap("home.carry")
        carla.tap("carry.take-over")
        carla.tap("scan.type")
        carla.type("(00)095060001343520017")
        carla.tap("scan.check")
        carla.watch(bob)
        carla.sees("take.intact")
        carla.keys.manner = "cancels"
        carla.tap("take.intact")
        carla.sees("fault.cancelled")
        carla.keys.manner = "works"
        carla.tap("action.back")
        carla.tap("take.intact")
        carla.sees("show.they-signed")
        carla = carla.andAgain()
        carla.tap("home.carry")
        carla.views().first { it.isClickable && it.all().any { line -> line is android.widget.TextView && line.text == carla.words.of("show.they-signed") } }.performClick()
        carla.sees("show.answer")

        bob.tap("show.read-answer")
        bob.watch(carla)
        bob.sees("show.both-hold")
        bob.tap("proof.show")
        bob.sees("proof.title")
        bob.reads("Signed by bob (courier)")
        bob.reads("Signed by carla (courier)")
        bob.reads("Condition: intact")
        bob.reads("Place: 48.88, 2.36")
        bob.sees("outbox.waiting")
        bob.tap("proof.send")
        assertTrue("the proof in words", "carla (courier)" in bob.sent().getStringExtra(Intent.EXTRA_TEXT)!!.plain())
        assertEquals("three statements, none with a receipt yet", "3 0", verified(bob))
        bob.back()
        bob.tap("action.ok")
        assertTrue("bob no longer holds it", bob.read.none { it == bob.words.of("carry.hand-over") })

        carla.tap("show.done")
        carla.sees("carry.mine")
        carla.tap("carry.outbox")
        carla.sees("outbox.waiting")
        world.ask("start")
        bob.tap("carry.outbox")
        bob.tap("outbox.send")
        bob.sees("outbox.empty")
        carla.tap("outbox.send")
        carla.sees("outbox.empty")
        carla.back()
        carla.tap("proof.show")
        carla.tap("proof.send")
        assertEquals("3 2", verified(carla))
    }

    /** What the desk's verification makes of the file that was sent; the other app sees its name and size. */
    private fun verified(person: Person): String {
        // Each phone has a process of its own.
        (RuntimeEnvironment.getApplication() as App).given = Parts(person.phone, person.model) { person.camera }
        val file = person.sent().getParcelableExtra<Uri>(Intent.EXTRA_STREAM)!!
        val resolver = person.activity.contentResolver
        val (name, size) = resolver.query(file, null, null, null, null)!!.use { it.moveToFirst(); it.getString(0) to it.getLong(1) }
        val copy = File(folder.root, name).apply { writeBytes(resolver.openInputStream(file)!!.use { it.readBytes() }) }
        assertEquals(size, copy.length())
        return world.ask("verify $copy")
    }

    @Test
    fun `goods are refused with a reason, or taken as damaged with a photograph`() {
        val wet = world.offer("https://id.gs1.org/00/095060001343520031")
        val dented = world.offer("https://id.gs1.org/00/095060001343520024")
        val bob = courier("bob")
        bob.tap("carry.take-over")
        bob.tap("scan.type")
        bob.type("(00)095060001343520031")
        bob.tap("scan.check")
        bob.holdCodes(wet)
        bob.tap("take.refuse")
        bob.tap("take.refuse")
        assertTrue("a refusal needs its reason", bob.model.screen is Screen.Refusing)
        bob.type("wet")
        bob.tap("take.refuse")
        bob.sees("show.you-signed")
        bob.tap("show.done")

        bob.tap("carry.take-over")
        bob.tap("scan.type")
        bob.type("(00)095060001343520024")
        bob.tap("scan.check")
        bob.holdCodes(dented)
        bob.tap("take.damaged")
        bob.hold(world.frame("blank.pgm"))
        assertTrue("no photograph before it is taken", bob.model.screen is Screen.Eye)
        bob.tap("scan.take")
        bob.hold(world.frame("blank.pgm"))
        bob.sees("show.you-signed")
        bob.tap("show.done")
        bob.tap("carry.outbox")
        assertEquals(1, bob.read.count { bob.words.of("step.refusal") in it })
        assertEquals(1, bob.read.count { bob.words.of("step.handover") in it })
    }

    @Test
    fun `everything is erased on request, and only then`() {
        val ann = pinned("ann")
        ann.tap("home.settings")
        ann.tap("settings.erase")
        ann.tap("action.cancel")
        ann.sees("settings.erase")
        ann.tap("settings.erase")
        ann.tap("settings.erase-confirm")
        ann.sees("start.title")
        assertFalse(File(folder.root, "ann/files").exists())
    }

    @Test
    fun `scans are remembered if the person wants it, and a recall is told once, naming nothing on a locked screen`() {
        var ann = pinned("ann")
        fun look(serial: String) {
            ann.model.home()
            ann.tap("home.scan")
            ann.tap("scan.type")
            ann.type("(01)09506000134352(17)351130(10)L1(21)$serial")
            ann.tap("scan.check")
        }
        look("S001")
        ann.tap("settings.sync")
        ann.sees("verdict.authentic")
        ann.model.home()
        ann.tap("home.medicines")
        ann.tap("history.title")
        ann.sees("history.empty")
        assertTrue(ann.isProtected)
        ann.check("history.remember")
        assertTrue((ann.model.screen as Screen.History).on)
        look("S001")
        look("S001")
        assertTrue("a second look is no second scan", ann.read.none { "scanned it before" in it })
        ann = ann.andAgain()
        ann.tap("home.medicines")
        ann.tap("history.title")
        ann.reads("Pack S001")

        world.ask("recall https://id.gs1.org/01/09506000134352/10/L1")
        val app = RuntimeEnvironment.getApplication()
        repeat(2) {
            assertTrue(SyncJob.round(ann.phone) { true })
            SyncJob.tell(app, ann.phone)
            val notice = shadowOf(app.getSystemService(android.app.NotificationManager::class.java)).allNotifications.single()
            assertTrue("Pack S001" in notice.extras.getString(android.app.Notification.EXTRA_TITLE)!!.plain())
            assertTrue("Recalled" in notice.extras.getString(android.app.Notification.EXTRA_TEXT)!!)
            assertEquals(ann.words.of("notice.neutral"), notice.publicVersion.extras.getString(android.app.Notification.EXTRA_TEXT))
        }
        ann.tap("history.erase")
        ann.sees("history.empty")
    }

    @Test
    fun `a suspicion is reported to the authority alone, also without a network`() {
        world.ask("reports key")
        val ann = pinned("ann")
        ann.tap("home.settings")
        ann.tap("settings.sync")
        ann.model.home()
        ann.tap("home.scan")
        ann.hold(world.frame("unknown.pgm"))
        ann.tap("settings.sync")
        ann.sees("verdict.suspect")
        world.ask("stop")
        ann.tap("report.do")
        ann.sees("report.text")
        ann.tap("report.send")
        ann.sees("fault.invalid-report")
        ann.type("report.words", "The seal was broken")
        ann.model.attach(ByteArray(300_000))
        ann.sees("report.photo-added")
        assertTrue("what was typed stays", ann.views().any { it is android.widget.EditText && it.text.toString() == "The seal was broken" })
        ann.tap("report.send")
        ann.sees("fault.invalid-photograph")
        ann.activity.attach(android.graphics.Bitmap.createBitmap(3000, 2000, android.graphics.Bitmap.Config.ARGB_8888))
        ann.tap("report.send")
        ann.sees("report.waiting")
        world.ask("start")
        ann.back()
        ann.tap("report.do")
        ann.type("report.words", "The leaflet is missing")
        ann.tap("report.send")
        ann.sees("report.received")
        ann.sees("report.waiting")
        assertTrue("The leaflet is missing" in world.ask("reports"))
        ann.tap("records.forget")
        assertEquals("what waits stays", 1, (ann.model.screen as Screen.Reports).list.size)
    }

    @Test
    fun `without a ledger, examples show every verdict`() {
        val ann = person("ann")
        val (database, genesis) = world.file("examples.db") to world.genesis
        ann.model.tryExamples({ database.inputStream() }, { genesis })
        ann.sees("demo.banner")
        val shown = Drawing.EXAMPLES.map { (key, _) ->
            ann.tap(key)
            (ann.model.screen as Screen.Verdict).screen.verdict.name.also { ann.back() }
        }
        assertEquals(listOf("AUTHENTIC", "ATTENTION", "ATTENTION", "SUSPECT", "CHECK_SCAN"), shown)
        for ((task, screens) in Tour.TASKS) {
            ann.tap(task)
            for (there in screens) {
                assertEquals(there, ann.model.screen)
                ann.sees("demo.banner")
                ann.tap("demo.next")
            }
            assertEquals(Screen.Home(true), ann.model.screen)
        }
        ann.tap("demo.leave")
        ann.sees("start.title")
    }
}
