package countersign.app

import android.text.Editable
import android.text.InputType
import android.text.TextWatcher
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.LinearLayout
import android.widget.ScrollView
import countersign.core.BadgeScreen
import countersign.core.BedsideNext
import countersign.core.CommandChoice
import countersign.core.DeviceLine
import countersign.core.ReadingLine
import countersign.core.ReadingMark
import countersign.core.SentLine
import countersign.core.SentState
import countersign.core.SessionScreen
import countersign.core.SignInChoice

/** Draws the screens of a nurse, but for a session's, which has a view of its own. */
class BedsideDrawing(ui: Ui, private val model: Model) : Page(ui) {
    private val bedside get() = model.bedside

    fun fill(page: LinearLayout, screen: BedsideScreen) = page.run {
        when (screen) {
            is BedsideScreen.Ward -> ward(screen)
            is BedsideScreen.NewBadge -> newBadge(screen)
            is BedsideScreen.NewPassword -> newPassword(screen)
            is BedsideScreen.Device -> device(screen)
            is BedsideScreen.Value -> value(screen)
            is BedsideScreen.Command -> command(screen)
            is BedsideScreen.Session -> error("a session has a view of its own")
        }
    }

    private fun LinearLayout.ward(shown: BedsideScreen.Ward) {
        val screen = shown.screen
        put(ui.heading(words.of("home.ward")))
        put(ui.text(words.of(screen.who)))
        screen.none?.let { put(ui.text(words.of(it))) }
        next(screen.next)
        if (screen.devices.isNotEmpty()) put(ui.subheading(words.of("ward.met")), gap = 20)
        screen.devices.forEach { met(it) }
        if (screen.badges.isNotEmpty()) put(ui.subheading(words.of("ward.badges")), gap = 20)
        screen.badges.forEach { badge(it) }
        if (screen.next != BedsideNext.ENROL && screen.next != BedsideNext.TAKE_BADGE) next(BedsideNext.TAKE_BADGE, main = false)
    }

    private fun LinearLayout.met(device: DeviceLine) = put(ui.card({ bedside.choose(device.device) }) {
        put(ui.text(words.of(device.title), bold = true))
        device.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
    })

    private fun LinearLayout.badge(badge: BadgeScreen) = put(ui.card {
        put(ui.text(words.of(badge.title), bold = true))
        val state = words.of(badge.state)
        put(if (badge.isGood) ui.text("✓ $state", color = R.color.authentic, bold = true) else ui.warning(state), gap = 4)
        tap("ward.change-password", badge) { bedside.newPassword(badge) }
        tap("ward.forget", badge) { bedside.forget(badge.gateway) }
    })

    private fun LinearLayout.tap(key: String, badge: BadgeScreen, tapped: () -> Unit) = put(ui.button(words.of(key), tapped = tapped).apply {
        contentDescription = "${words.of(key)}: ${words.of(badge.title)}"
    })

    private fun LinearLayout.newBadge(screen: BedsideScreen.NewBadge) {
        put(ui.heading(words.of("ward.take")))
        put(ui.text(words.of("ward.take-text")))
        val password = labelled("ward.new-password").secret()
        wrong(screen.wrong)
        tap("ward.take", main = true) { bedside.take(screen.badge, password.text.toString()) }
    }

    private fun LinearLayout.newPassword(screen: BedsideScreen.NewPassword) {
        put(ui.heading(words.of("ward.change-password")))
        put(ui.text(words.of(screen.title), bold = true))
        val old = labelled("ward.password").secret()
        val new = labelled("ward.next-password").secret()
        wrong(screen.wrong)
        tap("ward.change-password", main = true) { bedside.changePassword(old.text.toString(), new.text.toString()) }
    }

    private fun LinearLayout.device(shown: BedsideScreen.Device) {
        val screen = shown.screen
        put(ui.heading(words.of(screen.title)))
        screen.lines.forEach { put(ui.text(words.of(it), bold = true), gap = 4) }
        screen.problem?.let { put(ui.warning(words.of(it))) }
        if (screen.next != BedsideNext.SIGN_IN) return next(screen.next)
        val password = labelled("ward.password").secret()
        wrong(shown.wrong)
        screen.choices.forEachIndexed { place, choice -> this.choice(choice, place == 0) { bedside.signIn(password.text.toString(), choice) } }
    }

    private fun LinearLayout.choice(choice: SignInChoice, first: Boolean, tapped: () -> Unit) = put(ui.card {
        put(ui.text(words.of(choice.title), bold = true))
        choice.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
        put(ui.button(words.of("enrol.do"), main = first, tapped).apply { contentDescription = "${words.of("enrol.do")}: ${words.of(choice.title)}" })
    })

    private fun LinearLayout.value(screen: BedsideScreen.Value) {
        put(ui.heading(words.of(screen.choice.title)))
        put(ui.text(words.of(screen.session.patient), 20f, bold = true))
        screen.choice.unit?.let { put(ui.text(words.of(it))) }
        val field = labelled("command.value", screen.typed)
        field.addTextChangedListener(object : TextWatcher {
            override fun beforeTextChanged(text: CharSequence, start: Int, count: Int, after: Int) = Unit
            override fun onTextChanged(text: CharSequence, start: Int, before: Int, count: Int) = Unit
            override fun afterTextChanged(text: Editable) {
                screen.typed = text.toString()
            }
        })
        wrong(screen.wrong)
        tap("command.check", main = true) { bedside.typed(field.text.toString()) }
        tap("action.cancel") { model.back() }
    }

