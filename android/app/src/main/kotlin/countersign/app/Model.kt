package countersign.app

import countersign.core.Action
import countersign.core.Answer
import countersign.core.Condition
import countersign.core.CountersignException
import countersign.core.Fault
import countersign.core.FaultScreen
import countersign.core.Handover
import countersign.core.Register
import countersign.core.RegisterReader
import countersign.core.RegisterScan
import countersign.core.Scan
import countersign.core.ScanResult
import countersign.core.Suspicion
import countersign.core.Text
import countersign.core.faultScreen
import countersign.core.goodsText
import countersign.core.handoverScreen
import countersign.core.offerScreen
import countersign.core.outgoingScreen
import countersign.core.verdictScreen
import java.io.InputStream
import java.nio.ByteBuffer
import java.util.concurrent.Executor

/**
 * Where the person is, and what a tap leads to. Rules of the domain are the core's; here is only the order of the screens.
 *
 * @param work runs calls that wait, one after the other.
 * @param main runs what changes the screen. Everything here belongs to its thread, but for [frame].
 */
class Model(private val phone: Phone, private val work: Executor, private val main: Executor) {
    @Volatile
    var screen: Screen = Screen.Start
        private set

    /** A call is under way, and taps wait. */
    var busy = false
        private set

    /** Called when there is something else to draw. */
    var changed: () -> Unit = {}

    /** Medical records. */
    val records = RecordModel(phone, this)
    val links = SharedLinkModel(phone, this)

    /** A nurse at a bed. */
    val bedside = BedsideModel(phone, this)

    /** Data of other domains. */
    val domains = DomainModel(phone, this)

    private val before = ArrayDeque<Screen>()
    private var again: () -> Unit = {}
    private var reader: RegisterReader? = null

    /** What is still to be shown of a tour. */
    private var tour: Iterator<Screen>? = null

    /** Whether there is an image on the way to this screen. */
    private var pictured = false

    /** Frames without a code, one after the other. */
    private var empty = 0

    /** The next frame is the photograph of a damage. */
    @Volatile
    private var shutter = false

    /** Where the phone is, if that can be told. May wait. */
    var place: () -> String? = { null }

    /** Asks whether the person may be told of news. */
    var wantsNotices: () -> Unit = {}

    /** Encodes a frame as a file, for the photograph of a damage. */
    var photograph: (Int, Int, Int, ByteBuffer) -> ByteArray = { _, _, _, _ -> ByteArray(0) }

    /** Begins, where the person was when the app was killed. */
    fun start(whereabouts: String = "") = run({ phone.start() }) {
        home()
        comeBack(whereabouts)
    }

    /** To the beginning: home, or the choice of a register. */
    fun home() {
        tour = null
        before.clear()
        put(if (phone.register != null || phone.examples) Screen.Home(phone.examples) else Screen.Start)
    }

    /** @return whether there was somewhere to go back to. */
    fun back(): Boolean {
        if (busy) return true
        val last = before.removeLastOrNull() ?: return false
        if (last is Screen.Home) tour = null
        put(last)
        return true
    }

    // Registers

    fun scanRegister() = learn(Aim.REGISTER, "pin.point")

    /** Looks for a code by which the phone learns whom to trust or to ask. */
    internal fun learn(aim: Aim, hint: String) {
        reader = RegisterReader()
        go(Screen.Eye(aim, hint))
    }

    fun pin(register: Register) = run({ phone.pin(register) }) { home() }

    fun tryExamples(database: () -> InputStream, genesis: () -> ByteArray) =
        run({ phone.tryExamples(database(), genesis()) }) { home() }

    /** Shows the screens of a task one after the other: whatever is tapped on one leads to the next. */
    fun tour(task: String) {
        tour = Tour.TASKS.getValue(task).iterator()
        toured()
    }

    /** Whether a tour is shown. */
    val touring get() = tour != null

    fun toured() {
        before += screen
        if (tour?.hasNext() == true) put(tour!!.next()) else home()
    }

