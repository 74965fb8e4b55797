package countersign.app

/**
 * Where the person is, in a word, to come back to when the app was killed meanwhile: what it shows lies in the core's database.
 * No word says anything about a pack or somebody's health, and what was not signed yet is scanned again.
 */
val Model.whereabouts: String
    get() = when (val shown = screen) {
        is Screen.Eye -> when (shown.aim) {
            Aim.PACK -> "scan"
            Aim.TAKE, Aim.DAMAGE -> "take"
            Aim.ANSWER -> "showing ${shownBefore?.handover?.id.orEmpty()}"
            else -> ""
        }
        is Screen.Medicines, is Screen.History, is Screen.Reports -> "medicines"
        is Screen.Carry, is Screen.Done, is Screen.Proof -> "carry"
        is Screen.Offered, is Screen.Refusing -> "take"
        is Screen.Showing -> "showing ${shown.handover.id}"
        is Screen.Outbox -> "outbox"
        is Screen.Preferences, is Screen.Erasing -> "settings"
        is Screen.Medical -> "records"
        is BedsideScreen -> "ward"
        is DomainScreen -> "domains"
        else -> ""
    }

/** Goes to where the person was. */
internal fun Model.comeBack(whereabouts: String) {
    if (screen != Screen.Home(examples = false)) return
    when (whereabouts.substringBefore(' ')) {
        "scan" -> scanPack()
        "medicines" -> medicines()
        "settings" -> preferences()
        "records" -> records.all()
        "ward" -> bedside.ward()
        "domains" -> domains.all()
        "carry" -> carry()
        "take" -> carry { takeOver() }
        "outbox" -> carry { outbox() }
        "showing" -> carry { there -> there.pending.find { it.id == whereabouts.substringAfter(' ') }?.let(::show) }
    }
}
