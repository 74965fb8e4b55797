package countersign.app

import android.view.View
import countersign.core.DomainGreeting
import countersign.core.GreetingStep
import countersign.core.WayMark
import countersign.core.greetingScreen
import countersign.core.registerCodes
import java.io.File
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** Somebody who speaks for a domain, with a phone, two domains with ledgers of their own, and the one that they share. */
class DomainTest : WorldTest() {
    private val all by lazy { JSONObject(world.ask("domains")) }

    private fun codes(ledger: String) = all.getJSONObject(ledger).run {
        registerCodes(getString("node"), direct(File(getString("genesis")).readBytes()))
    }

    /** Taps the innermost thing that shows a text. */
    private fun Person.tapShowing(text: String) {
        settle()
        val there = views().filter { it.isShown && it.isClickable && it.all().any { inner -> inner is android.widget.TextView && text in inner.text.toString().plain() } }
        assertTrue("“$text” is not among $read", there.any())
        there.last().performClick()
        settle()
    }

    private fun Person.shown() = (model.screen as DomainScreen.Greeting).greeting

    /** Shows this phone's message to the south, and scans what that shows. */
    private fun Person.exchange() {
        assertTrue("bright, so that it is read", activity.window.attributes.screenBrightness == 1f)
        val reply = world.ask("domains reply ${shown().message.joinToString("") { "%02x".format(it) }}")
        val bytes = ByteArray(reply.length / 2) { reply.substring(2 * it, 2 * it + 2).toInt(16).toByte() }
        tap("greeting.read")
        holdCodes(greetingScreen(DomainGreeting(GreetingStep.CHALLENGE, "", bytes), true).codes)
    }

    /** Ana has signed in at the north, which takes part, and sees the south's data. */
    private fun ana(): Person = person("ana").apply {
        tap("start.pin")
        holdCodes(codes("shared"))
        tap("pin.confirm")
        tap("home.domains")
        sees("domains.begin")
        for (domain in listOf("north", "south")) {
            tap("domains.add")
            holdCodes(codes(domain))
            sees("pin.title")
            tap("pin.confirm")
            reads("Domain $domain.example")
        }
        tapShowing("Sign in for north.example")
        type("0000")
        tap("enrol.do")
        sees("refused.enrol-code")
        type(world.ask("domains code domain-authority ana"))
        tap("enrol.do")
        reads("You are ana (domain authority) of north.example")
        assertEquals("introduced", world.ask("domains introduce spiffe://north.example/domain-authority/ana"))
        tap("settings.sync")
        sees("domains.apart")
        tap("domains.register")
        sees("domains.proposed")
        assertEquals("settled", world.ask("domains settle"))
        tap("settings.sync")
        tapShowing("Owner: lab (data owner), south.example")
    }

    /** Ana is known in the south. */
    private fun Person.becomeKnown() {
        tap("data.ask")
        reads("south.example knows nobody of your domain yet")
        tap("greeting.do")
        sees("greeting.show")
        exchange()
        reads("sol (domain authority) of south.example asks whether it is you")
        tap("greeting.go")
        sees("greeting.show")
        exchange()
        reads("sol (domain authority) of south.example knows you now")
        tap("greeting.keep")
        tapShowing("Owner: lab")
        tap("data.ask")
        reads("You, known at level 2 until")
    }

    @Test
    fun `somebody becomes known in another domain, asks, sees who looked and where data went, and takes it back`() {
        val ana = ana()
        ana.becomeKnown()
        ana.tap("licence.ask")
        ana.sees("fault.invalid-data-operation")
        ana.check("op.read")
        ana.check("op.derive")
        ana.tap("licence.ask")
        ana.sees("licence.voting")
        ana.sees("licence.expected")
        ana.reads("Votes so far, of 100: 0 yes")
        assertEquals("settled", world.ask("domains settle"))
        ana.tap("settings.sync")
        ana.reads("✓ Allowed until")

        ana.back()
        ana.tap("data.accesses")
        ana.sees("looked.nobody")
        assertEquals("noted", world.ask("domains note read"))
        assertEquals("noted", world.ask("domains note share"))
        assertEquals(64, world.ask("domains derive").length)
        ana.tap("settings.sync")
        ana.sees("looked.in-order")
        ana.sees("finding.operation")
        val list = (ana.model.screen as DomainScreen.Accesses).screen.list
        assertEquals(listOf(1, 0), list.map { it.findings.size })
        ana.reads("from north.example")

        ana.back()
        ana.tap("data.trace")
        val rows = (ana.model.screen as DomainScreen.Trace).screen.rows
        assertEquals(listOf(emptyList(), listOf(false)), rows.map { it.rails })
        assertTrue("made under the licence", rows.all { it.mark == WayMark.IN_ORDER })
        ana.reads("By lab (data owner), south.example")
        val spoken = ana.views().mapNotNull(View::getContentDescription).map { it.toString().plain() }.filter { it.startsWith("Level") }.toList()
        assertTrue("$spoken", spoken.size == 2 && spoken[1].startsWith("Level 2. Made of it. Data "))

        ana.model.home()
        ana.tap("home.domains")
        ana.tapShowing("north.example asks south.example")
        ana.tap("licence.revoke")
        ana.sees("licence.revoke-text")
        ana.tap("licence.revoke")
        ana.reads("Taken back on")
        ana.sees("cause.owner")
    }

    @Test
    fun `what the owner does not allow is denied, and the phone says why before and after the vote`() {
        val ana = ana()
        ana.becomeKnown()
        ana.check("op.share")
        ana.tap("licence.ask")
        ana.sees("licence.voting")
        ana.sees("denial.operation")
        assertEquals("settled", world.ask("domains settle"))
        ana.tap("settings.sync")
        ana.sees("request.denied")
        ana.sees("denial.operation")
        ana.looksAway()
        ana.model.home()
        ana.tap("home.domains")
        ana.tapShowing("Remove this domain")
        ana.reads("Domain north.example")
        assertTrue(ana.read.none { "Domain south.example" in it.plain() })
        ana.tapShowing("Owner: lab")
        ana.tap("data.accesses")
        ana.reads("south.example is not on this phone")
    }
}