    fun leaveExamples() = run({ phone.leaveExamples() }) { home() }

    // Packs

    fun scanPack() {
        empty = 0
        reader = RegisterReader()
        go(Screen.Eye(Aim.PACK, "scan.point"))
    }

    fun type(aim: Aim) = go(Screen.Typing(aim))

    fun typed(code: String) {
        val typing = screen as? Screen.Typing ?: return
        when (typing.aim) {
            Aim.PACK -> check(code) { wrong -> put(typing.copy(wrong = wrong)) }
            Aim.BADGE -> bedside.newBadge(code.trim())
            Aim.DEVICE -> bedside.scanned(code.trim()) { put(typing.copy(wrong = it.text)) }
            Aim.LOAD -> run({ phone.courier.load(code) }, { put(typing.copy(wrong = it.text)) }) { carry() }
            else -> run({ phone.courier.scanCode(code) }, { put(typing.copy(wrong = it.text)) }) { scan ->
                back()
                saw(scan)
            }
        }
    }

    /** Checks a code or the link of a reading. */
    fun check(code: String, failed: ((Text) -> Unit)? = null) {
        val other = failed?.let { { fault: FaultScreen -> it(fault.text) } }
        run({ verdict(phone.checker.checkCode(code)) }, other) { found ->
            if (screen is Screen.Verdict || screen is Screen.Typing) put(found) else go(found)
        }
    }

    private fun verdict(answer: Answer, kept: Boolean = false) =
        Screen.Verdict(verdictScreen(answer), kept, phone.checker.seen(), phone.checker.takesReports())

    /** A photograph: RGBA pixels. */
    fun photo(width: Int, height: Int, rgba: ByteBuffer) {
        run({ phone.checker.checkPhoto(width.toUInt(), height.toUInt(), rgba) }) { result ->
            val eye = screen as? Screen.Eye
            when {
                result is ScanResult.Pack -> answered(result.answer)
                eye != null -> put(eye.copy(hint = hint(result, "scan.no-code")))
                else -> put(Screen.Faulty(FaultScreen(Text("scan.photo", emptyList()), Text(hint(result, "scan.no-code"), emptyList()), Action.Back)))
            }
        }
    }

    /** The next frame of the camera: its luma plane, read where it lies. On the camera's own thread. */
    fun frame(width: Int, height: Int, stride: Int, luma: ByteBuffer) {
        val eye = screen as? Screen.Eye ?: return
        val (w, h, s) = Triple(width.toUInt(), height.toUInt(), stride.toUInt())
        try {
            when (eye.aim) {
                in LEARNT -> reader?.scanFrame(w, h, s, luma)?.let { scan -> main.execute { sawRegister(scan) } }
                Aim.PACK -> {
                    val result = phone.checker.checkFrame(w, h, s, luma)
                    // A code of ours leads to its screen, wherever it is scanned.
                    val other = if (result is ScanResult.NotAPack) reader?.scanFrame(w, h, s, luma) else null
                    main.execute { if (other == null || !sawOther(other)) seen(result) }
                }
                Aim.DAMAGE -> if (shutter) {
                    shutter = false
                    val photo = photograph(width, height, stride, luma)
                    main.execute { answer(Condition.Damaged(photo)) }
                }
                else -> phone.courier.scanFrame(w, h, s, luma).let { main.execute { saw(it) } }
            }
        } catch (failed: Exception) {
            main.execute {
                (screen as? Screen.Eye)?.let {
                    // What was read is of no use: the next codes are counted from none.
                    if (it.have > 0) put(it.copy(hint = "take.scan-offer", have = 0, need = 0))
                    failed(failed, null)
                }
            }
        }
    }

    fun light(on: Boolean) {
        (screen as? Screen.Eye)?.let { put(it.copy(light = on)) }
    }

