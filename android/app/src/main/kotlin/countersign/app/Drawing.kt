package countersign.app

import android.graphics.Canvas
import android.graphics.Paint
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.ScrollView
import countersign.core.Action
import countersign.core.ImageScreen
import countersign.core.Text
import countersign.core.Value
import countersign.core.VerdictKind
import countersign.core.VerdictScreen
import countersign.core.Way
import countersign.core.WayMark

/** What a tap can ask of the phone itself. */
interface Platform {
    fun examples()
    fun choosePhotograph()
    fun chooseDocument()
    fun chooseEvidence()
    fun chooseImage(image: ImageScreen)
    fun saveImage(image: ImageScreen)
    fun open(action: Action)
    fun chooseLanguage()
    fun sayPlace(on: Boolean)
    fun send(proof: Screen.Proof)
    fun sendLink(link: String)
}

/** Draws each screen that has no camera. One function a screen, from the top down. */
class Drawing(ui: Ui, private val model: Model, private val platform: Platform) : Page(ui) {
    private val medical = MedicalDrawing(ui, model, platform)
    private val bedside = BedsideDrawing(ui, model)
    private val domains = DomainDrawing(ui, model)

    fun draw(screen: Screen): View {
        val page = ui.column(16)
        page.apply {
            if (model.touring && screen !is Screen.Home) {
                put(ui.text(words.of("demo.banner"), bold = true))
                tap("demo.next", main = true, model::toured)
            }
            when (screen) {
                is Screen.Start -> start()
                is Screen.Pin -> compare(screen.register, model) { model.pin(screen.register) }
                is Screen.Home -> home(screen)
                is Screen.Typing -> typing(screen)
                is Screen.Verdict -> verdict(screen)
                is Screen.Rests -> rests(screen)
                is Screen.Medicines -> medicines(screen)
                is Screen.History -> history(screen)
                is Screen.Reporting -> reporting(screen)
                is Screen.Reports -> reports(screen)
                is Screen.Carry -> carry(screen)
                is Screen.Enrol -> enrol(screen)
                is Screen.Offered -> offered(screen)
                is Screen.Refusing -> refusing(screen)
                is Screen.Showing -> showing(screen)
                is Screen.Done -> done(screen)
                is Screen.Proof -> proof(screen)
                is Screen.Outbox -> outbox(screen)
                is Screen.Preferences -> preferences(screen)
                is Screen.Erasing -> erasing()
                is Screen.Faulty -> faulty(screen)
                is Screen.Medical -> medical.fill(this, screen)
                is BedsideScreen -> bedside.fill(this, screen)
                is DomainScreen -> domains.fill(this, screen)
                is Screen.Eye -> error("the camera has a view of its own")
            }
        }
        return ScrollView(ui.context).apply {
            isFillViewport = true
            addView(page, MATCH_PARENT, WRAP_CONTENT)
        }
    }

    private fun LinearLayout.start() {
        put(ui.heading(words.of("start.title")))
        put(ui.text(words.of("start.text")))
        tap("start.pin", main = true, model::scanRegister)
        put(ui.quiet(words.of("start.pin-text")), gap = 4)
        put(ui.button(words.of("start.demo"), tapped = platform::examples), gap = 24)
    }

    private fun LinearLayout.home(screen: Screen.Home) {
        if (screen.examples) {
            put(ui.text(words.of("demo.banner"), bold = true))
            EXAMPLES.forEach { (key, code) -> tap(key) { model.check(code) } }
            Tour.TASKS.keys.forEach { task -> tap(task) { model.tour(task) } }
        }
        put(ui.button(words.of("home.scan"), main = true, model::scanPack).apply { minHeight = ui.dp(96); textSize = 22f }, gap = 16)
        tap("home.medicines", tapped = model::medicines)
        if (screen.examples) {
            tap("demo.leave", tapped = model::leaveExamples)
        } else {
            tap("home.carry", tapped = model::carry)
            tap("home.records", tapped = model.records::all)
            tap("home.ward", tapped = model.bedside::ward)
            tap("home.domains", tapped = model.domains::all)
            tap("home.settings", tapped = model::preferences)
        }
    }

