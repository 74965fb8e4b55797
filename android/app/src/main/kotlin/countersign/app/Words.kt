package countersign.app

import android.content.res.Resources
import countersign.core.Argument
import countersign.core.Text
import countersign.core.Value
import java.text.DateFormat
import java.text.NumberFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/** Texts in the person's language, as the core names them. */
class Words(private val resources: Resources) {
    private val locale: Locale get() = resources.configuration.locales[0]

    /** A text with its arguments filled in by name. What was filled in is not looked at again. */
    fun of(text: Text): String {
        val arguments = text.arguments.associate { it.name to it.value }
        return PLACE.replace(template(text.key, arguments)) { place ->
            arguments[place.groupValues[1]]?.let(::shown).orEmpty()
        }
    }

    /** A text without arguments. */
    fun of(key: String): String = of(Text(key, emptyList()))

    /** A day and its time, as this phone's clock would show it. */
    fun moment(millis: ULong): String =
        DateFormat.getDateTimeInstance(DateFormat.MEDIUM, DateFormat.SHORT, locale).format(Date(millis.toLong()))

    /** A size in memory. */
    fun size(bytes: ULong): String {
        val megabytes = NumberFormat.getInstance(locale).apply { maximumFractionDigits = 1 }
        return "${megabytes.format(bytes.toDouble() / 1_000_000)} MB"
    }

    private fun template(key: String, arguments: Map<String, Value>): String {
        COUNTED[key]?.let { (id, by) ->
            val number = (arguments[by] as? Value.Number)?.v1 ?: 0uL
            return resources.getQuantityString(id, number.coerceAtMost(Int.MAX_VALUE.toULong()).toInt())
        }
        val id = PLAIN[key] ?: PLAIN[fallback(key)] ?: return key
        return resources.getString(id)
    }

    /** A profile that is newer than this app has steps and roles of which it knows no title. */
    private fun fallback(key: String): String = key.substringBefore('.') + ".other"

    private fun shown(value: Value): String = when (value) {
        is Value.Text -> value.v1
        is Value.Step -> of(value.v1)
        is Value.Number -> NumberFormat.getIntegerInstance(locale).format(value.v1.toLong())
        is Value.Moment -> moment(value.v1)
        // The last moment of a day, in UTC, is that day everywhere: it is what is printed on the pack.
        is Value.Time -> DateFormat.getDateInstance(DateFormat.MEDIUM, locale)
            .apply { timeZone = TimeZone.getTimeZone("UTC") }
            .format(Date(value.v1.toLong()))
        is Value.Party -> {
            val role = of("role.${value.role}")
            value.name?.let { of(Text("role.named", listOf(said("name", it), said("role", role)))) } ?: role
        }
    }

    companion object {
        private val PLACE = Regex("\\{([a-z]+)\\}")

        /** An argument that is a text. */
        fun said(name: String, value: String) = Argument(name, Value.Text(value))
    }
}
