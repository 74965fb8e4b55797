package countersign

import countersign.core.AccessState
import countersign.core.Answer
import countersign.core.Bedside
import countersign.core.BedsideCommand
import countersign.core.Clinician
import countersign.core.Condition
import countersign.core.Consent
import countersign.core.CountersignException
import countersign.core.Courier
import countersign.core.Delivery
import countersign.core.Fault
import countersign.core.Field
import countersign.core.FieldValue
import countersign.core.Issuer
import countersign.core.Level
import countersign.core.LineMode
import countersign.core.MedicalDocument
import countersign.core.NewRecordLine
import countersign.core.Outgoing
import countersign.core.PackChecker
import countersign.core.RecordQuestion
import countersign.core.RecordStep
import countersign.core.Records
import countersign.core.Scan
import countersign.core.ScanResult
import countersign.core.Suspicion
import countersign.core.Text
import countersign.core.TryCounter
import countersign.core.Wallet
import countersign.core.drawCode
import countersign.core.faultScreen
import countersign.core.verdictScreen
import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Path
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
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
            Stage(world, folder).use { stage ->
                for (step in steps) {
                    try {
                        stage.play(step)
                        assertFalse(step.has("error"), "went well: $step")
                    } catch (error: CountersignException) {
                        assertEquals(step.optString("error"), name(error), "$step")
                        if (step.has("reason")) assertEquals(step.getString("reason"), reason(error), "$step")
                        faultScreen(Fault.Failed(error)).let { shown(listOf(it.title, it.text), step) }
                    }
                }
            }
        }
    }

    companion object {
        @JvmStatic
        fun scenarios(): List<File> =
            File(System.getProperty("countersign.scenarios")).listFiles { file -> file.extension == "json" }!!.sorted()
    }
}

/** One world, and the messages that its people show each other. */
private class Stage(private val world: World, private val folder: Path) : AutoCloseable {
    private val phones = mutableMapOf<String, Phone>()
    private val keys = mutableMapOf<String, SoftwareKeys>()

    /** What was shown on a screen, by the name that the scenario gives it. */
    private val codes = mutableMapOf<String, List<String>>()

    /** Somebody who looks into other domains. */
    private var across: Across? = null

    /** What was read from it. */
    private val messages = mutableMapOf<String, ByteArray>()