    private fun LinearLayout.typing(screen: Screen.Typing) {
        val field = ui.field(words.of(if (screen.aim in TYPED_PLAINLY) "enrol.code" else "scan.type-hint"))
        put(ui.heading(words.of("scan.type")))
        put(field)
        wrong(screen.wrong)
        tap("scan.check", main = true) { model.typed(field.text.toString()) }
    }

    private fun LinearLayout.verdict(shown: Screen.Verdict) {
        val screen = shown.screen
        put(banner(screen))
        put(ui.text(words.of(screen.next), 20f, bold = true))
        shown.seen.hint?.let { put(ui.warning(words.of(it))) }
        shown.seen.before?.let { put(ui.text("↻ ${words.of(it)}")) }
        screen.action?.let { action -> put(button(action)) }
        if (screen.readings.isNotEmpty()) {
            put(ui.subheading(words.of("answer.readings")))
            screen.readings.forEach { put(ui.button(words.of(it.product)) { model.check(it.link) }) }
        }
        put(ui.card {
            val lines = listOfNotNull(screen.product, screen.expires, screen.accountable, screen.age, screen.asOf)
            lines.forEach { put(ui.text(words.of(it)), gap = 6) }
            if (screen.others.isNotEmpty()) {
                put(ui.text(words.of("answer.more"), bold = true), gap = 10)
                screen.others.forEach { put(ui.text(words.of(it)), gap = 6) }
            }
        })
        val keep = screen.keep
        if (shown.kept) put(ui.text(words.of("answer.kept"), bold = true)) else if (keep != null) tap("answer.keep") { model.keep(keep) }
        if (shown.reports && screen.verdict in DOUBTFUL) tap("report.do", tapped = model::suspect)
        put(ui.subheading(words.of("answer.way")), gap = 20)
        if (screen.way.isEmpty()) put(ui.text(words.of("answer.way-none")))
        screen.way.forEachIndexed { place, stop -> put(stop(stop, place == 0, place == screen.way.lastIndex), gap = 0) }
        tap("answer.rests") { model.rests(screen.rests) }
        tap("answer.again", main = true) { model.home(); model.scanPack() }
    }

    private fun banner(screen: VerdictScreen) = ui.column(20).apply {
        background = ui.filled(ground(screen.verdict))
        accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_ASSERTIVE
        val line = LinearLayout(ui.context).apply { gravity = Gravity.CENTER_VERTICAL }
        ui.run {
            line.add(icon(Sign(screen.verdict, color(R.color.on_verdict)), 52))
            line.add(text(words.of(screen.title), 30f, R.color.on_verdict, bold = true).apply { isAccessibilityHeading = true })
        }
        put(line)
        put(ui.text(words.of(screen.reason), 20f, R.color.on_verdict))
    }

    /** A stop on the way: a mark on a line that leads from the one before to the next. */
    private fun stop(stop: Way, first: Boolean, last: Boolean) = LinearLayout(ui.context).apply {
        val mark = Mark(ui, stop.mark, first, last)
        addView(mark, LinearLayout.LayoutParams(ui.dp(32), MATCH_PARENT))
        val lines = ui.column().apply {
            setPadding(ui.dp(8), ui.dp(6), 0, ui.dp(10))
            val title = ui.text(words.of(stop.title), bold = true)
            if (stop.mark == WayMark.VOID) title.paintFlags = title.paintFlags or Paint.STRIKE_THRU_TEXT_FLAG
            put(title)
            put(ui.text(words.of(stop.who), 16f), gap = 0)
            put(ui.quiet(words.moment(stop.atMillis)), gap = 0)
            stop.notes.forEach { put(ui.text(words.of(it), 16f, if (stop.mark == WayMark.IN_ORDER) R.color.quiet else R.color.suspect), gap = 0) }
        }
        addView(lines, LinearLayout.LayoutParams(0, WRAP_CONTENT, 1f))
    }

