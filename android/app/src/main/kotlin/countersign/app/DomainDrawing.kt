package countersign.app

import android.graphics.Canvas
import android.graphics.Paint
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.LinearLayout
import android.widget.TextView
import countersign.core.DataAccessScreen
import countersign.core.DataScreen
import countersign.core.DomainLine
import countersign.core.DomainsNext
import countersign.core.GreetingNext
import countersign.core.LicenceMark
import countersign.core.LicenceScreen
import countersign.core.TraceRow
import countersign.core.WayMark

/** Draws the screens of somebody who looks into other domains. */
class DomainDrawing(ui: Ui, private val model: Model) : Page(ui) {
    private val domains get() = model.domains

    fun fill(page: LinearLayout, screen: DomainScreen) = page.run {
        when (screen) {
            is DomainScreen.All -> all(screen)
            is DomainScreen.Adding -> compare(screen.register, model) { domains.add(screen.register) }
            is DomainScreen.SigningIn -> signingIn(screen)
            is DomainScreen.Greeting -> greeting(screen)
            is DomainScreen.Data -> data(screen.screen)
            is DomainScreen.Asking -> asking(screen)
            is DomainScreen.Licence -> licence(screen.screen)
            is DomainScreen.Revoking -> revoking(screen)
            is DomainScreen.Accesses -> accesses(screen)
            is DomainScreen.Trace -> trace(screen)
        }
    }

    private fun LinearLayout.all(shown: DomainScreen.All) {
        val screen = shown.screen
        put(ui.heading(words.of("home.domains")))
        put(ui.text(words.of(screen.who)))
        screen.problem?.let { put(ui.warning(words.of(it))) }
        when (screen.next) {
            DomainsNext.ADD -> tap("domains.add", main = true) { domains.next(screen.next) }
            DomainsNext.REGISTER -> tap("domains.register", main = true) { domains.next(screen.next) }
            DomainsNext.SYNC -> tap("settings.sync", main = true) { domains.next(screen.next) }
            DomainsNext.ENROL -> Unit
            DomainsNext.NOTHING -> return
        }
        if (screen.next != DomainsNext.ADD && screen.next != DomainsNext.ENROL) {
            put(ui.subheading(words.of("licence.list")), gap = 20)
            if (screen.licences.isEmpty()) put(ui.text(words.of("licence.none")))
            screen.licences.forEach { card(it) }
            put(ui.subheading(words.of("data.list")), gap = 20)
            if (screen.data.isEmpty()) put(ui.text(words.of("data.none")))
            screen.data.forEach { card(it) }
        }
        if (screen.domains.isNotEmpty()) put(ui.subheading(words.of("domains.list")), gap = 20)
        screen.domains.forEach { card(it) }
        if (screen.next == DomainsNext.ADD) return
        tap("domains.add", tapped = domains::scan)
        if (screen.next == DomainsNext.ENROL) return
        tap("greeting.read", tapped = domains::scanGreeting)
        if (screen.next == DomainsNext.REGISTER) tap("settings.sync", tapped = domains::sync)
    }

    private fun LinearLayout.card(licence: LicenceScreen) = put(ui.card({ domains.show(licence) }) {
        put(ui.text(words.of(licence.title), bold = true))
        put(state(licence), gap = 4)
        put(ui.text(words.of(licence.lines.first()), 16f), gap = 4)
    })

    private fun state(licence: LicenceScreen): TextView {
        val state = words.of(licence.state)
        return when (licence.mark) {
            LicenceMark.WAITING -> ui.text("… $state")
            LicenceMark.ALLOWED -> ui.text("✓ $state", color = R.color.authentic, bold = true)
            LicenceMark.REFUSED -> ui.text("∅ $state", color = R.color.suspect, bold = true)
        }
    }

    private fun LinearLayout.card(data: DataScreen) = put(ui.card({ domains.open(data) }) {
        put(ui.text(words.of(data.title), bold = true))
        put(ui.text(words.of(data.lines.first()), 16f), gap = 4)
        data.warning?.let { put(ui.text(words.of(it), 16f, R.color.suspect), gap = 4) }
    })