    fun play(step: JSONObject) {
        val who = step.optString("who")
        val own = keys.getOrPut(who) { SoftwareKeys() }
        if (step.getString("do") == "reopen") phones.remove(who)?.close()
        val phone = phones.getOrPut(who) { Phone(folder.resolve("wallet$who.db").toString(), world, own) }
        if (step.has("keys")) own.manner = step.getString("keys")
        when (step.getString("do")) {
            "reopen" -> {}
            "follow" -> phone.wallet.follow(step.getString("code"))
            "follow-pack" -> phone.wallet.followPack(step.getString("code"))
            "follow-unit" -> phone.wallet.followUnit(step.getString("code"))
            "unfollow" -> phone.wallet.unfollow(step.getString("link"))
            "contents" -> phone.wallet.keepContents(world.file(step.getString("file")))
            "sync" -> runBlocking { phone.wallet.sync().collect() }
            "check" -> expect(runBlocking { phone.patient.answer(step.getString("code")) }, step)
            "frame" -> {
                val luma = direct(world.frame(step.getString("file")))
                val sight = runBlocking { phone.patient.look(1280, 720, 1280, luma) }
                val name = sight::class.simpleName!!.kebab()
                assertEquals(step.getString("sight"), name, "$step")
                if (sight is ScanResult.Pack) expect(sight.answer, step)
            }
            "photo" -> {
                val grey = world.frame(step.getString("file"))
                val rgba = ByteArray(4 * grey.size) { if (it % 4 == 3) -1 else grey[it / 4] }
                val sight = phone.patient.checkPhoto(1280u, 720u, direct(rgba)) as ScanResult.Pack
                expect(sight.answer, step)
            }
            "enrol" -> {
                val name = step.optString("name", "scenario")
                val code = step.optString("code").ifEmpty { world.ask("code ${step.getString("role")} $name") }
                val enrolled = runBlocking { phone.wallet.enrolled("signing", code) }
                assertEquals(step.optString("identity"), enrolled.membership.identity, "$step")
                assertEquals(code, enrolled.attestation[1].decodeToString(), "$step")
            }
            "memberships" -> {
                val identities = JSONArray(phone.wallet.memberships().map { it.identity })
                assertEquals(step.getJSONArray("identities").toString(), identities.toString())
            }
            "settings" -> {
                val settings = phone.wallet.settings()
                val node = if (settings.node == world.node) "own" else settings.node
                assertEquals(step.getString("node") to step.getLong("following"), node to settings.following.toLong(), "$step")
                val identities = JSONArray(settings.memberships.map { it.identity })
                assertEquals(step.getJSONArray("identities").toString(), identities.toString(), "$step")
                val (checkpoint, age) = settings.knowledge.checkpoint to settings.knowledge.ageMillis
                assertEquals(List(2) { step.getBoolean("synced") }, listOf(checkpoint != null, age != null), "$step")
                assertTrue((age ?: 0u) < 3_600_000u && settings.bytes > 20_000u, "$step: $settings")
                assertEquals(0uL to false, settings.knowledge.contradictions to settings.knowledge.damaged, "$step")
            }
            "set-node" -> phone.wallet.setNode(step.getString("node").let { if (it == "own") world.node else it })
            "show-checkpoint" -> {
                val shown = phone.wallet.checkpointCodes()
                assertEquals(step.optBoolean("nothing"), shown.isEmpty(), "$step")
                codes[step.getString("as")] = shown
            }
            "compare" -> {
                val note = step.optString("note").ifEmpty {
                    scanned(phone.courier, codes.getValue(step.getString("with")), step).decodeToString()
                }
                assertEquals(step.optString("finds"), phone.wallet.compare(note).name.lowercase(), "$step")
            }
            "prepare", "sign" -> act(phone.issuer, step)
            "node" -> check(world.ask(step.getString("command")).isNotEmpty())
            else -> when (step.getString("do").substringBefore('-')) {
                "pack" -> pack(phone, step)
                "record" -> Records(phone.wallet).use { record(it, step) }
                "clinician" -> {
                    val (identity, address, root) = world.authority
                    Clinician(phone.wallet, "signing", identity, address, listOf(root)).use { clinician(it, step) }
                }
                "bedside" -> bedside(phone.bedside, step)
                "domains" -> (across ?: Across(world, folder, own).also { across = it }).play(step)
                else -> handOver(phone.courier, step)
            }
        }
    }

    /** Asks what would be signed, or signs it. */
    private fun act(issuer: Issuer, step: JSONObject) {
        val level = step.optString("level").ifEmpty { null }?.let { Level.valueOf(it.uppercase()) }
        val words = step.optJSONArray("consent")?.map { it as String }.orEmpty()
        val consent = Consent(irrevocable = "irrevocable" in words, unknown = "unknown" in words)
        val given = step.optJSONObject("fields")?.toMap().orEmpty()
        val fields = given.map { (name, value) -> Field(name, FieldValue.Text(value as String)) }
        val (kind, code) = step.getString("kind") to step.getString("code")
        val act = if (step.getString("do") == "prepare") {
            issuer.prepare(kind, code, level, consent)
        } else {
            runBlocking { issuer.signed(kind, code, level, fields, consent) }.act
        }
        val told = listOf(act.link, act.level.name.lowercase(), act.irrevocable)
        assertEquals(listOf(step["link"], step["about"], step["irrevocable"]), told, "$step")
    }

