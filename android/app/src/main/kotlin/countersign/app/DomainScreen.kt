package countersign.app

import countersign.core.AskDataScreen
import countersign.core.DataAccessesScreen
import countersign.core.DataScreen
import countersign.core.DomainGreeting
import countersign.core.DomainLine
import countersign.core.DomainsScreen
import countersign.core.GreetingScreen
import countersign.core.LicenceScreen
import countersign.core.Register
import countersign.core.Text
import countersign.core.TraceScreen

/** Somebody who looks into other domains. */
sealed interface DomainScreen : Screen {
    /** Licences, data, and the domains on this phone. */
    data class All(val screen: DomainsScreen) : DomainScreen

    /** The register of a domain, whose words are to be compared. */
    data class Adding(val register: Register) : DomainScreen

    /** Somebody signs in at a domain. */
    data class SigningIn(val domain: DomainLine, val wrong: Text? = null) : DomainScreen

    /** A message by which somebody becomes known in another domain: one that came, or one to show. */
    data class Greeting(val greeting: DomainGreeting, val screen: GreetingScreen, val wrong: Text? = null) : DomainScreen

    data class Data(val screen: DataScreen) : DomainScreen

    /** A licence is asked for. */
    data class Asking(val screen: AskDataScreen, val wrong: Text? = null) : DomainScreen

    data class Licence(val screen: LicenceScreen) : DomainScreen

    /** A licence is taken back. */
    data class Revoking(val screen: LicenceScreen, val wrong: Text? = null) : DomainScreen

    /** Who looked at data. */
    data class Accesses(val key: String, val screen: DataAccessesScreen) : DomainScreen

    /** Where data went. */
    data class Trace(val key: String, val screen: TraceScreen) : DomainScreen
}