    private fun sawRegister(scan: RegisterScan) {
        val eye = (screen as? Screen.Eye)?.takeIf { it.aim in LEARNT } ?: return
        if (eye.aim in OF_MEMBERS && sawOther(scan)) return
        when (scan) {
            is RegisterScan.Authority -> if (eye.aim == Aim.AUTHORITY && !busy) records.use(scan.authority)
            is RegisterScan.Whole -> if (eye.aim == Aim.DOMAIN) {
                domains.scanned(scan.register)
            } else if (eye.aim == Aim.REGISTER) {
                val pinned = phone.register
                when {
                    pinned == null -> swap(Screen.Pin(scan.register))
                    pinned.words == scan.register.words -> home()
                    else -> swap(Screen.Faulty(faultScreen(Fault.OtherRegister(pinned.ledger))))
                }
            }
            is RegisterScan.Part -> put(eye.copy(have = scan.have.toInt(), need = scan.need.toInt()))
            else -> {}
        }
    }

    /** A code that has a screen of its own. @return whether it is one. */
    private fun sawOther(scan: RegisterScan): Boolean {
        if (screen !is Screen.Eye) return true
        when (scan) {
            is RegisterScan.Record -> if (!busy) records.add(scan.link)
            is RegisterScan.Badge -> if (!busy) bedside.newBadge(scan.badge)
            is RegisterScan.Device -> if (!busy) bedside.scanned(scan.device)
            is RegisterScan.Greeting -> if (!busy) domains.came(scan.greeting)
            else -> return false
        }
        return true
    }

    private fun seen(result: ScanResult) {
        val eye = (screen as? Screen.Eye)?.takeIf { it.aim == Aim.PACK } ?: return
        // The same pack comes with every frame: one answer is enough.
        if (result is ScanResult.Pack) return if (busy) Unit else answered(result.answer)
        empty = if (result is ScanResult.Nothing) empty + 1 else 0
        val hint = hint(result, if (empty < PATIENCE) eye.hint else "scan.closer")
        if (hint != eye.hint) put(eye.copy(hint = hint))
    }

    private fun answered(answer: Answer) = run({ verdict(answer) }, then = ::swap)

    /** What helps to a better picture. */
    private fun hint(result: ScanResult, nothing: String) = when (result) {
        is ScanResult.HoldStill -> "scan.hold-still"
        is ScanResult.NotAPack -> "scan.not-a-pack"
        is ScanResult.Several -> "scan.several"
        is ScanResult.Part -> "scan.part"
        else -> nothing
    }

    fun keep(link: String) {
        val shown = screen as? Screen.Verdict ?: return
        run({ phone.wallet.keep(link) }) {
            put(shown.copy(kept = true))
            wantsNotices()
        }
    }

    fun medicines() = run({ phone.wallet.kept() }) { go(Screen.Medicines(it)) }

    fun forget(link: String) = run({
        phone.wallet.unfollow(link)
        phone.wallet.kept()
    }) { put(Screen.Medicines(it)) }

    fun rests(lines: List<Text>) = run({ phone.wallet.knowledge() }) {
        go(Screen.Rests(lines, it.damaged, it.contradictions > 0u))
    }

    fun history() = run(::remembered, then = ::go)

    private fun remembered() = Screen.History(phone.checker.history(), phone.checker.remembered().on)

    fun remember(on: Boolean) = run({
        phone.checker.remember(on)
        remembered()
    }) {
        put(it)
        if (on) wantsNotices()
    }

    fun forgetScan(link: String) = run({
        phone.checker.forget(link)
        remembered()
    }, then = ::put)

    fun eraseHistory() = run({
        phone.checker.eraseHistory()
        remembered()
    }, then = ::put)

    fun suspect() {
        val shown = screen as? Screen.Verdict ?: return
        shown.screen.keep?.let { go(Screen.Reporting(it, shown.screen.product)) }
    }

    fun attach(photograph: ByteArray) {
        (screen as? Screen.Reporting)?.let { put(Screen.Reporting(it.link, it.product, photograph, it.wrong)) }
    }

