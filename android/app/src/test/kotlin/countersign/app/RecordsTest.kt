package countersign.app

import android.app.Notification
import android.app.NotificationManager
import android.content.Intent
import android.net.Uri
import android.widget.CheckBox
import android.widget.RadioButton
import countersign.core.authorityCodes
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

/** A patient and a doctor with their phones, a real node, its record store and an attribute authority. */
class RecordsTest : WorldTest() {
    /** Picks a document that lies in the phone's files. */
    private fun Person.pick(file: File, asked: Int = 3) {
        val place = Uri.parse("content://files/${file.name}")
        if (file.exists()) shadowOf(activity.contentResolver).registerInputStream(place, file.inputStream())
        @Suppress("DEPRECATION")
        MainActivity::class.java.getDeclaredMethod("onActivityResult", Int::class.java, Int::class.java, Intent::class.java)
            .apply { isAccessible = true }
            .invoke(activity, asked, android.app.Activity.RESULT_OK, Intent().setData(place))
        settle()
    }

    private fun Person.tapCard(text: String) {
        reads(text)
        views().filterIsInstance<android.view.ViewGroup>().last { card -> card.isClickable && card.all().any { it is android.widget.TextView && text in it.text } }.performClick()
        settle()
    }
    private fun Person.drawn() = views().filterIsInstance<android.widget.ImageView>().mapNotNull { it.drawable }

    private fun Person.choose(vararg labels: String) = labels.forEach { label ->
        views().filterIsInstance<android.widget.CompoundButton>().first { it.text.toString() == label && (it is CheckBox || it is RadioButton) }.isChecked = true
    }

    private fun Person.share(policy: String, mode: String, vararg sections: String) {
        tap("records.share")
        type(policy)
        choose(*sections, words.of(mode))
        tap("records.share-do")
        sees("record.published")
    }

    /** Jane, whose record has a document with problems, medication and results. */
    private fun jane(): Person = pinned("jane").apply {
        tap("home.records")
        tap("records.begin")
        sees("records.point-authority")
        holdCodes(authorityCodes(direct(world.authority)))
        tap("records.begin")
        sees("enrol.do")
        assertTrue(isProtected)
        val record = (model.screen as Screen.Record).screen.id
        reads(record)
        type(world.ask("code patient somebody-else"))
        tap("enrol.do")
        sees("refused.record-other-owner")
        type(world.ask("code patient $record"))
        tap("enrol.do")
        sees("record.no-document")
        tap("records.show-doctor")
        sees("records.show-doctor-text")
        val (id, key) = (model.screen as Screen.Code).code.split(" ")
        assertEquals(record, id)
        back()
        pick(world.file("blank.pgm"))
        sees("refused.record-altered")
        pick(File(world.ask("document $record $key 1")))
        sees("record.published")
        sees("record.nobody")
        tap("records.read")
        listOf("Patient summary", "Jane Roe", "Diabetes", "Metformin", "Glucose", "grace (doctor)").forEach(::reads)
        back()
    }

    private fun ada(): Person = pinned("ada").apply {
        tap("home.records")
        sees("enrol.do")
        tap("enrol.do")
        type(world.ask("code doctor ada"))
        tap("enrol.do")
        model.home()
        world.ask("attributes spiffe://meds.example/doctor/ada role: cardiologist;hospital: north")
        tap("home.records")
        tap("records.scan-authority")
        holdCodes(authorityCodes(direct(world.authority)))
        sees("records.scan-link")
    }

    @Test
    fun `a patient gives sections to a doctor without this app by a link, and ends it`() {
        val jane = jane()
        jane.tap("by-link.title")
        jane.sees("by-link.none")
        jane.tap("by-link.make")
        jane.choose("Problems")
        jane.type("by-link.name", "For Dr. Grace")
        jane.type("by-link.choose-passcode", "123")
        jane.tap("by-link.make")
        jane.sees("refused.link-passcode")
        jane.choose("Problems")
        jane.type("by-link.name", "For Dr. Grace")
        jane.type("by-link.choose-passcode", "tulip")
        jane.tap("by-link.make")
        listOf("For Dr. Grace", "Sees: Problems").forEach(jane::reads)
        jane.sees("by-link.passcode")
        jane.sees("by-link.warning")
        assertTrue("a picture of the link is the link", jane.isProtected)
        jane.tap("by-link.send")
        val sent = shadowOf(jane.activity).nextStartedActivity.getParcelableExtra(Intent.EXTRA_INTENT, Intent::class.java)!!
        assertTrue(sent.getStringExtra(Intent.EXTRA_TEXT)!!.startsWith("shlink:/"))

        // The phone knows the link after a restart, and the store gives it out no more once it is ended.
        val again = jane.andAgain()
        again.tap("home.records")
        again.tapCard("Up to date")
        again.tap("by-link.title")
        again.tapCard("For Dr. Grace")
        again.tap("by-link.end")
        again.sees("by-link.none")
    }