    /** What a phone remembers, what it is told later, and what it reports. */
    private fun pack(phone: Phone, step: JSONObject) {
        val (patient, link) = phone.patient to step.optString("link")
        val name = { of: String -> of.substringAfterLast('/') }
        val rows: List<String> = when (step.getString("do")) {
            "pack-remember" -> return patient.remember(step.getBoolean("on"))
            "pack-remembered" -> {
                val told = patient.remembered()
                val expected = listOf(step["on"], step.getLong("scanned"), step.getLong("kept"))
                return assertEquals(expected, listOf(told.on, told.scanned.toLong(), told.kept.toLong()), "$step")
            }
            "pack-seen" -> {
                val keys = patient.seen().let { listOf(it.before?.key, it.hint?.key) }
                return assertEquals(listOf("before", "hint").map { step.optString(it).ifEmpty { null } }, keys, "$step")
            }
            "pack-keep" -> return phone.wallet.keep(step.getString("code"))
            "pack-forget" -> return patient.forget(link)
            "pack-erase" -> return patient.eraseAll()
            "pack-report" -> return patient.report(link, Suspicion(step.getString("words")))
            "pack-send" -> {
                val round = patient.sendReports()
                val expected = listOf("proven", "refused", "waiting").map { step.getLong(it).toULong() }
                return assertEquals(expected, listOf(round.proven, round.refused, round.waiting), "$step")
            }
            "pack-history" ->
                patient.history().map { "${name(it.link)}: ${it.title.key}" + if (it.kept) ", kept" else "" }
            "pack-reports" -> patient.reports().map { it.state.key }
            "pack-told-office" -> JSONArray(world.ask("reports")).map { it as String }
            "pack-notices" -> patient.notices().map {
                patient.told(it.id)
                assertEquals("notice.neutral", it.neutral.key)
                "${name(it.link)}: ${it.line.key}, ${it.next.key}"
            }.sorted()
            else -> error("no step is called ${step.getString("do")}")
        }
        assertEquals(step.getJSONArray("rows").map { it as String }, rows, "$step")
    }

    private fun handOver(courier: Courier, step: JSONObject): Unit = when (step.getString("do")) {
        "world-offer" -> {
            val codesJson = JSONArray(world.ask("offer ${step.getString("goods")}"))
            codes[step.getString("as")] = codesJson.map { it as String }
        }
        "load" -> courier.load(step.getString("goods")).discard()
        "offer" -> {
            val to = if (step.has("to")) step.getString("to") else null
            val shown = runBlocking { courier.offered(step.getString("goods"), to, "dock 4") }
            codes[step.getString("as")] = shown.codes
        }
        "scan" -> messages[step.getString("codes")] = scanned(courier, codes.getValue(step.getString("codes")), step)
        "answer" -> {
            val goods = step.getJSONArray("goods").map { it as String }
            val condition = when (val word = step.getString("condition")) {
                "intact" -> Condition.Intact
                "damaged" -> Condition.Damaged("a photo".toByteArray())
                else -> Condition.Refused(word)
            }
            val shown = courier.answer(messages.getValue(step.getString("to")), goods, condition, null)
            codes[step.getString("as")] = shown.codes
        }
        "close" -> {
            val goods = courier.close(messages.getValue(step.getString("with")))
            assertEquals(step.optString("holder"), goods.holder, "$step")
        }
        "same" -> assertEquals(codes.getValue(step.getString("and")), codes.getValue(step.getString("codes")), "$step")
        "dismiss" -> {
            courier.pending().forEach { courier.dismiss(it.id) }
            assertEquals(emptyList<Any>(), courier.pending())
        }
        "goods" -> {
            val rows = JSONArray(courier.goods().map { "${it.holder}, ${it.unit?.scanned} of ${it.unit?.packs}" })
            assertEquals(step.getJSONArray("rows").toString(), rows.toString(), "$step")
        }
        "outbox" -> {
            val rows = JSONArray(courier.outbox().map { "${it.kind} ${described(it)}" })
            assertEquals(step.getJSONArray("rows").toString(), rows.toString(), "$step")
        }
        "settle" -> courier.settle(courier.outbox().first { it.delivery is Delivery.Refused }.id)
        "send" -> {
            val round = courier.send()
            val expected = listOf("proven", "refused", "waiting").map { step.getLong(it) }
            assertEquals(expected, listOf(round.proven, round.refused, round.waiting).map { it.toLong() }, "$step")
        }
        "deliver" -> {
            val rounds = runBlocking { courier.delivery().toList() }
            val expected = listOf("proven", "refused").map { step.getLong(it) }
            val counted = listOf(rounds.sumOf { it.proven }, rounds.sumOf { it.refused }).map { it.toLong() }
            assertEquals(expected, counted, "$step")
        }
        else -> error("no such step: $step")
    }