    private fun LinearLayout.card(domain: DomainLine) = put(ui.card {
        put(ui.text(words.of(domain.title), bold = true))
        put(ui.text(words.of(domain.state), 16f), gap = 4)
        domain.enrol?.let { enrol -> put(ui.button(words.of(enrol), main = true) { domains.signingIn(domain) }) }
        put(ui.button(words.of("domains.remove")) { domains.remove(domain.domain) }.apply {
            contentDescription = "${words.of("domains.remove")}: ${words.of(domain.title)}"
        })
    })

    private fun LinearLayout.signingIn(screen: DomainScreen.SigningIn) {
        put(ui.heading(words.of(screen.domain.enrol ?: screen.domain.title)))
        put(ui.text(words.of("enrol.text")))
        val code = labelled("enrol.code")
        wrong(screen.wrong)
        tap("enrol.do", main = true) { domains.signIn(code.text.toString()) }
    }

    private fun LinearLayout.greeting(shown: DomainScreen.Greeting) {
        val screen = shown.screen
        put(ui.heading(words.of(screen.title)))
        put(ui.text(words.of(screen.text)))
        if (screen.codes.isNotEmpty()) put(CodeView(ui.context, screen.codes).apply { contentDescription = words.of("label.code") })
        wrong(shown.wrong)
        val key = when (screen.next) {
            GreetingNext.REPLY -> "greeting.go"
            GreetingNext.KEEP -> "greeting.keep"
            GreetingNext.SCAN -> "greeting.read"
            GreetingNext.DONE -> "action.ok"
        }
        tap(key, main = true) { domains.next(screen.next) }
    }

    private fun LinearLayout.data(screen: DataScreen) {
        put(ui.heading(words.of(screen.title)))
        screen.warning?.let { put(ui.warning(words.of(it))) }
        screen.lines.forEach { put(ui.text(words.of(it)), gap = 6) }
        if (screen.ask != null) tap("data.ask", main = true) { domains.asking(screen) }
        tap("data.trace") { domains.trace(screen.key) }
        tap("data.accesses") { domains.accesses(screen.key) }
    }

    private fun LinearLayout.asking(shown: DomainScreen.Asking) {
        val screen = shown.screen
        put(ui.heading(words.of("data.ask")))
        put(ui.text(words.of(screen.title), bold = true))
        put(ui.text(words.of(screen.rule)))
        screen.problem?.let {
            put(ui.warning(words.of(it)))
            return tap("greeting.do", main = true) { domains.greet(screen.holder) }
        }
        var user = screen.people.first().user
        choices("licence.whom", screen.people.map { words.of(it.title) to it.user }, user) { user = it }
        put(ui.subheading(words.of("licence.what")), gap = 20)
        val operations = screen.operations.map { it.operation to ui.check(words.of(it.title)) }
        operations.forEach { (_, check) -> put(check, gap = 0) }
        var purpose = screen.purposes.first().purpose
        choices("licence.purpose", screen.purposes.map { words.of(it.title) to it.purpose }, purpose) { purpose = it }
        var days = screen.days.first().days
        choices("licence.days", screen.days.map { words.of(it.title) to it.days }, days) { days = it }
        wrong(shown.wrong)
        tap("licence.ask", main = true) { domains.ask(user, operations.filter { it.second.isChecked }.map { it.first }, purpose, days) }
    }

