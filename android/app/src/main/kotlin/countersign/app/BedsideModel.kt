package countersign.app

import countersign.core.BadgeScreen
import countersign.core.BedsideEnd
import countersign.core.BedsideNext
import countersign.core.BedsideWatch
import countersign.core.CommandChoice
import countersign.core.CommandScreen
import countersign.core.FaultScreen
import countersign.core.SessionScreen
import countersign.core.SignInChoice
import countersign.core.TryCounter
import countersign.core.commandScreen
import countersign.core.deviceScreen
import countersign.core.sessionScreen
import countersign.core.wardScreen

/** A nurse at a bed: the order of the screens. What each shows, and what can be done there, the core says. */
class BedsideModel(private val phone: Phone, private val model: Model) {
    /** Somebody is signed in at a device, and its screens are among those that are shown or come back. */
    private var open = false

    /** Why the session ended was looked up in the newest of the ledger. */
    private var lookedUp = false

    fun ward() = model.run(::gathered, then = model::go)

    private fun gathered() = BedsideScreen.Ward(wardScreen(phone.bedside.ward()))

    /** What a button of the core leads to. */
    fun next(next: BedsideNext) {
        when (next) {
            BedsideNext.ENROL -> model.carry()
            BedsideNext.TAKE_BADGE -> model.learn(Aim.BADGE, "ward.point-badge")
            BedsideNext.SCAN_DEVICE -> model.learn(Aim.DEVICE, "ward.point-device")
            BedsideNext.SYNC -> sync()
            BedsideNext.SIGN_IN -> again()
            BedsideNext.UNLOCK, BedsideNext.NOTHING -> Unit
        }
    }

    private fun sync() {
        val device = (model.screen as? BedsideScreen.Device)?.screen?.device
        model.run({
            phone.sync()
            if (device == null) gathered() else at(device)
        }, then = model::put)
    }

    // Badges

    fun newBadge(badge: String) = model.swap(BedsideScreen.NewBadge(badge))

    fun take(badge: String, password: String) = model.run({
        // The key store's secrets are files, which can be put back: tries that are counted there count for nothing.
        phone.bedside.take(badge, password, TryCounter.GATEWAY)
        gathered()
    }, { model.put(BedsideScreen.NewBadge(badge, it.text)) }, model::returned)

    fun newPassword(badge: BadgeScreen) = model.go(BedsideScreen.NewPassword(badge.gateway, badge.title))

    fun changePassword(old: String, new: String) {
        val shown = model.screen as? BedsideScreen.NewPassword ?: return
        model.run({
            phone.bedside.changePassword(shown.gateway, old, new)
            gathered()
        }, { model.put(shown.copy(wrong = it.text)) }, model::returned)
    }

    fun forget(gateway: String) = model.run({
        phone.bedside.forget(gateway)
        gathered()
    }, then = model::put)

    // Devices

    /** A device whose code was scanned or typed. */
    fun scanned(device: String, wrong: ((FaultScreen) -> Unit)? = null) =
        model.run({ at(device) }, wrong, model::swap)

    fun choose(device: String) = model.run({ at(device) }, then = model::go)

    private fun at(device: String) = BedsideScreen.Device(deviceScreen(phone.bedside.device(device)))

    fun signIn(password: String, choice: SignInChoice) {
        val shown = model.screen as? BedsideScreen.Device ?: return
        val device = shown.screen
        model.run({
            phone.bedside.signIn(device.gateway, password, device.device, choice.operations, choice.minutes, 0u)
            seen(phone.bedside.watch(0u))
        }, { model.put(shown.copy(wrong = it.text)) }) { there ->
            model.put(shown.copy(wrong = null))
            model.go(there)
            open = true
            lookedUp = false
            watch()
        }
    }

    // A session

    private fun seen(watch: BedsideWatch) = BedsideScreen.Session(sessionScreen(watch))

    /** Looks at the session over and over, until nobody comes back to it. */
    private fun watch(): Unit = model.beside({ phone.bedside.watch(TURN) }) { outcome ->
        val there = outcome.getOrNull()
        if (!open || there == null) return@beside
        show(seen(there))
        if (there.end == null) watch() else over(there)
    }

    private fun show(there: BedsideScreen.Session) {
        when (val screen = model.screen) {
            is BedsideScreen.Session -> if (there.screen != screen.screen) model.put(there.copy(wrong = screen.wrong))
            // Back comes what was done there, once the password was typed.
            is BedsideScreen -> if (there.screen.halt != null) model.go(there)
            else -> Unit
        }
    }

    /** The ledger may say why it ended. */
    private fun over(there: BedsideWatch) {
        if (there.end != BedsideEnd.CUT || lookedUp) return
        lookedUp = true
        model.beside({ phone.sync() }) { watch() }
    }

    /** Somebody touched the screen. */
    fun touched() {
        if (open) model.beside({ phone.bedside.touched() })
    }

    /** Another app is in front, or the phone sleeps. */
    fun hidden() {
        if (open) model.beside({ phone.bedside.lock() })
    }

    /** The screen changed. A session that nobody comes back to is over, and its keys are forgotten. */
    internal fun moved(comesBack: Boolean) {
        if (!open || comesBack) return
        open = false
        model.beside({ phone.bedside.signOut() })
    }

    fun unlock(password: String) {
        val shown = model.screen as? BedsideScreen.Session ?: return
        model.run({
            phone.bedside.unlock(password)
            seen(phone.bedside.watch(0u))
        }, { model.put(shown.copy(wrong = it.text)) }) { there ->
            // What it covered comes back as it was left.
            if (model.covers()) model.back() else model.put(there)
        }
    }

    /** At the same device, once more. */
    private fun again() {
        val device = (model.screen as? BedsideScreen.Session)?.screen?.device ?: return
        model.run({ at(device) }, then = model::returned)
    }

    fun command(session: SessionScreen, choice: CommandChoice) {
        if (choice.unit != null) return model.go(BedsideScreen.Value(session, choice))
        val screen = commandScreen(session, choice, "")
        if (choice.confirms) model.go(BedsideScreen.Command(screen)) else send(screen)
    }

    fun typed(value: String) {
        val shown = model.screen as? BedsideScreen.Value ?: return
        model.run({ commandScreen(shown.session, shown.choice, value) }, {
            model.put(BedsideScreen.Value(shown.session, shown.choice, value, it.text))
        }) { model.go(BedsideScreen.Command(it)) }
    }

    fun send(command: CommandScreen) = model.run({
        phone.bedside.command(command.command)
        seen(phone.bedside.watch(0u))
    }, { fault ->
        if (model.screen is BedsideScreen.Command) model.put(BedsideScreen.Command(command, fault.text))
    }, model::returned)

    private companion object {
        /** How long a look waits for readings, in milliseconds: what is shown is no older than that. */
        const val TURN = 300u
    }
}