    @Test
    fun `a doctor reads what the patient shares, also without a network, and the patient sees it and takes it back`() {
        val jane = jane()
        jane.tap("records.share")
        jane.type("role cardiologist")
        jane.tap("records.share-do")
        jane.sees("fault.invalid-policy")
        assertTrue("what was typed stays", jane.views().any { it is android.widget.EditText && it.text.toString() == "role cardiologist" })
        jane.back()
        jane.share("role: cardiologist and hospital: north", "mode.at-once", "Problems", "Medication")
        jane.reads("Open to: cardiologist, hospital north")
        jane.reads("Sees: ")
        jane.share("role: cardiologist", "mode.emergency", "Results")
        jane.tap("records.link")
        jane.sees("records.link-text")
        assertTrue("a picture of the code is the code", jane.isProtected)

        var ada = ada()
        ada.tap("records.scan-link")
        ada.watch(jane)
        ada.sees("ask.key-missing")
        ada.tap("records.fetch-key")
        assertFalse(ada.words.of("ask.key-missing") in ada.read)
        ada.tapBeside("cardiologist, hospital north", "records.ask")
        ada.type("records.name", "Dr. Ada")
        ada.tap("records.ask")
        ada.reads("Allowed until")
        ada.sees("request.not-kept")
        ada.tap("records.open")
        listOf("Diabetes", "Metformin", "The patient does not show 1 section", "Signed by grace (doctor)", "On this phone until").forEach(ada::reads)
        assertFalse(ada.read.any { "Glucose" in it })
        assertTrue(ada.isProtected)

        ada = ada.andAgain()
        world.ask("stop")
        ada.tap("home.records")
        ada.reads("Jane Roe")
        ada.tap("records.read")
        ada.reads("Metformin")
        world.ask("start")
        ada.back()

        ada.tap("records.ask")
        ada.sees("ask.emergency")
        ada.tapBeside(ada.words.of("ask.emergency"), "records.ask")
        ada.tap("records.ask")
        ada.sees("fault.invalid-reason")
        ada.type("records.reason", "not conscious")
        ada.tap("records.ask")
        ada.tapBeside(ada.words.of("request.not-kept"), "records.open")
        ada.reads("Glucose")
        ada.back()

        val app = RuntimeEnvironment.getApplication()
        val notices = { shadowOf(app.getSystemService(NotificationManager::class.java)).allNotifications }
        repeat(2) {
            assertTrue(SyncJob.round(jane.phone) { true })
            SyncJob.tell(app, jane.phone)
            assertEquals("told once", listOf(jane.words.of("notice.record-emergency")), notices().map { it.extras.getString(Notification.EXTRA_TITLE) })
        }
        jane.back()
        jane.tap("records.paper")
        jane.sees("records.paper-text")
        assertTrue(jane.isProtected)
        assertEquals(7, (jane.model.screen as Screen.Paper).lines.size)
        jane.back()
        jane.tap("records.accesses")
        jane.tap("settings.sync")
        jane.reads("Emergency: opened without asking you")
        jane.reads("In their words: “not conscious”")
        jane.reads("Dr. Ada, signed in as ada (doctor)")
        jane.reads("Handed over 1 time")
        assertTrue("the emergency comes first", (jane.model.screen as Screen.Accesses).screen.list.first().mark == countersign.core.AccessMark.EMERGENCY)
        jane.tapBeside("In their words", "records.withdraw")
        jane.sees("access.withdrawn")

        ada.tap("settings.sync")
        ada.sees("request.withdrawn")
        assertEquals("what was withdrawn is erased, and the rest is there", 1, ada.read.count { it == ada.words.of("records.read") })

        for (person in listOf(jane, ada)) {
            assertTrue(person.keys.names.size > 1)
            person.model.home()
            listOf("home.settings", "settings.erase", "settings.erase-confirm").forEach(person::tap)
            person.sees("start.title")
            assertEquals("no key and no secret is left", emptySet<String>(), person.keys.names)
        }
    }