    private fun LinearLayout.rests(screen: Screen.Rests) {
        put(ui.heading(words.of("answer.rests")))
        put(ui.text(words.of(if (screen.lines.isEmpty()) "rests.none" else "rests.text")))
        screen.lines.forEach { put(ui.card { put(ui.text(words.of(it))) }) }
        if (screen.damaged) put(ui.text(words.of("rests.damaged"), color = R.color.suspect))
        if (screen.contradictions) put(ui.text(words.of("rests.contradictions"), color = R.color.suspect))
        tap("action.back") { model.back() }
    }

    private fun LinearLayout.medicines(screen: Screen.Medicines) {
        put(ui.heading(words.of("home.medicines")))
        if (screen.packs.isEmpty()) put(ui.text(words.of("medicines.empty")))
        for (pack in screen.packs) {
            put(ui.card({ model.check(pack.link) }) {
                put(ui.text(words.of(pack.product), bold = true))
                pack.verdict?.let { verdict ->
                    val title = words.of("verdict." + verdict.name.lowercase(java.util.Locale.ROOT).replace('_', '-'))
                    put(verdictLine(verdict, title), gap = 6)
                }
                put(ui.text(words.of(pack.line), 16f), gap = 4)
                pack.expires?.let { put(ui.quiet(words.of(it)), gap = 4) }
            })
            put(ui.button(words.of("medicines.remove")) { model.forget(pack.link) }.apply {
                contentDescription = "${words.of("medicines.remove")}: ${words.of(pack.product)}"
            }, gap = 4)
        }
        tap("home.scan", main = true, model::scanPack)
        tap("history.title", tapped = model::history)
        tap("report.list", tapped = model::reports)
    }

    private fun LinearLayout.history(screen: Screen.History) {
        put(ui.heading(words.of("history.title")))
        val remember = ui.check(words.of("history.remember")).apply { isChecked = screen.on }
        remember.setOnClickListener { model.remember(remember.isChecked) }
        put(remember)
        put(ui.quiet(words.of("history.remember-text")), gap = 0)
        if (screen.scans.isEmpty()) put(ui.text(words.of("history.empty")), gap = 20)
        for (scan in screen.scans) {
            put(ui.card({ model.check(scan.link) }) {
                put(ui.text(words.of(scan.product), bold = true))
                put(verdictLine(scan.verdict, words.of(scan.title)), gap = 6)
                put(ui.text(words.of(scan.scanned), 16f), gap = 4)
                scan.expires?.let { put(ui.quiet(words.of(it)), gap = 4) }
            })
            put(ui.button(words.of("medicines.remove")) { model.forgetScan(scan.link) }.apply {
                contentDescription = "${words.of("medicines.remove")}: ${words.of(scan.product)}"
            }, gap = 4)
        }
        if (screen.scans.isNotEmpty()) put(ui.button(words.of("history.erase"), tapped = model::eraseHistory), gap = 24)
    }

    private fun LinearLayout.reporting(screen: Screen.Reporting) {
        put(ui.heading(words.of("report.do")))
        put(ui.text(words.of(screen.product), bold = true))
        put(ui.text(words.of("report.text")))
        val fields = listOf("report.words", "report.place", "report.answer").map { labelled(it) }
        if (screen.photograph != null) put(ui.text("✓ ${words.of("report.photo-added")}", bold = true))
        tap("report.photo", tapped = platform::chooseEvidence)
        wrong(screen.wrong)
        tap("report.send", main = true) {
            val (said, place, answer) = fields.map { it.text.toString() }
            model.report(said, place, answer)
        }
    }

