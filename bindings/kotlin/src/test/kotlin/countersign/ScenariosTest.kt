package countersign

import countersign.core.Answer
import countersign.core.CountersignException
import countersign.core.Patient
import countersign.core.Sight
import countersign.core.Wallet
import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Path
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.runBlocking
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.MethodSource

/** The scenarios in `tests/scenarios`, with the answers that Rust and Swift give. */
class ScenariosTest {
    @TempDir
    lateinit var folder: Path

    @ParameterizedTest
    @MethodSource("scenarios")
    fun `every scenario gives the answers that it expects`(file: File) {
        val steps = JSONObject(file.readText()).getJSONArray("steps").map { it as JSONObject }
        World(folder.resolve("world").toFile()).use { world ->
            val stage = Stage(world, folder.resolve("wallet.db").toString())
            for (step in steps) {
                try {
                    stage.play(step)
                    assertFalse(step.has("error"), "went well: $step")
                } catch (error: CountersignException) {
                    assertEquals(step.optString("error"), name(error), "$step")
                    if (step.has("reason")) assertEquals(step.getString("reason"), reason(error), "$step")
                }
            }
            stage.close()
        }
    }

    companion object {
        @JvmStatic
        fun scenarios(): List<File> =
            File(System.getProperty("countersign.scenarios")).listFiles { file -> file.extension == "json" }!!.sorted()
    }
}

private class Stage(private val world: World, private val database: String) : AutoCloseable {
    private val keys = SoftwareKeys()
    private var wallet = Wallet.open(database, direct(world.genesis), world.node, keys)
    private var patient = Patient(wallet)

    fun play(step: JSONObject) = when (step.getString("do")) {
        "follow" -> wallet.follow(step.getString("code"))
        "follow-pack" -> wallet.followPack(step.getString("code"))
        "sync" -> runBlocking { wallet.sync().collect() }
        "check" -> expect(patient.checkCode(step.getString("code")), step)
        "frame" -> {
            val luma = direct(world.frame(step.getString("file")))
            val sight = runBlocking { patient.look(1280, 720, 1280, luma) }
            val name = sight::class.simpleName!!.kebab()
            assertEquals(step.getString("sight"), name, "$step")
            if (sight is Sight.Pack) expect(sight.answer, step)
            Unit
        }
        "enrol" -> {
            keys.manner = step.getString("keys")
            val code = step.optString("code").ifEmpty { world.ask("code ${step.getString("role")} scenario") }
            assertEquals(step.optString("identity"), wallet.enrol("signing", code).identity, "$step")
        }
        "memberships" -> {
            val identities = JSONArray(wallet.memberships().map { it.identity })
            assertEquals(step.getJSONArray("identities").toString(), identities.toString())
        }
        "node" -> check(world.ask(step.getString("command")).isNotEmpty())
        "reopen" -> {
            close()
            wallet = Wallet.open(database, direct(world.genesis), world.node, keys)
            patient = Patient(wallet)
        }
        else -> error("no such step: $step")
    }

    override fun close() {
        patient.close()
        wallet.close()
    }
}

private fun expect(answer: Answer, step: JSONObject) {
    val told = listOf(answer.verdict.name.lowercase().replace('_', '-'), JSONArray(answer.reasons.map { it.key }).toString())
    assertEquals(listOf(step.getString("verdict"), step.getJSONArray("reasons").toString()), told, "$step")
}

private fun name(error: CountersignException) = error::class.simpleName!!.kebab()

private fun reason(error: CountersignException) = when (error) {
    is CountersignException.Refused -> error.reason
    is CountersignException.Invalid -> error.reason
    else -> null
}

private fun String.kebab() = replace(Regex("(?<=[a-z])(?=[A-Z])"), "-").lowercase()

/** Bytes where the core can read them without a copy. */
internal fun direct(bytes: ByteArray): ByteBuffer = ByteBuffer.allocateDirect(bytes.size).put(bytes).flip()