    /** What was noted under the name that the scenario gives it: a record's number, a link, a label, a thread. */
    private fun noted(step: JSONObject, name: String): String =
        if (step.has(name)) codes.getValue(step.getString(name))[0] else ""

    private fun note(step: JSONObject, what: String) {
        codes[step.getString("as")] = listOf(what)
    }

    private fun record(records: Records, step: JSONObject) {
        val (record, thread) = noted(step, "record") to noted(step, "thread")
        when (step.getString("do")) {
            "record-begin" -> note(step, records.begin(world.authority.first))
            "record-enrol" -> {
                val name = step.optString("name").ifEmpty { record }
                records.enrol(record, world.ask("code patient $name"))
            }
            "record-take" -> {
                val holder = records.holder(record).joinToString("") { "%02x".format(it) }
                val file = world.ask("document $record $holder ${step.getInt("version")}")
                expect(records.take(record, File(file).readBytes()), step)
            }
            "record-share" -> {
                val parts = parts(records.document(record), step)
                val mode = LineMode.valueOf(step.getString("mode").uppercase().replace('-', '_'))
                val (hidden, policy) = step.optBoolean("private") to step.getString("policy")
                note(step, records.share(record, NewRecordLine(hidden, policy, mode, 60u, parts)))
            }
            "record-set-parts" ->
                records.setParts(record, noted(step, "line"), parts(records.document(record), step))
            "record-close" -> records.close(record, noted(step, "line"))
            "record-open" -> records.setOpen(record, step.getBoolean("open"))
            "record-publish" -> while (records.step(record) != RecordStep.DONE) Unit
            "record-link" -> note(step, records.link(record))
            "record-paper" -> note(step, records.paper(record))
            "record-restore" -> {
                val paper = step.optString("text") + noted(step, "paper")
                note(step, records.restore(paper, world.authority.first))
            }
            "record-allow" -> records.allow(record, thread)
            "record-allow-parts" -> records.allowParts(record, thread, parts(records.document(record), step))
            "record-deny" -> records.deny(record, thread)
            "record-withdraw" -> records.withdraw(record, thread)
            "record-erase" -> records.erase(record)
            "record-accesses" -> {
                val rows = records.accesses(record).list.map {
                    val emergency = if (it.emergency) ", emergency" else ""
                    "${it.requester?.identity ?: "nobody"}: ${state(it.state)}, delivered ${it.deliveredMillis.size} times$emergency"
                }
                assertEquals(step.getJSONArray("rows").toString(), JSONArray(rows).toString(), "$step")
            }
            "record-all" -> {
                val rows = records.all().map { "version ${it.version}, ${it.lines.size} lines" }
                assertEquals(step.getJSONArray("rows").toString(), JSONArray(rows).toString(), "$step")
            }
            else -> error("no such step: $step")
        }
    }