    private fun LinearLayout.reports(screen: Screen.Reports) {
        put(ui.heading(words.of("report.list")))
        if (screen.list.isEmpty()) put(ui.text(words.of("report.none")))
        for (report in screen.list) {
            put(ui.card {
                put(ui.text(words.of(report.title), bold = true))
                put(ui.text(words.of(report.state)), gap = 4)
                if (report.settled) put(ui.button(words.of("records.forget")) { model.settleReport(report.id) }.apply {
                    contentDescription = "${words.of("records.forget")}: ${words.of(report.title)}"
                })
            })
        }
        tap("outbox.send", main = true, model::sendReports)
    }

    /** A verdict in a line: its sign, in the colour of its ground, and its word. */
    private fun verdictLine(verdict: VerdictKind, title: String) = LinearLayout(ui.context).apply {
        gravity = Gravity.CENTER_VERTICAL
        ui.run {
            add(icon(Sign(verdict, color(ground(verdict))), 28))
            add(text(title, color = ground(verdict), bold = true), gap = 8)
        }
    }

    private fun LinearLayout.carry(screen: Screen.Carry) {
        put(ui.heading(words.of("home.carry")))
        tap("carry.take-over", main = true, model::takeOver)
        for (handover in screen.pending) {
            put(ui.card({ model.show(handover) }) {
                put(ui.text(words.of(countersign.core.goodsText(handover.goods)), bold = true))
                put(ui.text(words.of(if (handover.gives) "show.you-signed" else "show.they-signed"), 16f), gap = 4)
            })
        }
        if (screen.goods.isEmpty()) put(ui.text(words.of("carry.empty")))
        for (goods in screen.goods) {
            put(ui.card {
                put(ui.text(words.of(goods.goods), bold = true))
                put(ui.text(words.of(goods.holder), 16f), gap = 4)
                if (goods.mine) {
                    put(ui.button(words.of("carry.hand-over"), main = true) { model.handOver(goods.link) }.apply {
                        contentDescription = "${words.of("carry.hand-over")}: ${words.of(goods.goods)}"
                    })
                }
                put(ui.button(words.of("proof.show")) { model.proof(goods.link) }.apply {
                    contentDescription = "${words.of("proof.show")}: ${words.of(goods.goods)}"
                })
            })
        }
        tap("action.load", tapped = model::load)
        val waiting = Text("carry.to-send", listOf(countersign.core.Argument("count", Value.Number(screen.outgoing.toULong()))))
        put(ui.button(words.of(waiting), tapped = model::outbox))
    }

    private fun LinearLayout.enrol(screen: Screen.Enrol) {
        val field = ui.field(words.of("enrol.code"))
        put(ui.heading(words.of("enrol.title")))
        put(ui.text(words.of("enrol.text")))
        put(field)
        wrong(screen.wrong)
        tap("enrol.do", main = true) { model.enrol(field.text.toString()) }
    }

    private fun LinearLayout.offered(shown: Screen.Offered) {
        val screen = shown.screen
        put(ui.heading(words.of(screen.from)))
        put(ui.card {
            put(ui.text(words.of(screen.goods), 22f, bold = true))
            screen.lines.forEachIndexed { place, line ->
                val warns = screen.warns && place == 0
                put(ui.text(words.of(line), color = if (warns) R.color.suspect else R.color.text, bold = warns), gap = 6)
            }
        })
        tap("take.intact", main = true, model::accept)
        tap("take.damaged", tapped = model::photographDamage)
        tap("take.refuse", tapped = model::refuse)
    }

    private fun LinearLayout.refusing(screen: Screen.Refusing) {
        val field = ui.field(words.of("take.why"))
        put(ui.heading(words.of("take.refuse")))
        put(ui.text(words.of("take.why")))
        put(field)
        tap("take.refuse", main = true) { if (field.text.isNotBlank()) model.refused(field.text.toString().trim()) }
    }

