package countersign.app

import countersign.app.Tour.NOON
import countersign.core.AccessFinding
import countersign.core.DataAccess
import countersign.core.DataAccesses
import countersign.core.DataDenial
import countersign.core.DataOp
import countersign.core.DataStep
import countersign.core.DataTrace
import countersign.core.DomainData
import countersign.core.DomainLedger
import countersign.core.DomainLicence
import countersign.core.DomainGreeting
import countersign.core.DomainPerson
import countersign.core.DomainStanding
import countersign.core.DomainsView
import countersign.core.GreetingStep
import countersign.core.LicenceState
import countersign.core.LicenceVotes
import countersign.core.TracedData
import countersign.core.dataAccessesScreen
import countersign.core.domainsScreen
import countersign.core.greetingScreen
import countersign.core.traceScreen

/** The screens of somebody who looks into other domains, with made-up content; what the core decides, it decides here too. */
object DomainTour {
    private const val DAY = 86_400_000uL
    const val KEY = "7c1e9a5504b2d3f8a6e1c09b27d4f3117c1e9a5504b2d3f8a6e1c09b27d4f311"
    private const val RESULT = "2b90c64fd1e7a8352b90c64fd1e7a8352b90c64fd1e7a8352b90c64fd1e7a835"
    private const val USER = "a4e07d3c91b65f28a4e07d3c91b65f28a4e07d3c91b65f28a4e07d3c91b65f28"
    private const val LICENCE = "5d3f8a6e1c09b27d5d3f8a6e1c09b27d5d3f8a6e1c09b27d5d3f8a6e1c09b27d"
    private const val ANA = "spiffe://north.example/domain-authority/ana"
    private const val LAB = "spiffe://south.example/data-owner/lab"

    val north = DomainLedger("north.example", NOON)
    val south = DomainLedger("south.example", NOON)

    fun data(valid: Boolean = true) =
        DomainData(KEY, LAB, "allow read, derive for HRESCH, TREAT from north.example level 2", NOON - 40uL * DAY, valid)

    private val person = DomainPerson(USER, true, "south.example", 2u, NOON + 20uL * DAY)

    fun licence(state: LicenceState, denial: DataDenial? = null, votes: LicenceVotes? = null, revokes: Boolean = false) = DomainLicence(
        "urn:countersign:data:$KEY:$LICENCE", KEY, "north.example", "south.example", USER, listOf(DataOp.READ, DataOp.DERIVE), "HRESCH", NOON - DAY, state, denial, votes, revokes,
    )

    val voting = licence(LicenceState.Voting, votes = LicenceVotes(50u, 0u))
    val granted = licence(LicenceState.Granted(NOON + 7uL * DAY), revokes = true)
    val denied = licence(LicenceState.Denied, DataDenial.LEVEL)

    fun view(vararg licences: DomainLicence, member: String? = ANA, ledgers: List<DomainLedger> = listOf(north, south), data: DomainData = data(), people: List<DomainPerson> = listOf(person)) =
        DomainsView(member, true, false, DomainStanding.OWN, ledgers, listOf(data), people, licences.toList())

    fun access(op: DataOp, vararg findings: AccessFinding, from: String? = "north.example") =
        DataAccess("south.example", USER, from, op, NOON - DAY / 2uL, LICENCE, "HRESCH".takeIf { from != null }, findings.toList())

    fun accesses(vararg list: DataAccess, holder: String = "south.example") =
        DomainScreen.Accesses(KEY, dataAccessesScreen(DataAccesses(KEY, holder, list.toList(), listOf(north, south))))

    private fun state(id: String, step: DataStep, vararg parents: String, key: String = KEY, domain: String = "south.example", actor: String = LAB, proven: Boolean = true, valid: Boolean = true) =
        TracedData(id, key, parents.toList(), step, domain, actor, NOON - 30uL * DAY, proven, valid)

    val states = listOf(
        state("1", DataStep.CREATE),
        state("2", DataStep.MODIFY, "1"),
        state("3", DataStep.SHARE, "2", domain = "north.example", actor = USER),
        state("4", DataStep.DERIVE, "2", key = RESULT, domain = "north.example", actor = USER),
        state("5", DataStep.DERIVE, "4", "3", key = RESULT, domain = "west.example", actor = USER, proven = false),
    )

    fun trace(states: List<TracedData>, missing: UInt = 0u, refused: UInt = 0u) =
        DomainScreen.Trace(KEY, traceScreen(DataTrace(KEY, states, missing, refused, true, false, listOf(north, south))))

    fun greeting(step: GreetingStep, own: Boolean) =
        DomainGreeting(step, if (own) ANA else "spiffe://south.example/domain-authority/sol", ByteArray(600) { it.toByte() }).let { DomainScreen.Greeting(it, greetingScreen(it, own)) }

    val all = domainsScreen(view(voting, granted, denied))
    private val asking = all.data.first().ask!!

    val SCREENS: List<Screen> = listOf(
        DomainScreen.All(all),
        DomainScreen.Data(all.data.first()),
        greeting(GreetingStep.VOUCH, own = true),
        greeting(GreetingStep.CHALLENGE, own = false),
        DomainScreen.Asking(asking),
        DomainScreen.Licence(all.licences[0]),
        DomainScreen.Licence(all.licences[1]),
        DomainScreen.Revoking(all.licences[1]),
        trace(states),
        accesses(access(DataOp.READ), access(DataOp.SHARE, AccessFinding.OPERATION)),
    )

    /** A licence as its screen shows it. */
    fun shown(licence: DomainLicence) = domainsScreen(view(licence)).licences.first()
}