    private fun clinician(clinician: Clinician, step: JSONObject) {
        val (record, thread) = noted(step, "record") to noted(step, "thread")
        when (step.getString("do")) {
            "clinician-attributes" -> {
                val registered = world.ask("attributes ${step.getString("member")} ${step.getString("list")}")
                assertEquals("registered", registered, "$step")
            }
            "clinician-add" -> clinician.add(step.optString("text").ifEmpty { noted(step, "link") })
            "clinician-key" -> {
                clinician.fetchKey()
                assertTrue(clinician.hasKey(), "$step")
            }
            "clinician-offers" -> {
                val rows = clinician.offers(record).map { "${it.policy}: ${if (it.fits) "fits" else "does not fit"}" }
                assertEquals(step.getJSONArray("rows").toString(), JSONArray(rows).toString(), "$step")
            }
            "clinician-ask" -> {
                val label = if (step.has("line")) noted(step, "line") else null
                val reason = if (step.has("reason")) step.getString("reason") else null
                val hidden = step.optBoolean("private")
                note(step, clinician.ask(RecordQuestion(record, label, hidden, 30u, "TREAT", reason, "Dr. Ada")))
            }
            "clinician-open" -> expect(clinician.open(thread), step)
            "clinician-read" -> expect(clinician.read(thread), step)
            "clinician-tidy" -> assertEquals(step.getLong("erased"), clinician.tidy().toLong(), "$step")
            "clinician-asked" -> {
                val rows = clinician.asked().map { (it.state?.let(::state) ?: "unsent") + if (it.kept) ", kept" else "" }
                assertEquals(step.getJSONArray("rows").toString(), JSONArray(rows).toString(), "$step")
            }
            else -> error("no such step: $step")
        }
    }

    private fun bedside(bedside: Bedside, step: JSONObject) {
        val gateway = "spiffe://meds.example/bedside-gateway/north"
        when (step.getString("do")) {
            "bedside-device" ->
                note(step, world.ask("device ${step.getString("class")} ${step.getInt("patient")}"))
            "bedside-badge" -> note(step, world.ask("badge ${step.getString("member")}"))
            "bedside-revoke" -> assertEquals("revoked", world.ask("revoke ${step.getString("member")}"), "$step")
            "bedside-take" -> {
                val badge = step.optString("text") + noted(step, "badge")
                assertEquals(gateway, bedside.take(badge, step.getString("password"), TryCounter.KEY_STORE), "$step")
            }
            "bedside-sign-in" -> {
                val device = step.optString("text") + noted(step, "device")
                val operations = step.getJSONArray("operations").map { it as String }
                val patient = step.optInt("patient").toUInt()
                val signedIn = bedside.signIn(gateway, step.getString("password"), device, operations, 30u, patient)
                assertEquals(step.getJSONArray("permits").toList(), signedIn.operations, "$step")
                assertEquals(step.getInt("with").toUInt(), signedIn.patient, "$step")
            }
            "bedside-reading" -> {
                val reading = bedside.reading(1_000u)!!
                val told = listOf(reading.metric, reading.value, reading.unit)
                assertEquals(listOf("metric", "value", "unit").map { step.getString(it) }, told, "$step")
                assertEquals(Triple(null, 0u, 0u), Triple(reading.absent, reading.number, reading.missed), "$step")
            }
            "bedside-until-cut" -> repeat(1_000) { bedside.reading(1_000u) }
            "bedside-command" -> {
                bedside.command(BedsideCommand(step.getString("operation"), 157_784u, 3_122u, 125, -1))
                assertEquals(step.getString("heard"), world.ask("heard"), "$step")
            }
            "bedside-change-password" ->
                bedside.changePassword(gateway, step.getString("old"), step.getString("new"))
            "bedside-forget" -> bedside.forget(gateway)
            "bedside-gateways" -> assertEquals(step.getJSONArray("rows").toList(), bedside.gateways(), "$step")
            else -> error("no such step: $step")
        }
    }

    /** Draws the codes, and holds each before the camera until the message is whole. */
    private fun scanned(courier: Courier, codes: List<String>, step: JSONObject): ByteArray {
        val parts = mutableListOf<UInt>()
        for (code in codes) {
            val drawing = drawCode(code, 4u)
            val (width, height) = drawing.width.toInt() to drawing.height.toInt()
            when (val scan = runBlocking { courier.look(width, height, width, direct(drawing.luma)) }) {
                is Scan.Part -> parts += scan.have
                is Scan.Offered -> {
                    val seen = listOf("offer", scan.offer.giver, scan.offer.hops.toInt(), scan.offer.contradicts)
                    assertEquals(listOf(step["sees"], step["giver"], step["hops"], false), seen, "$step")
                    assertEquals(parts.sorted(), parts, "$step")
                    return scan.offer.message
                }
                is Scan.Checkpoint -> {
                    assertEquals(step.getString("sees"), "checkpoint", "$step")
                    return scan.note.toByteArray()
                }
                is Scan.Answered -> {
                    assertEquals(step.getString("sees"), "answer", "$step")
                    return scan.message
                }
                else -> error("$scan: $step")
            }
        }
        error("the codes are not a whole message: $step")
    }

