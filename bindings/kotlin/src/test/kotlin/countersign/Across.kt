package countersign

import countersign.core.DataOp
import countersign.core.DataQuestion
import countersign.core.Domains
import countersign.core.RevocationCause
import countersign.core.SyncStep
import countersign.core.Text
import countersign.core.Wallet
import countersign.core.dataAccessesScreen
import countersign.core.domainsScreen
import countersign.core.traceScreen
import java.io.File
import java.nio.file.Path
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals

/** Somebody who looks into other domains, by ledgers of their own: the steps of a scenario that begin with `domains-`. */
class Across(private val world: World, folder: Path, keys: SoftwareKeys) : AutoCloseable {
    private val ledgers = JSONObject(world.ask("domains"))
    private val wallet = ledgers.getJSONObject("shared").let {
        Wallet.open(folder.resolve("shared.db").toString(), direct(genesis(it)), it.getString("node"), keys)
    }
    private val domains = Domains(wallet, "signing", folder.resolve("domains").toString())

    /** The message that was said last. */
    private var said = ByteArray(0)

    private fun genesis(ledger: JSONObject) = File(ledger.getString("genesis")).readBytes()

    private fun data() = domains.view().data.first().key

    private fun keys(texts: List<Text>) = JSONArray(texts.map { it.key })

    private fun same(step: JSONObject, name: String, told: JSONArray) =
        assertEquals(step.getJSONArray(name).toString(), told.toString(), "$step")

    fun play(step: JSONObject) {
        fun text(name: String) = step.optString(name)
        fun told(name: String, told: String?) = assertEquals(text(name), told.orEmpty(), "$step")
        when (step.getString("do")) {
            "domains-open" -> Unit
            "domains-world" -> {
                val answer = world.ask("domains ${text("command")}")
                if (step.has("answer")) told("answer", answer)
            }
            "domains-add" -> {
                val ledger = ledgers.getJSONObject(text("ledger"))
                told("domain", domains.add(ledger.getString("node"), direct(genesis(ledger))))
            }
            "domains-remove" -> domains.remove(text("domain"))
            "domains-enrol" -> {
                val code = text("code").ifEmpty { world.ask("domains code ${text("role")} ${text("name")}") }
                told("member", domains.enrol(text("domain"), code))
            }
            "domains-sync" -> {
                domains.sync()
                while (wallet.syncStep() !is SyncStep.Done) Unit
            }
            "domains-view" -> {
                val screen = domainsScreen(domains.view())
                told("says", screen.who.key)
                told("next", screen.next.name.lowercase())
                told("problem", screen.problem?.key)
                same(step, "domains", JSONArray(screen.domains.map { it.domain }))
            }
            "domains-register" -> domains.register()
            "domains-greet" -> {
                val greeting = domains.greet(text("domain"))
                told("step", greeting.step.name.lowercase())
                said = greeting.message
            }
            "domains-exchange" -> {
                val reply = world.ask("domains reply ${said.joinToString("") { "%02x".format(it) }}")
                val next = domains.reply(reply.chunked(2).map { it.toInt(16).toByte() }.toByteArray())
                told("step", next?.step?.name?.lowercase())
                said = next?.message ?: ByteArray(0)
            }
            "domains-ask" -> {
                val operations = step.getJSONArray("operations").map { DataOp.valueOf((it as String).uppercase()) }
                val user = text("user").ifEmpty { domains.view().people.first().user }
                domains.ask(DataQuestion(data(), user, operations, "HRESCH", 7u))
            }
            "domains-licence" -> {
                val licence = domainsScreen(domains.view()).licences.first()
                told("state", licence.state.key)
                same(step, "reasons", keys(licence.reasons))
                assertEquals(step.getInt("causes"), licence.causes.size, "$step")
            }
            "domains-revoke" -> domains.revoke(domains.view().licences.first().thread, RevocationCause.OWNER)
            "domains-accesses" -> {
                val screen = dataAccessesScreen(domains.accesses(data()))
                same(step, "findings", JSONArray(screen.list.map { keys(it.findings) }))
                told("none", screen.none?.key)
                told("warning", screen.warning?.key)
            }
            "domains-trace" -> {
                val rows = traceScreen(domains.trace(data())).rows
                same(step, "titles", keys(rows.map { it.title }))
                same(step, "rails", JSONArray(rows.map { JSONArray(it.rails) }))
                same(step, "notes", keys(rows.map { it.notes.first() }))
            }
            else -> error("no such step: $step")
        }
    }

    override fun close() {
        domains.close()
        wallet.close()
    }
}
