package countersign.app

import countersign.core.ReadingMark
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

/** A nurse with a phone, a real node, a bedside gateway over UDP, and devices in software. */
class BedsideTest : WorldTest() {
    /** Ana, with a badge for her shift behind the password 246810. */
    private fun ana(): Person = pinned("ana").apply {
        tap("home.ward")
        sees("ward.nobody")
        tap("enrol.do")
        type(world.ask("code nurse ana"))
        tap("enrol.do")
        model.home()
        tap("home.ward")
        sees("ward.no-badge")
        reads("ana (nurse)")
        tap("ward.scan-badge")
        assertTrue("a picture of the badge is the badge", isProtected)
        holdCodes(listOf(world.ask("badge $ANA")))
        type("12345")
        tap("ward.take")
        sees("fault.invalid-password-short")
        type("246810")
        tap("ward.take")
        until("the badge") {
            if (words.of("badge.unknown") in read) tap("settings.sync")
            read.any { it.plain().startsWith("✓ Good until") }
        }
    }

    private fun Person.changePassword(old: String, new: String) {
        if (words.of("ward.next-password") !in read) tap("ward.change-password")
        type("ward.password", old)
        type("ward.next-password", new)
        tap("ward.change-password")
    }

    /** Holds the label of a device before the camera, until this phone has what the ledger says of it. */
    private fun Person.holdDevice(device: String) {
        holdCodes(listOf("CSD1 ${device.uppercase()}"))
        until("the device") {
            if (words.of("bed.unknown") in read) tap("settings.sync")
            words.of("bed.look") in read
        }
    }

    /** Signs in at a device, to look or to act. */
    private fun Person.signIn(what: String, password: String = "246810") {
        type("ward.password", password)
        tapBeside(words.of("$what-text"), "enrol.do")
    }

    private fun Person.session() = (model.screen as BedsideScreen.Session).screen

    @Test
    fun `a nurse signs in at a pump, reads it, sets it, and sees whether it took it`() {
        val pump = world.ask("device treatment 1001")
        val ana = ana()
        ana.changePassword("246810", "97531")
        ana.sees("fault.invalid-password-short")
        ana.changePassword("246810", "975310")
        ana.tap("ward.scan-device")
        ana.holdDevice(pump)
        ana.sees("bed.treatment")
        ana.reads("Ward north")
        ana.signIn("bed.look", "246810")
        ana.sees("fault.invalid-password")
        ana.signIn("bed.act", "975310")
        ana.reads("Patient 1001")
        ana.reads("Signed in: ana (nurse)")
        ana.reads("72.0 per minute")
        assertTrue(ana.isProtected)
        assertEquals(ReadingMark.HOLDS, ana.session().readings.first().mark)

        ana.tap("command.infusion-rate")
        ana.type("command.value", "1.000")
        ana.tap("command.check")
        ana.sees("fault.invalid-value")
        ana.type("command.value", "12,5")
        ana.tap("command.check")
        ana.sees("command.confirm")
        listOf("12.5 mL/h", "Patient 1001", pump.take(8).uppercase()).forEach(ana::reads)
        assertEquals("nothing was sent before it was confirmed", "nothing", world.ask("heard"))
        ana.tap("command.send")
        assertEquals("4 157784 125 -1 3122", world.ask("heard"))
        ana.sees("sent.shown")
        ana.reads("Infusion rate")

        ana.tap("command.infusion-rate")
        ana.type("command.value", "20")
        ana.looksAway()
        ana.sees("session.locked")
        assertFalse("nobody reads it who passes by", ana.read.any { "72.0" in it })
        ana.reads("Signed in: ana (nurse)")
        ana.type("ward.password", "111111")
        ana.tap("session.unlock")
        ana.sees("fault.invalid-password")
        ana.type("ward.password", "975310")
        ana.tap("session.unlock")
        ana.sees("command.value")
        assertTrue("what was typed is there", ana.views().any { it is android.widget.EditText && it.text.toString() == "20" })
        ana.back()
        ana.reads("72.0 per minute")

        ana.tap("session.leave")
        ana.sees("bed.look")
        ana.model.home()
        ana.tap("home.ward")
        ana.reads("Last used on")
    }

    @Test
    fun `a badge that is taken back ends the session, and the phone says so`() {
        val pump = world.ask("device treatment 1001")
        val ana = ana()
        ana.model.home()
        ana.tap("home.scan")
        // Scanned as if it were a pack.
        ana.holdDevice(pump)
        ana.signIn("bed.look")
        ana.reads("72.0 per minute")
        assertTrue("who only looks sends nothing", ana.session().commands.none { it.confirms })
        assertEquals("revoked", world.ask("revoke $ANA"))
        ana.sees("badge.ended")
        assertFalse(ana.read.any { "72.0" in it })
        ana.sees("ward.scan-badge")
    }

    private companion object {
        const val ANA = "spiffe://meds.example/nurse/ana"
    }
}
