package countersign.app

import countersign.core.CountersignException
import countersign.core.DataOp
import countersign.core.DataQuestion
import countersign.core.DataScreen
import countersign.core.DomainGreeting
import countersign.core.DomainLine
import countersign.core.DomainsNext
import countersign.core.GreetingNext
import countersign.core.LicenceScreen
import countersign.core.Register
import countersign.core.RevocationCause
import countersign.core.dataAccessesScreen
import countersign.core.domainsScreen
import countersign.core.greetingScreen
import countersign.core.traceScreen

/** Data of other domains: the order of the screens. What each shows, and what can be done there, the core says. */
class DomainModel(private val phone: Phone, private val model: Model) {
    fun all() = model.run(::gathered, then = model::go)

    private fun gathered() = DomainScreen.All(domainsScreen(phone.domains.view()))

    /** What a button of the core leads to. */
    fun next(next: DomainsNext) {
        when (next) {
            DomainsNext.ADD -> scan()
            DomainsNext.REGISTER -> register()
            DomainsNext.SYNC -> sync()
            DomainsNext.ENROL, DomainsNext.NOTHING -> Unit
        }
    }

    /** Brings everything up to date, and shows the same screen as it is then. */
    fun sync() {
        val shown = model.screen
        model.run({
            fetch()
            when (shown) {
                is DomainScreen.Licence -> licence(shown.screen.thread)
                is DomainScreen.Accesses -> looked(shown.key)
                is DomainScreen.Trace -> traced(shown.key)
                else -> gathered()
            }
        }, then = model::put)
    }

    private fun fetch() {
        phone.domains.sync()
        phone.sync()
    }

    // Domains

    fun scan() = model.learn(Aim.DOMAIN, "domains.point")

    fun scanned(register: Register) = model.swap(DomainScreen.Adding(register))

    fun add(register: Register) = model.run({
        phone.domains.add(register.node, direct(register.genesis))
        gathered()
    }, then = model::returned)

    fun remove(domain: String) = model.run({
        phone.domains.remove(domain)
        gathered()
    }, then = model::put)

    fun signingIn(domain: DomainLine) = model.go(DomainScreen.SigningIn(domain))

    fun signIn(code: String) {
        val shown = model.screen as? DomainScreen.SigningIn ?: return
        model.run({
            phone.domains.enrol(shown.domain.domain, code)
            gathered()
        }, { model.put(shown.copy(wrong = it.text)) }, model::returned)
    }

    private fun register() = model.run({
        phone.domains.register()
        phone.sync()
        gathered()
    }, then = model::put)

    // Becoming known in another domain

    fun greet(domain: String) = model.run({ own(phone.domains.greet(domain)) }, then = model::go)

    private fun own(greeting: DomainGreeting) = DomainScreen.Greeting(greeting, greetingScreen(greeting, isOwn = true))

    fun scanGreeting() = model.learn(Aim.GREETING, "greeting.point")

    /** The other side's message was scanned. */
    fun came(greeting: DomainGreeting) = model.swap(DomainScreen.Greeting(greeting, greetingScreen(greeting, isOwn = false)))

    /** What the button of a message leads to. */
    fun next(next: GreetingNext) {
        when (next) {
            GreetingNext.REPLY, GreetingNext.KEEP -> reply()
            GreetingNext.SCAN -> scanGreeting()
            GreetingNext.DONE -> model.run(::gathered, then = model::returned)
        }
    }

    private fun reply() {
        val shown = model.screen as? DomainScreen.Greeting ?: return
        model.run<DomainScreen>({
            phone.domains.reply(shown.greeting.message)?.let(::own) ?: run {
                fetch()
                gathered()
            }
        }, { model.put(shown.copy(wrong = it.text)) }) { there ->
            if (there is DomainScreen.Greeting) model.swap(there) else model.returned(there)
        }
    }

    // Licences

    fun open(data: DataScreen) = model.go(DomainScreen.Data(data))

    fun asking(data: DataScreen) {
        data.ask?.let { model.go(DomainScreen.Asking(it)) }
    }

    fun ask(user: String, operations: List<DataOp>, purpose: String, days: UShort) {
        val shown = model.screen as? DomainScreen.Asking ?: return
        model.run({
            val thread = phone.domains.ask(DataQuestion(shown.screen.key, user, operations, purpose, days))
            phone.sync()
            licence(thread)
        }, { model.put(shown.copy(wrong = it.text)) }, model::swap)
    }

    fun show(licence: LicenceScreen) = model.go(DomainScreen.Licence(licence))

    private fun licence(thread: String) = DomainScreen.Licence(
        gathered().screen.licences.find { it.thread == thread } ?: throw CountersignException.Refused("no-licence"),
    )

    fun revoking(licence: LicenceScreen) = model.go(DomainScreen.Revoking(licence))

    fun revoke(cause: RevocationCause) {
        val shown = model.screen as? DomainScreen.Revoking ?: return
        model.run({
            phone.domains.revoke(shown.screen.thread, cause)
            phone.sync()
            licence(shown.screen.thread)
        }, { model.put(shown.copy(wrong = it.text)) }, model::returned)
    }

    // Looking across

    fun accesses(key: String) = model.run({ looked(key) }, then = model::go)

    private fun looked(key: String) = DomainScreen.Accesses(key, dataAccessesScreen(phone.domains.accesses(key)))

    fun trace(key: String) = model.run({ traced(key) }, then = model::go)

    private fun traced(key: String) = DomainScreen.Trace(key, traceScreen(phone.domains.trace(key)))
}