    @Test
    fun `a lost phone is replaced from paper`() {
        val jane = jane()
        val id = (jane.model.screen as Screen.Record).screen.id
        jane.tap("records.paper")
        val lines = (jane.model.screen as Screen.Paper).lines

        val june = pinned("june")
        june.tap("home.records")
        june.tap("records.restore")
        june.sees("records.point-authority")
        june.holdCodes(authorityCodes(direct(world.authority)))
        june.tap("records.restore")
        june.type("0123 4567")
        june.tap("records.restore")
        june.sees("fault.invalid-paper")
        june.type(lines.joinToString(" ").lowercase(java.util.Locale.ROOT))
        june.tap("records.restore")
        june.reads(id)
        june.type(world.ask("code patient $id"))
        june.tap("enrol.do")
        june.sees("record.restoring")
        june.tap("records.publish")
        june.sees("record.published")
        june.tap("records.read")
        listOf("Jane Roe", "Diabetes", "Metformin", "Glucose").forEach(june::reads)
    }

    @Test
    fun `an image is taken from a file, shared, and is in a file only while somebody looks at it`() {
        val jane = jane()
        jane.tap("records.show-doctor")
        val (id, key) = (jane.model.screen as Screen.Code).code.split(" ")
        jane.back()
        val scan = File("src/test/pictures/light/done.png").absoluteFile
        jane.pick(File(world.ask("document $id $key 2 $scan")))
        jane.tap("records.read")
        jane.reads("It names an image that is not here")
        jane.tap("records.image-take")
        jane.pick(world.file("blank.pgm"), asked = 7)
        jane.sees("refused.record-other-image")
        jane.tap("action.back")
        jane.tap("records.image-take")
        jane.pick(scan, asked = 7)
        jane.tap("records.image-show")
        assertTrue(jane.isProtected)
        val shown = (jane.model.screen as Screen.Picture).file
        assertTrue(scan.readBytes().contentEquals(shown.readBytes()))
        assertEquals("it is drawn", 1, jane.drawn().count())
        jane.tap("action.back")
        assertFalse(shown.exists())

        jane.back()
        jane.share("role: cardiologist", "mode.at-once", "Results")
        jane.tap("records.link")
        val ada = ada()
        ada.tap("records.scan-link")
        ada.watch(jane)
        ada.tap("records.fetch-key")
        ada.tapBeside("cardiologist", "records.ask")
        ada.type("records.name", "Dr. Ada")
        ada.tap("records.ask")
        ada.tap("records.open")
        ada.tap("records.image-show")
        assertTrue(scan.readBytes().contentEquals((ada.model.screen as Screen.Picture).file.readBytes()))
        ada.tap("records.image-save")
        val saved = java.io.ByteArrayOutputStream()
        shadowOf(ada.activity.contentResolver).registerOutputStream(Uri.parse("content://files/saved"), saved)
        ada.pick(File("saved"), asked = 8)
        assertTrue(scan.readBytes().contentEquals(saved.toByteArray()))
    }

    @Test
    fun `whoever fits no rule asks the patient, who chooses what to show`() {
        val jane = jane()
        jane.sees("record.not-open")
        jane.tap("records.let-ask")
        jane.sees("record.open")
        jane.tap("records.link")
        val ada = ada()
        // The phone's own camera reads the code, and opens the app.
        ada.model.linked((jane.model.screen as Screen.Code).code)
        ada.tap("records.fetch-key")
        ada.tapBeside(ada.words.of("ask.patient"), "records.ask")
        ada.type("records.name", "Dr. Ada")
        ada.type("records.reason", "ward round")
        ada.tap("records.ask")
        ada.sees("request.waiting")

        jane.back()
        jane.tap("records.accesses")
        jane.tap("settings.sync")
        jane.sees("access.waiting")
        jane.tap("records.allow-parts")
        jane.choose("Results")
        jane.tap("records.share-do")
        jane.tap("settings.sync")
        jane.reads("Allowed until")

        ada.tap("settings.sync")
        ada.tap("records.open")
        ada.reads("Glucose")
        assertFalse(ada.read.any { "Metformin" in it })
        ada.back()
        ada.tap("records.forget")
        assertTrue((ada.model.screen as Screen.Records).clinic!!.requests.isEmpty())

        jane.model.home()
        jane.tap("home.records")
        jane.views().first { it.isClickable && it.all().any { line -> line is android.widget.TextView && line.text == jane.words.of("record.published") } }.performClick()
        jane.tap("records.erase")
        jane.tap("settings.erase-confirm")
        jane.sees("records.begin-text")
    }
}
