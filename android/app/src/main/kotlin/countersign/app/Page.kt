package countersign.app

import android.text.InputType
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.RadioGroup
import countersign.core.BedsideNext
import countersign.core.Register
import countersign.core.Text

/** What every screen is put together with. */
abstract class Page(protected val ui: Ui) {
    protected val words get() = ui.words

    protected fun LinearLayout.put(view: View, gap: Int = 12) = ui.run { add(view, gap) }

    protected fun LinearLayout.tap(key: String, main: Boolean = false, tapped: () -> Unit) =
        put(ui.button(words.of(key), main, tapped))

    /** A field below its name. */
    protected fun LinearLayout.labelled(key: String, content: String = ""): EditText {
        val (label, field) = ui.quiet(words.of(key)) to ui.field(words.of(key), content)
        field.hint = null
        field.id = View.generateViewId()
        label.labelFor = field.id
        put(label, gap = 16)
        put(field, gap = 4)
        return field
    }

    /** One of several, each with what it stands for. */
    protected fun <T> LinearLayout.choices(title: String, all: List<Pair<String, T>>, first: T, chosen: (T) -> Unit) {
        put(ui.subheading(words.of(title)), gap = 20)
        val group = RadioGroup(ui.context)
        for ((label, value) in all) {
            val button = ui.radio(label).apply { id = View.generateViewId() }
            group.addView(button, LinearLayout.LayoutParams.MATCH_PARENT, LinearLayout.LayoutParams.WRAP_CONTENT)
            if (value == first) group.check(button.id)
            button.setOnCheckedChangeListener { _, on -> if (on) chosen(value) }
        }
        put(group, gap = 0)
    }

    /** What is typed here is hidden, and kept nowhere. */
    protected fun EditText.secret() = apply { inputType = InputType.TYPE_CLASS_TEXT or InputType.TYPE_TEXT_VARIATION_PASSWORD }

    /** The button for what a nurse does next. */
    protected fun LinearLayout.next(next: BedsideNext, main: Boolean, bedside: BedsideModel) {
        val key = when (next) {
            BedsideNext.ENROL -> "enrol.do"
            BedsideNext.TAKE_BADGE -> "ward.scan-badge"
            BedsideNext.SYNC -> "settings.sync"
            BedsideNext.SCAN_DEVICE -> "ward.scan-device"
            BedsideNext.SIGN_IN -> "session.again"
            BedsideNext.UNLOCK, BedsideNext.NOTHING -> return
        }
        tap(key, main) { bedside.next(next) }
    }

    /** A register is trusted once a person has compared its words. */
    protected fun LinearLayout.compare(register: Register, model: Model, same: () -> Unit) {
        put(ui.heading(words.of("pin.title")))
        put(ui.text(words.of(Text("pin.text", listOf(Words.said("ledger", register.ledger))))))
        put(ui.card {
            // In rows of three, from the left: they are words of one list, whatever the person's language.
            layoutDirection = View.LAYOUT_DIRECTION_LTR
            register.words.chunked(3).forEach { row -> put(ui.text(row.joinToString("  "), 22f, bold = true), gap = 4) }
        })
        tap("pin.confirm", main = true, same)
        tap("pin.reject") { model.back() }
    }

    /** Why what was entered cannot be used. */
    protected fun LinearLayout.wrong(text: Text?) {
        if (text != null) put(ui.text(words.of(text), color = R.color.suspect).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_ASSERTIVE })
    }
}

/** A view and all in it. */
fun View.all(): Sequence<View> = sequence {
    yield(this@all)
    if (this@all is ViewGroup) for (i in 0 until childCount) yieldAll(getChildAt(i).all())
}