    fun report(words: String, place: String, answer: String) {
        val shown = screen as? Screen.Reporting ?: return
        fun said(text: String) = text.trim().ifEmpty { null }
        run({
            phone.checker.report(shown.link, Suspicion(words.trim(), said(place), shown.photograph, said(answer)))
            // What cannot be sent now is sent by the next round.
            try { phone.checker.sendReports() } catch (_: CountersignException.Retry) { }
            phone.checker.reports()
        }, { put(Screen.Reporting(shown.link, shown.product, shown.photograph, it.text)) }) { swap(Screen.Reports(it)) }
    }

    fun reports() = run({ phone.checker.reports() }) { go(Screen.Reports(it)) }

    fun sendReports() = run({
        phone.checker.sendReportsNow()
        phone.checker.reports()
    }) { put(Screen.Reports(it)) }

    fun settleReport(id: String) = run({
        phone.checker.settleReport(id)
        phone.checker.reports()
    }) { put(Screen.Reports(it)) }

    // Goods

    fun carry(then: (Screen.Carry) -> Unit = {}) {
        run({ if (phone.isMember()) carried() else null }) { there ->
            before.clear()
            before += Screen.Home(phone.examples)
            put(there ?: Screen.Enrol())
            there?.let(then)
        }
    }

    private fun carried(): Screen.Carry {
        val courier = phone.courier
        return Screen.Carry(courier.carried(), courier.pending(), courier.outbox().size)
    }

    fun enrol(code: String) {
        val asked = screen as? Screen.Enrol ?: return
        run({
            phone.wallet.enrol(Phone.KEY, code.trim())
            carried()
        }, { put(asked.copy(wrong = it.text)) }) { put(it) }
    }

    /** A code of ours that was opened from outside. */
    fun linked(code: String) {
        if (code.startsWith(RECORD)) return records.linked(code)
        run({ if (phone.isMember()) phone.courier.scanCode(code) else null }) { scan ->
            if (scan == null) return@run carry()
            takeOver()
            saw(scan)
        }
    }

    fun takeOver() = go(Screen.Eye(Aim.TAKE, "take.scan-goods"))

    fun load() = go(Screen.Eye(Aim.LOAD, "take.scan-goods"))

    fun handOver(link: String) {
        run({ phone.courier.offer(link, null, said()) }) { go(showing(it)) }
    }

    /** Proof of how goods came to where they are. */
    fun proof(link: String) = run({ phone.courier.run { Screen.Proof(proof(link), proofFile(link)) } }, then = ::go)

    private fun said() = if (phone.saysPlace) place() else null

    /** Shows a handover under way again. */
    fun show(handover: Handover) = go(showing(handover))

    /** The codes that the person came from. */
    internal val shownBefore get() = before.filterIsInstance<Screen.Showing>().lastOrNull()

    private fun showing(handover: Handover) = Screen.Showing(handover, handoverScreen(handover))

    fun slower() {
        val shown = screen as? Screen.Showing ?: return
        val pace = PACES[(PACES.indexOf(shown.paceMillis) + 1) % PACES.size]
        put(shown.copy(paceMillis = pace))
    }

    fun readAnswer() = go(Screen.Eye(Aim.ANSWER, "take.scan-offer"))

    /** Takes an offer back, or is done with an answer that the other has read. */
    fun dismiss(handover: Handover) = run({
        phone.courier.dismiss(handover.id)
        carried()
    }) { there ->
        before.clear()
        before += Screen.Home(phone.examples)
        put(there)
    }

