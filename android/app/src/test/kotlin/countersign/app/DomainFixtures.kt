package countersign.app

import countersign.app.DomainTour.KEY
import countersign.app.DomainTour.access
import countersign.app.DomainTour.accesses
import countersign.app.DomainTour.all
import countersign.app.DomainTour.data
import countersign.app.DomainTour.denied
import countersign.app.DomainTour.granted
import countersign.app.DomainTour.greeting
import countersign.app.DomainTour.licence
import countersign.app.DomainTour.shown
import countersign.app.DomainTour.states
import countersign.app.DomainTour.trace
import countersign.app.DomainTour.view
import countersign.app.DomainTour.voting
import countersign.app.Tour.NOON
import countersign.core.AccessFinding
import countersign.core.DataOp
import countersign.core.DomainLedger
import countersign.core.DomainStanding
import countersign.core.GreetingStep
import countersign.core.LicenceState
import countersign.core.Register
import countersign.core.RevocationCause
import countersign.core.Text
import countersign.core.domainsScreen

/** The screens of somebody who looks into other domains. */
object DomainFixtures {
    private val begun = domainsScreen(view(member = null, ledgers = listOf(DomainLedger("north.example", null))))
    private val words = listOf("able", "acid", "also", "apex", "aqua", "arch", "atom", "aunt", "away", "axis", "back", "bald")
    private fun at(licence: countersign.core.DomainLicence) = DomainScreen.Licence(shown(licence))

    val SCREENS: Map<String, Screen> = linkedMapOf(
        "domains" to DomainScreen.All(all),
        "domains-begin" to DomainScreen.All(domainsScreen(view(member = null, ledgers = emptyList()))),
        "domains-enrol" to DomainScreen.All(begun),
        "domains-none" to DomainScreen.All(domainsScreen(view().copy(data = emptyList(), isAtFault = true))),
        "domains-not-shared" to DomainScreen.All(domainsScreen(view(ledgers = emptyList(), member = null).copy(isShared = false))),
        "domains-apart" to DomainScreen.All(domainsScreen(view().copy(standing = DomainStanding.APART))),
        "domain-add" to DomainScreen.Adding(Register("north.example", "https://north.example:7443", ByteArray(0), words)),
        "domain-enrol" to DomainScreen.SigningIn(begun.domains.first(), Text("refused.enrol-code", emptyList())),
        "greeting-show" to greeting(GreetingStep.VOUCH, own = true),
        "greeting-last" to greeting(GreetingStep.RECORD, own = true),
        "greeting-hello" to greeting(GreetingStep.HELLO, own = false),
        "greeting-vouch" to greeting(GreetingStep.VOUCH, own = false),
        "greeting-challenge" to greeting(GreetingStep.CHALLENGE, own = false).copy(wrong = Text("fault.invalid-domain-message", emptyList())),
        "greeting-answer" to greeting(GreetingStep.ANSWER, own = false),
        "greeting-record" to greeting(GreetingStep.RECORD, own = false),
        "data" to DomainScreen.Data(all.data.first()),
        "data-invalid" to DomainScreen.Data(domainsScreen(view(data = data(valid = false))).data.first()),
        "data-ask" to DomainScreen.Asking(all.data.first().ask!!, Text("fault.invalid-data-operation", emptyList())),
        "data-ask-nobody" to DomainScreen.Asking(domainsScreen(view(people = emptyList())).data.first().ask!!),
        "licence-voting" to at(voting),
        "licence-granted" to at(granted),
        "licence-denied" to at(denied),
        "licence-lapsed" to at(licence(LicenceState.Lapsed)),
        "licence-revoked" to at(licence(LicenceState.Revoked(NOON, RevocationCause.MISUSE))),
        "licence-revoke" to DomainScreen.Revoking(shown(granted), Text("refused.domain-licence", emptyList())),
        "looked" to accesses(
            access(DataOp.READ), access(DataOp.SHARE, AccessFinding.OPERATION, AccessFinding.TIME), access(DataOp.READ, AccessFinding.NO_LICENCE, from = null),
        ),
        "looked-nobody" to accesses(),
        "looked-away" to accesses(holder = "west.example"),
        "trace" to trace(states),
        "trace-invalid" to trace(states.map { it.copy(isValid = it.id == "1" || it.id == "2") }, missing = 1u, refused = 2u),
        "trace-deep" to trace(List(12) { states.last().copy(id = "$it", key = KEY, parents = listOf("${it - 1}"), isProven = true) }),
        "trace-none" to trace(emptyList()),
        "scan-domain" to Screen.Eye(Aim.DOMAIN, "domains.point"),
    )
}