    private fun LinearLayout.showing(shown: Screen.Showing) {
        val screen = shown.screen
        put(ui.subheading(words.of(screen.goods)))
        put(CodeView(ui.context, shown.handover.codes).apply {
            paceMillis = shown.paceMillis
            contentDescription = words.of("label.code")
        })
        put(ui.text(words.of(screen.text)))
        states(screen.states.map { words.of(it) })
        if (screen.readsAnswer) {
            tap("show.read-answer", main = true, model::readAnswer)
        } else {
            tap("show.done", main = true) { model.dismiss(shown.handover) }
        }
        tap("show.speed", tapped = model::slower)
        if (screen.readsAnswer) tap("show.cancel-offer") { model.dismiss(shown.handover) }
    }

    private fun LinearLayout.states(lines: List<String>) = lines.forEach { put(ui.text("✓ $it", bold = true), gap = 4) }

    private fun LinearLayout.done(screen: Screen.Done) {
        put(ui.heading(words.of("show.both-hold")))
        put(ui.text(words.of(screen.goods), 22f, bold = true))
        states(listOf("show.you-signed", "show.they-signed", "show.both-hold").map { words.of(it) })
        tap("proof.show") { model.proof(screen.link) }
        tap("action.ok", main = true, model::carry)
    }

    private fun LinearLayout.proof(shown: Screen.Proof) {
        val screen = shown.screen
        put(ui.heading(words.of("proof.title")))
        put(ui.card {
            put(ui.text(words.of(screen.goods), 22f, bold = true))
            screen.lines.forEach { put(ui.text(words.of(it)), gap = 6) }
            put(ui.text(words.of(screen.recorded), bold = true), gap = 10)
            put(ui.quiet(words.of(screen.number)), gap = 6)
        })
        if (screen.way.isNotEmpty()) put(ui.subheading(words.of("proof.way")), gap = 20)
        screen.way.forEachIndexed { place, stop -> put(stop(stop, place == 0, place == screen.way.lastIndex), gap = 0) }
        tap("proof.send", main = true) { platform.send(shown) }
        tap("action.back") { model.back() }
    }

    private fun LinearLayout.outbox(screen: Screen.Outbox) {
        put(ui.heading(words.of("carry.outbox")))
        if (screen.entries.isEmpty()) put(ui.text(words.of("outbox.empty")))
        for (entry in screen.entries) {
            put(ui.card {
                put(ui.text(words.of(entry.title), bold = true))
                put(ui.text(words.of(entry.goods)), gap = 4)
                put(ui.quiet(words.moment(entry.signedMillis)), gap = 4)
                put(ui.text(words.of(entry.state), color = if (entry.settles) R.color.suspect else R.color.text, bold = true), gap = 6)
                entry.lines.forEach { put(ui.text(words.of(it)), gap = 4) }
                if (entry.settles) put(ui.button(words.of("outbox.settle")) { model.settle(entry.id) })
            })
        }
        tap("outbox.send", main = true, model::send)
    }

    private fun LinearLayout.preferences(screen: Screen.Preferences) {
        val settings = screen.settings
        put(ui.heading(words.of("home.settings")))
        put(ui.card {
            put(ui.text(words.of(Text("settings.register", listOf(Words.said("ledger", settings.knowledge.ledger)))), bold = true))
            val asOf = settings.knowledge.asOfMillis
            val known = asOf?.let { Text("settings.synced", listOf(countersign.core.Argument("at", Value.Moment(it)))) } ?: Text("settings.never-synced", emptyList())
            put(ui.text(words.of(known)), gap = 6)
            put(ui.text(words.of(Text("settings.following", listOf(countersign.core.Argument("count", Value.Number(settings.following)))))), gap = 6)
            put(ui.text(words.of(Text("settings.stored", listOf(Words.said("size", words.size(settings.bytes)))))), gap = 6)
            for (member in settings.memberships) {
                val name = Value.Party(member.identity.substringAfterLast('/'), member.identity.split('/').let { it[it.size - 2] })
                put(ui.text(words.of(Text("settings.member", listOf(countersign.core.Argument("party", name), countersign.core.Argument("at", Value.Time(member.untilMillis)))))), gap = 6)
            }
        })
        tap("settings.sync", main = true, model::sync)
        val field: EditText = ui.field(words.of("settings.node"), settings.node)
        put(ui.subheading(words.of("settings.node")), gap = 20)
        put(field)
        wrong(screen.wrong)
        tap("settings.save") { model.useNode(field.text.toString()) }
        val place = ui.check(words.of("carry.place")).apply { isChecked = screen.place }
        place.setOnClickListener { platform.sayPlace(place.isChecked) }
        put(place, gap = 24)
        put(ui.quiet(words.of("carry.place-text")), gap = 0)
        put(ui.button(words.of("settings.language"), tapped = platform::chooseLanguage), gap = 24)
        tap("settings.erase", tapped = model::erasing)
    }