    private fun saw(scan: Scan) {
        val eye = screen as? Screen.Eye ?: return
        when (scan) {
            is Scan.Goods -> if (eye.aim == Aim.LOAD) {
                run({ phone.courier.load(scan.link) }) { carry() }
            } else if (eye.aim == Aim.TAKE && scan.link !in eye.goods) {
                taken(eye.copy(goods = eye.goods + scan.link))
            }
            is Scan.Part -> {
                val (have, need) = scan.have.toInt() to scan.need.toInt()
                if (have != eye.have) put(eye.copy(have = have, need = need, hint = if (need - have == 1) "take.almost" else eye.hint))
            }
            is Scan.Offered -> if (eye.aim == Aim.TAKE) taken(eye.copy(offer = scan.offer))
            is Scan.Answered -> if (eye.aim == Aim.ANSWER) {
                // The same message comes with every frame: one call is enough.
                if (!busy) close(scan.message)
            }
            is Scan.HoldStill -> put(eye.copy(hint = "scan.hold-still"))
            else -> {}
        }
    }

    private fun taken(eye: Screen.Eye) {
        val offer = eye.offer
        when {
            offer != null && eye.goods.isNotEmpty() -> swap(Screen.Offered(offer, offerScreen(offer), eye.goods))
            offer != null -> put(eye.copy(hint = "take.scan-goods", have = 0, need = 0))
            else -> put(eye.copy(hint = "take.scan-offer"))
        }
    }

    private fun close(message: ByteArray) = run({ phone.courier.close(message) }) { goods ->
        before.clear()
        before += Screen.Home(phone.examples)
        put(Screen.Done(goodsText(goods.link), goods.link))
    }

    fun accept() = answer(Condition.Intact)

    fun photographDamage() {
        if (screen is Screen.Offered) go(Screen.Eye(Aim.DAMAGE, "take.damaged"))
    }

    fun takePhotograph() {
        shutter = true
    }

    fun refuse() {
        (screen as? Screen.Offered)?.let { go(Screen.Refusing(it.offer, it.goods)) }
    }

    fun refused(why: String) = answer(Condition.Refused(why))

    private fun answer(condition: Condition) {
        val offered = (before + screen).lastOrNull { it is Screen.Offered } as? Screen.Offered ?: return
        run({ phone.courier.answer(offered.offer.message, offered.goods, condition, said()) }) { handover ->
            before.clear()
            before += Screen.Home(phone.examples)
            put(showing(handover))
        }
    }

    fun outbox() = run({ phone.courier.outbox().map(::outgoingScreen) }) { go(Screen.Outbox(it)) }

    fun send() = run({
        phone.courier.sendNow()
        phone.courier.outbox().map(::outgoingScreen)
    }) { put(Screen.Outbox(it)) }

    fun settle(id: String) = run({
        phone.courier.settle(id)
        phone.courier.outbox().map(::outgoingScreen)
    }) { put(Screen.Outbox(it)) }

    // Settings

    fun preferences() = run({ phone.wallet.settings() }) { go(Screen.Preferences(it, phone.saysPlace)) }

    fun sayPlace(on: Boolean) {
        val shown = screen as? Screen.Preferences ?: return
        run({ phone.saysPlace = on }) { put(shown.copy(place = on)) }
    }

    fun useNode(address: String) {
        val shown = screen as? Screen.Preferences ?: return
        run({
            phone.wallet.setNode(address.trim())
            phone.wallet.settings()
        }, { put(shown.copy(wrong = it.text)) }) { put(Screen.Preferences(it, shown.place)) }
    }

    fun sync() {
        run({
            phone.sync()
            phone.wallet.settings()
        }) { there -> if (screen is Screen.Preferences) put(Screen.Preferences(there, phone.saysPlace)) else back() }
    }

    fun erasing() = go(Screen.Erasing)

    fun erase() = run({ phone.erase() }) { home() }

    // What a button of the core leads to

    /** @return whether the app has to open something of the phone's for it. */
    fun act(action: Action): Boolean {
        when (action) {
            is Action.Back -> back()
            is Action.Retry -> { before.removeLastOrNull()?.let(::put); again() }
            is Action.Scan -> { back(); if (screen !is Screen.Eye) scanPack() }
            is Action.Follow -> follow(action.link)
            is Action.Sync -> { val shown = screen; run({ phone.sync() }) { recheck(shown) } }
            is Action.Enrol -> put(Screen.Enrol())
            is Action.Pin -> home()
            is Action.SetClock, is Action.OpenSettings -> return true
        }
        return false
    }