    private fun LinearLayout.licence(screen: LicenceScreen) {
        put(ui.heading(words.of(screen.title)))
        put(state(screen).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE })
        screen.reasons.forEach { put(ui.text(words.of(it)), gap = 6) }
        put(ui.card { screen.lines.forEach { put(ui.text(words.of(it)), gap = 6) } })
        tap("settings.sync", main = screen.mark == LicenceMark.WAITING, tapped = domains::sync)
        if (screen.causes.isNotEmpty()) tap("licence.revoke") { domains.revoking(screen) }
    }

    private fun LinearLayout.revoking(shown: DomainScreen.Revoking) {
        val screen = shown.screen
        put(ui.heading(words.of("licence.revoke")))
        put(ui.text(words.of(screen.title), bold = true))
        put(ui.text(words.of("licence.revoke-text")))
        var cause = screen.causes.first().cause
        choices("cause.why", screen.causes.map { words.of(it.title) to it.cause }, cause) { cause = it }
        wrong(shown.wrong)
        tap("licence.revoke", main = true) { domains.revoke(cause) }
        tap("action.cancel") { model.back() }
    }

    private fun LinearLayout.accesses(shown: DomainScreen.Accesses) {
        val screen = shown.screen
        put(ui.heading(words.of("data.accesses")))
        put(ui.text(words.of(screen.title), bold = true))
        screen.warning?.let { put(ui.warning(words.of(it))) }
        screen.none?.let { put(ui.text(words.of(it))) }
        screen.list.forEach { access(it) }
        screen.sources.forEach { put(ui.quiet(words.of(it)), gap = 4) }
        tap("settings.sync", tapped = domains::sync)
    }

    private fun LinearLayout.access(access: DataAccessScreen) = put(ui.card {
        put(ui.text(words.of(access.title), bold = true))
        if (access.findings.isEmpty()) put(ui.text("✓ ${words.of("looked.in-order")}", color = R.color.authentic, bold = true), gap = 4)
        access.findings.forEach { put(ui.text("✕ ${words.of(it)}", color = R.color.suspect, bold = true), gap = 4) }
        access.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
    })

    private fun LinearLayout.trace(shown: DomainScreen.Trace) {
        val screen = shown.screen
        put(ui.heading(words.of("data.trace")))
        put(ui.text(words.of(screen.title), bold = true))
        screen.warnings.forEach { put(ui.warning(words.of(it))) }
        screen.none?.let { put(ui.text(words.of(it))) }
        screen.rows.forEachIndexed { place, row -> put(row(row), gap = if (place == 0) 12 else 0) }
        screen.sources.forEachIndexed { place, source -> put(ui.quiet(words.of(source)), gap = if (place == 0) 12 else 4) }
        tap("settings.sync", tapped = domains::sync)
    }

    /** A state of data beside its branch of the tree. It is read out as one, with its level, which the branch draws. */
    private fun row(row: TraceRow) = LinearLayout(ui.context).apply {
        addView(Branch(ui, row), LinearLayout.LayoutParams(ui.dp(Branch.COLUMN) * row.rails.size + ui.dp(32), MATCH_PARENT))
        val shown = mutableListOf<TextView>()
        val lines = ui.column().apply {
            setPadding(ui.dp(4), ui.dp(6), 0, ui.dp(10))
            shown += ui.text(words.of(row.title), bold = true)
            row.lines.forEach { shown += ui.text(words.of(it), 16f) }
            shown += ui.quiet(words.moment(row.atMillis))
            row.notes.forEach { shown += ui.text(words.of(it), 16f, if (row.mark == WayMark.IN_ORDER) R.color.quiet else R.color.suspect) }
            shown.forEach { put(it, gap = 0) }
        }
        addView(lines, LinearLayout.LayoutParams(0, WRAP_CONTENT, 1f))
        isScreenReaderFocusable = true
        contentDescription = (listOf(words.of(row.level)) + shown.map { it.text }).joinToString(". ")
    }
}

/** A state's place in the tree: the lines of the branches beside it, its own branch, and its mark. */
class Branch(ui: Ui, private val row: TraceRow) : View(ui.context) {
    private val unit = ui.dp(1).toFloat()
    private val paint = markPaint(unit)
    private val edge = ui.color(R.color.edge)
    private val color = ui.color(row.mark.color)

    override fun onDraw(canvas: Canvas) {
        // The tree grows from where the lines of text begin.
        if (layoutDirection == LAYOUT_DIRECTION_RTL) canvas.scale(-1f, 1f, width / 2f, 0f)
        fun x(column: Int) = (16 + COLUMN * column) * unit
        val (y, radius) = 20 * unit to 8 * unit
        paint.style = Paint.Style.STROKE
        paint.color = edge
        row.rails.forEachIndexed { column, goesOn ->
            val isOwn = column == row.rails.lastIndex
            if (goesOn) canvas.drawLine(x(column), 0f, x(column), height.toFloat(), paint)
            if (isOwn && !goesOn) canvas.drawLine(x(column), 0f, x(column), y, paint)
            if (isOwn) canvas.drawLine(x(column), y, x(column + 1) - radius, y, paint)
        }
        if (row.leadsOn) canvas.drawLine(x(row.rails.size), y + radius, x(row.rails.size), height.toFloat(), paint)
        paint.color = color
        canvas.mark(row.mark, x(row.rails.size), y, radius, paint)
    }

    companion object {
        /** How wide a column is, in dp. */
        const val COLUMN = 14
    }
}