    private fun LinearLayout.erasing() {
        put(ui.heading(words.of("settings.erase")))
        put(ui.text(words.of("settings.erase-text")))
        tap("settings.erase-confirm", main = true, model::erase)
        tap("action.cancel") { model.back() }
    }

    private fun LinearLayout.faulty(screen: Screen.Faulty) {
        put(ui.heading(words.of(screen.screen.title)).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_ASSERTIVE })
        put(ui.text(words.of(screen.screen.text)))
        put(button(screen.screen.action))
        if (screen.screen.title.key == "fault.camera-denied") {
            // Without it everything still works.
            tap("scan.photo", tapped = platform::choosePhotograph)
            tap("scan.type") { model.type(Aim.PACK) }
        }
        if (screen.screen.action !is Action.Back) tap("action.back") { model.back() }
    }

    private fun button(action: Action): View {
        val key = when (action) {
            is Action.Back -> "action.back"
            is Action.Retry -> "action.retry"
            is Action.Scan -> "home.scan"
            is Action.Follow, is Action.Sync -> "settings.sync"
            is Action.SetClock, is Action.OpenSettings -> "action.open-settings"
            is Action.Enrol -> "enrol.do"
            is Action.Pin -> "start.pin"
        }
        return ui.button(words.of(key), main = true) { if (model.act(action)) platform.open(action) }
    }

    companion object {
        /** Codes that are not printed as those of goods. */
        private val TYPED_PLAINLY = setOf(Aim.BADGE, Aim.DEVICE)

        /** What a person may want to report. */
        private val DOUBTFUL = setOf(VerdictKind.SUSPECT, VerdictKind.ATTENTION)

        /** The packs of the examples, by what each shows. */
        val EXAMPLES = listOf(
            "demo.pack-genuine" to "(01)09506000134352(17)351130(10)L1(21)S001",
            "demo.pack-recalled" to "(01)09506000134352(17)351130(10)L2(21)T001",
            "demo.pack-dispensed" to "(01)09506000134352(17)351130(10)L1(21)S007",
            "demo.pack-unknown" to "(01)09506000134352(17)351130(10)L1(21)X001",
            "demo.pack-misread" to "(01)09506000134352(17)351130(10)l1(21)s001",
        )
    }
}

/** A stop's mark on the line of a pack's way. */
class Mark(ui: Ui, private val mark: WayMark, private val first: Boolean, private val last: Boolean) : View(ui.context) {
    private val unit = ui.dp(1).toFloat()
    private val paint = markPaint(unit)
    private val edge = ui.color(R.color.edge)
    private val color = ui.color(mark.color)

    init {
        val key = when (mark) {
            WayMark.IN_ORDER -> "label.in-order"
            WayMark.MISFIT -> "label.misfit"
            WayMark.VOID -> "label.void"
        }
        contentDescription = ui.words.of(key)
    }