    private fun LinearLayout.command(shown: BedsideScreen.Command) {
        val screen = shown.screen
        put(ui.heading(words.of("command.confirm")))
        put(ui.card {
            put(ui.text(words.of(screen.title), 20f, bold = true))
            screen.value?.let { put(ui.text(words.of(it), 32f, bold = true), gap = 8) }
            screen.lines.forEach { put(ui.text(words.of(it)), gap = 6) }
        })
        put(ui.text(words.of("command.confirm-text")))
        wrong(shown.wrong)
        tap("command.send", main = true) { bedside.send(screen) }
        tap("action.cancel") { model.back() }
    }

    private fun LinearLayout.next(next: BedsideNext, main: Boolean = true) = next(next, main, bedside)
}

/** What is seen of a session. It stays while what it shows changes, so that no tap is lost and nothing jumps. */
class SessionView(ui: Ui, private val model: Model) : Page(ui) {
    private val bedside get() = model.bedside
    private val who = ui.text("", 16f, bold = true)
    private val above = ui.column()
    private val below = ui.column()
    private var shown: SessionScreen? = null
    private var offered: Any? = null

    val view: LinearLayout = ui.column().apply {
        setBackgroundColor(ui.color(R.color.ground))
        // Who is signed in is to be seen wherever the rest is scrolled to.
        addView(who.apply { setPadding(ui.dp(16), ui.dp(8), ui.dp(16), ui.dp(8)) }, MATCH_PARENT, WRAP_CONTENT)
        val page = ui.column(16)
        page.addView(above, MATCH_PARENT, WRAP_CONTENT)
        page.addView(below, MATCH_PARENT, WRAP_CONTENT)
        addView(ScrollView(ui.context).apply { addView(page, MATCH_PARENT, WRAP_CONTENT) }, LinearLayout.LayoutParams(MATCH_PARENT, 0, 1f))
    }

    fun show(there: BedsideScreen.Session) {
        val screen = there.screen
        who.text = words.of(screen.who)
        if (shown != screen) above.run {
            removeAllViews()
            seen(screen)
        }
        shown = screen
        val offers = listOf(screen.commands, screen.next, there.wrong)
        if (offered != offers) below.run {
            removeAllViews()
            offered(screen, there)
        }
        offered = offers
    }

    private fun LinearLayout.seen(screen: SessionScreen) {
        if (model.touring) put(ui.text(words.of("demo.banner"), bold = true))
        put(ui.heading(words.of(screen.title)))
        put(if (screen.hasPatient) ui.text(words.of(screen.patient), 20f, bold = true) else ui.warning(words.of(screen.patient)))
        screen.halt?.let { put(ui.warning(words.of(it)).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE }) }
        screen.warnings.forEach { put(ui.warning(words.of(it)).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE }) }
        screen.sent?.let { sent(it) }
        if (screen.halt == null && screen.readings.isEmpty()) put(ui.text(words.of("session.waiting")))
        screen.readings.forEach { reading(it) }
        screen.lines.forEachIndexed { place, line -> put(ui.quiet(words.of(line)), gap = if (place == 0) 12 else 4) }
    }

    private fun LinearLayout.reading(reading: ReadingLine) = put(ui.card {
        put(ui.text(words.of(reading.name)))
        reading.value?.let { put(ui.text(words.of(it), 32f, bold = true), gap = 4) }
        reading.note?.let { note ->
            val words = words.of(note)
            put(if (reading.mark == ReadingMark.OLD) ui.warning(words) else ui.text("${sign(reading.mark)} $words", color = R.color.attention, bold = true), gap = 4)
        }
        put(ui.quiet(words.of(reading.age)), gap = 4)
    })

    private fun sign(mark: ReadingMark) = if (mark == ReadingMark.DOUBTFUL) "?" else "∅"

    private fun LinearLayout.sent(sent: SentLine) = put(ui.card {
        put(ui.text(words.of(sent.what), bold = true))
        sent.value?.let { put(ui.text(words.of(it), 20f, bold = true), gap = 4) }
        val text = words.of(sent.text)
        val state = when (sent.state) {
            SentState.SENT -> ui.text("… $text")
            SentState.SHOWN -> ui.text("✓ $text", color = R.color.authentic, bold = true)
            SentState.NOT_SHOWN -> ui.warning(text)
        }
        put(state.apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE }, gap = 4)
    })

    private fun LinearLayout.offered(screen: SessionScreen, there: BedsideScreen.Session) {
        if (model.touring) tap("demo.next", main = true, model::toured)
        if (screen.next == BedsideNext.UNLOCK) {
            val password = labelled("ward.password").secret()
            wrong(there.wrong)
            tap("session.unlock", main = true) { bedside.unlock(password.text.toString()) }
        } else {
            wrong(there.wrong)
            if (screen.commands.isNotEmpty()) put(ui.subheading(words.of("session.commands")), gap = 20)
            screen.commands.forEach { command(screen, it) }
            next(screen.next, main = true, bedside)
        }
        put(ui.button(words.of("session.leave")) { model.back() }, gap = 24)
    }

    private fun LinearLayout.command(screen: SessionScreen, choice: CommandChoice) =
        put(ui.button(words.of(choice.title)) { bedside.command(shown ?: screen, choice) })
}