    private fun follow(link: String) {
        val shown = screen
        run({
            phone.wallet.follow(link)
            phone.sync()
        }) { recheck(shown) }
    }

    /** The verdict again, on newer data. */
    private fun recheck(shown: Screen) {
        if (shown !is Screen.Verdict) return
        run({ phone.checker.checkAgain()?.let { verdict(it, shown.kept) } }) { found -> found?.let(::put) }
    }

    fun fault(fault: Fault) = go(Screen.Faulty(faultScreen(fault)))

    /** The camera is there again. */
    fun retry(action: () -> Unit) {
        again = action
    }

    /** A call that waits, and then what it leads to. Taps meanwhile do nothing. */
    internal fun <T> run(
        call: () -> T,
        otherwise: ((FaultScreen) -> Unit)? = null,
        then: (T) -> Unit,
    ) {
        if (tour != null) return toured()
        if (busy) return
        busy = true
        changed()
        work.execute {
            val outcome = runCatching(call)
            main.execute {
                busy = false
                outcome.fold(then) { failure ->
                    again = { run(call, otherwise, then) }
                    failed(failure, otherwise)
                }
                changed()
            }
        }
    }

    /** A call that waits while the person goes on. */
    internal fun <T> beside(call: () -> T, then: (Result<T>) -> Unit = {}) = work.execute {
        val outcome = runCatching(call)
        main.execute { then(outcome) }
    }

    private fun failed(failure: Throwable, shown: ((FaultScreen) -> Unit)?) {
        val fault = when (failure) {
            is CountersignException -> Fault.Failed(failure)
            is Phone.NotPinned -> Fault.NotPinned
            is java.io.IOException -> Fault.Failed(CountersignException.Storage())
            else -> throw failure
        }
        val there = faultScreen(fault)
        // Where it was entered, if the input is to blame; on a screen of its own otherwise.
        val input = failure is CountersignException.Invalid || failure is CountersignException.Refused
        if (shown != null && input) shown(there) else go(Screen.Faulty(there))
    }

    internal fun go(next: Screen) {
        if (tour != null) return toured()
        before += screen
        put(next)
    }

    /** Instead of the screen that is shown, which nobody comes back to. */
    internal fun swap(next: Screen) = put(next)

    /** Back to a screen that was there before, as it is now. */
    internal fun returned(next: Screen) {
        while (screen::class != next::class && back()) Unit
        if (screen::class == next::class) put(next) else go(next)
    }

    internal fun put(next: Screen) {
        screen = next
        val pictures = (before + next).any { it is Screen.Picture }
        if (pictured && !pictures) phone.forgetPictures()
        pictured = pictures
        bedside.moved((before + next).any { it is BedsideScreen.Session })
        changed()
    }

    /** Whether what is shown lies over a screen of the same task, which comes back. */
    internal fun covers() = before.lastOrNull().let { it is BedsideScreen.Value || it is BedsideScreen.Command }

    private companion object {
        /** So many frames without a code, and the person is helped: about three seconds. */
        const val PATIENCE = 60

        /** How the link of a medical record begins. */
        const val RECORD = "countersign-record:"

        /** What the codes of an office teach. */
        val LEARNT = setOf(Aim.REGISTER, Aim.DOMAIN, Aim.GREETING, Aim.AUTHORITY, Aim.RECORD, Aim.BADGE, Aim.DEVICE)

        /** What members scan, who have a register. */
        val OF_MEMBERS = setOf(Aim.RECORD, Aim.BADGE, Aim.DEVICE, Aim.GREETING)

        /** How long each code is shown. Slower for cameras that need it. */
        val PACES = listOf(200L, 500L, 1000L, 100L)
    }
}