    override fun close() {
        across?.close()
        phones.values.forEach { it.close() }
    }
}

/** Somebody's wallet. */
private class Phone(database: String, world: World, keys: SoftwareKeys) : AutoCloseable {
    val wallet = Wallet.open(database, direct(world.genesis), world.node, keys)
    val patient = PackChecker(wallet)
    val courier = Courier(wallet, "signing")
    val issuer = Issuer(wallet, "signing")
    val bedside = Bedside(wallet, "signing")

    override fun close() {
        bedside.close()
        issuer.close()
        courier.close()
        patient.close()
        wallet.close()
    }
}

private fun described(row: Outgoing) = when (val delivery = row.delivery) {
    is Delivery.Waiting -> "waiting"
    is Delivery.Sent -> "sent"
    is Delivery.Refused -> {
        val because = row.cause?.let { " because ${it.reason}" }.orEmpty()
        "refused ${delivery.reason} ${delivery.next.name.lowercase().replace('_', '-')}$because"
    }
}

private fun Any.discard() = Unit

private fun expect(answer: Answer, step: JSONObject) {
    verdictScreen(answer).let { shown(listOf(it.title, it.reason, it.next), step) }
    val found = listOf(answer.verdict.name.lowercase().replace('_', '-'), JSONArray(answer.reasons.map { it.key }).toString())
    assertEquals(listOf(step.getString("verdict"), step.getJSONArray("reasons").toString()), found, "$step")
    // Each time it was received with its unit: how many of the unit's packs were scanned.
    val units = answer.history.mapNotNull { it.unit }.map { "${it.scanned} of ${it.packs}" }
    assertEquals((step.optJSONArray("units") ?: JSONArray()).toString(), JSONArray(units).toString(), "$step")
}

/** The parts of the sections that a step names. */
private fun parts(document: MedicalDocument, step: JSONObject): ByteArray {
    val titles = step.getJSONArray("sections").toSet()
    return document.sections.filter { it.title in titles }.map { it.part.toByte() }.toByteArray()
}

private fun expect(document: MedicalDocument, step: JSONObject) {
    val titles = document.sections.map { it.title }.sorted()
    assertEquals(step.getJSONArray("sections").toString(), JSONArray(titles).toString(), "$step")
    assertEquals(step.optInt("withheld") to 0, document.withheld.toInt() to document.notDelivered.toInt(), "$step")
    assertEquals("Patient summary" to "spiffe://meds.example/doctor/grace", document.title to document.signer, "$step")
}

private fun state(state: AccessState) = state.name.lowercase()

/** The keys of a screen's texts, where a step names them. */
private fun shown(texts: List<Text>, step: JSONObject) {
    if (step.has("screen")) assertEquals(step.getJSONArray("screen").toString(), JSONArray(texts.map { it.key }).toString(), "$step")
}

private fun name(error: CountersignException) = error::class.simpleName!!.kebab()

private fun reason(error: CountersignException) = when (error) {
    is CountersignException.Refused -> error.reason
    is CountersignException.Invalid -> error.reason
    is CountersignException.ConsentNeeded -> error.reason
    else -> null
}

private fun String.kebab() = replace(Regex("(?<=[a-z])(?=[A-Z])"), "-").lowercase()

/** Bytes where the core can read them without a copy. */
internal fun direct(bytes: ByteArray): ByteBuffer = ByteBuffer.allocateDirect(bytes.size).put(bytes).flip()
