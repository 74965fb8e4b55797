package countersign.app

import countersign.core.Argument
import countersign.core.Text
import countersign.core.Value
import java.util.Locale
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** The texts, as this phone shows them in each language. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE) // with another mode the core would be loaded twice, and call back into the wrong one
@Config(sdk = [34])
class WordsTest {
    private fun words(qualifiers: String): Words {
        RuntimeEnvironment.setQualifiers(qualifiers)
        return Words(RuntimeEnvironment.getApplication().resources)
    }

    @Test
    fun `every text that counts has a form for every number in every language`() {
        for (language in listOf("en", "de", "fr", "es", "pt", "ar", "hi", "b+zh+Hans")) {
            val words = words(language)
            for ((key, counted) in COUNTED) for (number in listOf(0, 1, 2, 3, 11, 21, 100, 1_000_000)) {
                val text = words.of(Text(key, listOf(Argument(counted.second, Value.Number(number.toULong())))))
                assertTrue("$language $key $number: $text", text.isNotBlank() && '{' !in text)
            }
        }
    }

    @Test
    fun `each language is the one that the phone is set to`() {
        val shown = listOf("en", "de", "fr", "es", "pt", "ar", "hi", "b+zh+Hans", "zh-rCN").map { words(it).of("verdict.authentic") }
        assertEquals(listOf("Authentic", "Echt", "Authentique", "Auténtico", "Autêntico", "أصلي", "असली", "真品", "真品"), shown)
    }

    @Test
    fun `what is filled in is isolated, and not looked at again`() {
        val text = Text("reason.recalled", listOf(Argument("why", Value.Text("{party} \$1 10-20")), Argument("party", Value.Party("one", "authority"))))
        val shown = words("ar").of(text)
        assertTrue(shown, "\u2068{party} \$1 10-20\u2069" in shown)
    }

    @Test
    fun `a Latin name in an Arabic text stands to the right of its brackets, which stay around the role`() {
        val words = words("ar")
        val shown = words.of(Text("way.between", listOf(Argument("party", Value.Party("one-1", "courier")), Argument("receiver", Value.Party("two-2", "pharmacy")))))
        val line = android.icu.text.Bidi(shown, android.icu.text.Bidi.LEVEL_DEFAULT_LTR.toInt())
        val seen = line.writeReordered(android.icu.text.Bidi.DO_MIRRORING.toInt()).plain()
        // As the screen shows it, read from its left end.
        assertEquals("(${words.of("role.pharmacy").reversed()}) two-2 ىلإ (${words.of("role.courier").reversed()}) one-1", seen)
    }

    @Test
    fun `Arabic digits are for people, and never in what machines compare`() {
        val before = Locale.getDefault()
        try {
            Locale.setDefault(Locale.forLanguageTag("ar-EG"))
            val shown = words("ar-rEG").of(Text("age.days", listOf(Argument("count", Value.Number(25uL)))))
            assertFalse(shown, "25" in shown)
            assertEquals("verdict.cannot-tell", "verdict." + countersign.core.VerdictKind.CANNOT_TELL.name.lowercase(Locale.ROOT).replace('_', '-'))
        } finally {
            Locale.setDefault(before)
        }
    }

    @Test
    fun `a step or a role of a newer profile has a name all the same`() {
        val words = words("en")
        assertEquals("Another step", words.of("step.teleport"))
        val shown = words.of(Text("way.alone", listOf(Argument("party", Value.Party("x", "wizard")))))
        assertEquals("x (member)", shown.plain())
    }

    @Test
    fun `a day is the one that is printed, wherever the phone is`() {
        val before = java.util.TimeZone.getDefault()
        try {
            java.util.TimeZone.setDefault(java.util.TimeZone.getTimeZone("Pacific/Auckland"))
            // The last moment of 2028-11-30, UTC.
            val shown = words("en-rGB").of(Text("reason.expired", listOf(Argument("at", Value.Time(1_859_241_599_999uL)))))
            assertTrue(shown, "30 Nov 2028" in shown)
        } finally {
            java.util.TimeZone.setDefault(before)
        }
    }
}