    override fun onDraw(canvas: Canvas) {
        val (x, y, radius) = Triple(width / 2f, 20 * unit, 8 * unit)
        paint.style = Paint.Style.STROKE
        paint.color = edge
        if (!first) canvas.drawLine(x, 0f, x, y - radius, paint)
        if (!last) canvas.drawLine(x, y + radius, x, height.toFloat(), paint)
        paint.color = color
        canvas.mark(mark, x, y, radius, paint)
    }
}

/** The colour of a mark. */
val WayMark.color: Int
    get() = when (this) {
        WayMark.IN_ORDER -> R.color.authentic
        WayMark.MISFIT -> R.color.suspect
        WayMark.VOID -> R.color.cannot_tell
    }

/** Draws marks and the lines between them. */
fun markPaint(unit: Float) = Paint(Paint.ANTI_ALIAS_FLAG).apply { strokeWidth = 3 * unit; strokeCap = Paint.Cap.ROUND }

/** A disc is in order, a cross is not, a ring does not count. */
fun Canvas.mark(mark: WayMark, x: Float, y: Float, radius: Float, paint: Paint) = when (mark) {
    WayMark.IN_ORDER -> {
        paint.style = Paint.Style.FILL
        drawCircle(x, y, radius, paint)
    }
    WayMark.MISFIT -> {
        drawLine(x - radius, y - radius, x + radius, y + radius, paint)
        drawLine(x + radius, y - radius, x - radius, y + radius, paint)
    }
    WayMark.VOID -> drawCircle(x, y, radius - paint.strokeWidth / 3, paint)
}

/** The camera: its picture, what to do, how far it is, and ways around it. */
class EyeView(private val ui: Ui, private val model: Model, platform: Platform, private val aim: Aim, hasLight: Boolean) : LinearLayout(ui.context) {
    val preview = android.view.TextureView(ui.context).apply { contentDescription = ui.words.of("label.camera") }
    private val hint = ui.text("", 20f, bold = true).apply { accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE }
    private val progress = ProgressBar(ui.context, null, android.R.attr.progressBarStyleHorizontal)
    private val count = ui.text("", 18f)
    private var lit = false
    private val light = ui.button("") { model.light(!lit) }

    init {
        orientation = VERTICAL
        setBackgroundColor(ui.color(R.color.ground))
        // The picture takes what the words leave.
        addView(preview, LayoutParams(MATCH_PARENT, 0, 1f))
        val below = ui.column(16)
        ui.run {
            below.add(hint)
            below.add(progress)
            below.add(count, gap = 4)
            if (aim == Aim.DAMAGE) below.add(button(words.of("scan.take"), main = true, model::takePhotograph))
            if (hasLight) below.add(light)
            if (aim == Aim.PACK) below.add(button(words.of("scan.photo"), tapped = platform::choosePhotograph))
            if (aim in TYPED) below.add(button(words.of("scan.type")) { model.type(aim) })
        }
        val scroll = ScrollView(ui.context).apply { addView(below, MATCH_PARENT, WRAP_CONTENT) }
        addView(scroll, LayoutParams(MATCH_PARENT, WRAP_CONTENT))
    }

    fun show(screen: Screen.Eye) {
        hint.text = ui.words.of(screen.hint)
        val parts = screen.need > 1
        progress.visibility = if (parts) VISIBLE else GONE
        count.visibility = progress.visibility
        progress.max = screen.need
        progress.progress = screen.have
        count.text = ui.words.of(
            Text("take.progress", listOf(countersign.core.Argument("have", Value.Number(screen.have.toULong())), countersign.core.Argument("need", Value.Number(screen.need.toULong())))),
        )
        progress.contentDescription = count.text
        lit = screen.light
        light.text = ui.words.of(if (lit) "scan.light-off" else "scan.light-on")
    }

    private companion object {
        val TYPED = setOf(Aim.PACK, Aim.TAKE, Aim.LOAD, Aim.BADGE, Aim.DEVICE)
    }
}
