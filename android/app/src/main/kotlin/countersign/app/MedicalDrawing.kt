package countersign.app

import android.graphics.Bitmap
import android.graphics.ImageDecoder
import android.view.View
import android.widget.LinearLayout
import countersign.core.AccessAnswer
import countersign.core.AccessMark
import countersign.core.AccessScreen
import countersign.core.Argument
import countersign.core.DocumentScreen
import countersign.core.ImageNext
import countersign.core.ImageScreen
import countersign.core.LineMode
import countersign.core.RecordNext
import countersign.core.RequestScreen
import countersign.core.RequestStep
import countersign.core.SectionMark
import countersign.core.SectionScreen
import countersign.core.Text
import countersign.core.Value
import java.io.File
import java.io.IOException

/** Draws the screens of medical records. */
class MedicalDrawing(ui: Ui, private val model: Model, private val platform: Platform) : Page(ui) {
    private val records get() = model.records
    private val byLink = SharedLinkDrawing(ui, model, platform)

    fun fill(page: LinearLayout, screen: Screen.Medical) = page.run {
        when (screen) {
            is Screen.Records -> all(screen)
            is Screen.Record -> own(screen)
            is Screen.Document -> document(screen.screen)
            is Screen.Picture -> picture(screen)
            is Screen.Paper -> paper(screen)
            is Screen.Restoring -> restoring(screen)
            is Screen.Sharing -> sharing(screen)
            is Screen.Accesses -> accesses(screen)
            is Screen.Code -> code(screen)
            is Screen.ByLink -> byLink.fill(this, screen)
            is Screen.RecordErasing -> erasing(screen)
            is Screen.Asking -> asking(screen)
            is Screen.AskingFor -> askingFor(screen)
        }
    }

    private fun LinearLayout.all(screen: Screen.Records) {
        put(ui.heading(words.of("home.records")))
        put(ui.subheading(words.of("records.mine")))
        for (record in screen.own) {
            put(ui.card({ records.open(record.id) }) {
                put(ui.text(words.of(record.title), bold = true))
                put(ui.text(words.of(record.state), 16f), gap = 4)
            })
        }
        if (screen.own.isEmpty()) {
            put(ui.text(words.of("records.begin-text")))
            tap("records.begin", tapped = records::begin)
            tap("records.restore", tapped = records::restoring)
        }
        put(ui.subheading(words.of("records.patients")), gap = 24)
        val clinic = screen.clinic
        if (clinic == null) {
            tap("enrol.do", tapped = model::carry)
        } else {
            clinic.requests.forEach { request(it) }
            for (patient in clinic.patients) {
                val title = words.of(Text("record.title", listOf(Words.said("number", patient.take(8)))))
                put(ui.button("${words.of("records.ask")}: $title") { records.ask(patient) })
            }
            if (clinic.requests.isNotEmpty()) tap("settings.sync", tapped = records::refreshAll)
            tap("records.scan-link", main = true, records::scanPatient)
        }
        put(ui.button(words.of("records.scan-authority"), tapped = records::scanAuthority), gap = 24)
    }

    private fun LinearLayout.request(request: RequestScreen) = put(ui.card {
        put(ui.text(words.of(request.title), bold = true))
        put(ui.text(words.of(request.state)), gap = 4)
        put(ui.text(words.of(request.kept), 16f), gap = 4)
        request.steps.forEachIndexed { place, step ->
            val label = words.of(key(step))
            put(ui.button(label, main = place == 0) { records.step(request.thread, request.record, step) }.apply {
                contentDescription = "$label: ${words.of(request.title)}"
            })
        }
    })

    private fun key(step: RequestStep) = when (step) {
        RequestStep.RESUME -> "records.resume"
        RequestStep.SYNC -> "settings.sync"
        RequestStep.OPEN -> "records.open"
        RequestStep.READ -> "records.read"
        RequestStep.ASK_AGAIN -> "records.again"
        RequestStep.FORGET -> "records.forget"
    }

    private fun LinearLayout.own(shown: Screen.Record) {
        val screen = shown.screen
        put(ui.heading(words.of(screen.title)))
        put(ui.text(words.of(screen.state)))
        when (screen.next) {
            RecordNext.ENROL -> {
                val field = ui.field(words.of("enrol.code"))
                put(field)
                wrong(shown.wrong)
                tap("enrol.do", main = true) { records.enrol(screen.id, field.text.toString()) }
            }
            RecordNext.TAKE_DOCUMENT -> {
                tap("records.show-doctor", main = true) { records.showDoctor(screen.id) }
                wrong(shown.wrong)
                tap("records.take", tapped = platform::chooseDocument)
            }
            RecordNext.PUBLISH -> tap("records.publish", main = true) { records.publish(screen.id) }
            RecordNext.NOTHING -> tap("records.accesses", main = true) { records.accesses(screen.id) }
        }
        if (shown.document != null) ruled(shown)
        put(ui.button(words.of("records.erase")) { records.erasing(screen.id) }, gap = 24)
    }

    /** Who may see what, of a record that has a document. */
    private fun LinearLayout.ruled(shown: Screen.Record) {
        val screen = shown.screen
        tap("records.read", tapped = records::read)
        screen.nobody?.let { put(ui.text(words.of(it)), gap = 20) }
        for (line in screen.lines) {
            put(ui.card {
                if (line.emergency) put(ui.warning(words.of(line.lines[1])))
                put(ui.text(words.of(line.who), bold = true))
                line.lines.forEachIndexed { place, text -> if (place != 1 || !line.emergency) put(ui.text(words.of(text), 16f), gap = 4) }
                put(ui.button(words.of("records.close")) { records.close(screen.id, line.label) }.apply {
                    contentDescription = "${words.of("records.close")}: ${words.of(line.who)}"
                })
            })
        }
        tap("records.share") { records.share(screen.id) }
        tap("records.link") { records.showLink(screen.id) }
        tap("by-link.title") { model.links.all(screen.id) }
        tap("records.paper") { records.paper(screen.id) }
        put(ui.text(words.of(screen.open)), gap = 20)
        val open = screen.open.key == "record.open"
        tap(if (open) "records.let-nobody-ask" else "records.let-ask") { records.setOpen(screen.id, !open) }
        wrong(shown.wrong)
        tap("records.show-doctor") { records.showDoctor(screen.id) }
        tap("records.take", tapped = platform::chooseDocument)
    }

    private fun LinearLayout.document(screen: DocumentScreen) {
        put(ui.heading(screen.title))
        put(ui.text(words.of(screen.patient), 20f, bold = true))
        screen.warnings.forEach { put(ui.warning(words.of(it))) }
        put(ui.card {
            val signature = words.of(screen.signature)
            put(if (screen.isSigned) ui.text("✓ $signature", bold = true) else ui.warning(signature))
            (screen.lines + screen.kept).forEach { put(ui.text(words.of(it), 16f), gap = 4) }
        })
        screen.sections.forEach { section(it) }
        screen.notStated?.let { put(ui.text(words.of(it)), gap = 20) }
        put(ui.button(words.of("action.back")) { model.back() }, gap = 24)
    }

    private fun LinearLayout.paper(screen: Screen.Paper) {
        put(ui.heading(words.of("records.paper")))
        put(ui.warning(words.of("records.paper-text")))
        put(ui.card {
            // Copied letter by letter, whatever the person's language.
            layoutDirection = View.LAYOUT_DIRECTION_LTR
            screen.lines.forEach { put(ui.text(it, 20f, bold = true).apply { typeface = android.graphics.Typeface.MONOSPACE }, gap = 6) }
        })
        tap("action.back") { model.back() }
    }

    private fun LinearLayout.restoring(screen: Screen.Restoring) {
        put(ui.heading(words.of("records.restore")))
        val paper = labelled("records.restore-text").apply { inputType = inputType or android.text.InputType.TYPE_TEXT_FLAG_MULTI_LINE; isSingleLine = false }
        wrong(screen.wrong)
        tap("records.restore", main = true) { records.restore(paper.text.toString()) }
    }

    private fun LinearLayout.section(section: SectionScreen) {
        put(ui.subheading(section.title), gap = 20)
        val state = section.state?.let { words.of(it) }
        when (section.mark) {
            SectionMark.PRESENT -> Unit
            SectionMark.EMPTY -> put(ui.text("∅ $state"), gap = 4)
            SectionMark.WITHHELD -> put(ui.warning("$state"), gap = 4)
        }
        section.lines.forEach { put(ui.text("• $it"), gap = 4) }
        section.text?.let { put(ui.text(it, 16f), gap = 8) }
        section.notes.forEach { put(ui.quiet(words.of(it)), gap = 4) }
        section.images.forEach { image(it) }
    }

    private fun LinearLayout.image(image: ImageScreen) = put(ui.card {
        put(ui.text(words.of(image.title), 16f))
        put(ui.text(words.size(image.bytes), 16f), gap = 4)
        when (image.next) {
            ImageNext.SHOW -> tap("records.image-show") { records.show(image) }
            ImageNext.TAKE -> tap("records.image-take") { platform.chooseImage(image) }
            ImageNext.NOTHING -> Unit
        }
    })

    /** What this phone cannot draw is offered by its name. */
    private fun LinearLayout.picture(screen: Screen.Picture) {
        put(ui.heading(words.of(screen.image.title)))
        val pixels = pixels(screen.file)
        if (pixels == null) put(ui.text(words.of("records.image-not-drawn"))) else put(ui.picture(pixels, words.of(screen.image.title)))
        put(ui.quiet("${screen.image.name}, ${words.size(screen.image.bytes)}"))
        tap("records.image-save") { platform.saveImage(screen.image) }
        tap("action.back") { model.back() }
    }

    /** Of a picture of any size no more than a screen shows. */
    private fun pixels(file: File): Bitmap? = try {
        ImageDecoder.decodeBitmap(ImageDecoder.createSource(file)) { decoder, info, _ ->
            decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
            decoder.setTargetSampleSize((info.size.width.coerceAtLeast(info.size.height) / LARGEST).coerceAtLeast(1))
        }
    } catch (_: IOException) {
        null
    }

    private fun LinearLayout.sharing(screen: Screen.Sharing) {
        val free = screen.thread == null
        put(ui.heading(words.of(if (free) "records.share" else "records.allow-parts")))
        val policy = if (free) labelled("records.who-hint") else null
        put(ui.subheading(words.of("records.parts")), gap = 20)
        val parts = screen.sections.map { section -> ui.check(section.title).also { put(it, gap = 0) } to section.part }
        var mode = LineMode.AT_ONCE
        var minutes = DAY
        if (free) {
            choices("records.how", MODES.map { (key, mode) -> words.of(key) to mode }, mode) { mode = it }
            choices("records.how-long", TIMES.map { (text, time) -> words.of(text) to time }, minutes) { minutes = it }
        }
        wrong(screen.wrong)
        tap("records.share-do", main = true) {
            val chosen = parts.filter { (box, _) -> box.isChecked }.map { (_, part) -> part }
            records.shared(policy?.text?.toString()?.trim().orEmpty(), chosen, mode, minutes)
        }
    }

    private fun LinearLayout.accesses(shown: Screen.Accesses) {
        val screen = shown.screen
        put(ui.heading(words.of("records.accesses")))
        put(ui.text(words.of(screen.complete)))
        screen.nobody?.let { put(ui.text(words.of(it))) }
        screen.list.forEach { access(shown.record, it) }
        screen.unread?.let { put(ui.text(words.of(it))) }
        put(ui.quiet(words.of("records.withdraw-text")), gap = 20)
        tap("settings.sync", main = true) { records.refresh(shown.record) }
    }

    private fun LinearLayout.access(record: String, access: AccessScreen) = put(ui.card {
        val state = words.of(access.state)
        when (access.mark) {
            AccessMark.EMERGENCY -> put(ui.warning(state, R.color.suspect))
            AccessMark.WAITING -> put(ui.warning(state))
            AccessMark.OPEN -> put(ui.text("✓ $state", color = R.color.authentic, bold = true))
            AccessMark.CLOSED -> put(ui.text(state, bold = true))
        }
        put(ui.text(words.of(access.who), bold = true))
        access.warning?.let { put(ui.text(words.of(it), color = R.color.suspect)) }
        access.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
        access.answers.forEachIndexed { place, answer ->
            val label = words.of(key(answer))
            put(ui.button(label, main = place == 0 && answer != AccessAnswer.WITHDRAW) { records.answer(record, access.thread, answer) }.apply {
                contentDescription = "$label: ${words.of(access.who)}"
            })
        }
    })

    private fun key(answer: AccessAnswer) = when (answer) {
        AccessAnswer.ALLOW -> "records.allow"
        AccessAnswer.ALLOW_PARTS -> "records.allow-parts"
        AccessAnswer.DENY -> "records.deny"
        AccessAnswer.WITHDRAW -> "records.withdraw"
    }

    private fun LinearLayout.code(screen: Screen.Code) {
        put(ui.heading(words.of(screen.title)))
        put(CodeView(ui.context, listOf(screen.code)).apply { contentDescription = words.of(screen.title) })
        put(ui.text(words.of(screen.text)))
        tap("action.back") { model.back() }
    }

    private fun LinearLayout.erasing(screen: Screen.RecordErasing) {
        put(ui.heading(words.of("records.erase")))
        put(ui.text(words.of("records.erase-text")))
        tap("settings.erase-confirm", main = true) { records.erase(screen.record) }
        tap("action.cancel") { model.back() }
    }

    private fun LinearLayout.asking(shown: Screen.Asking) {
        val screen = shown.screen
        put(ui.heading(words.of(screen.title)))
        screen.keyMissing?.let {
            put(ui.warning(words.of(it)))
            tap("records.fetch-key", main = true) { records.fetchKey(screen.record) }
        }
        for (choice in screen.choices) {
            put(ui.card {
                choice.warning?.let { put(ui.warning(words.of(it))) }
                put(ui.text(words.of(choice.who), bold = true))
                choice.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
                put(ui.button(words.of("records.ask"), main = choice.fits && !choice.needsReason) { records.choose(screen.record, choice) }.apply {
                    contentDescription = "${words.of("records.ask")}: ${words.of(choice.who)}"
                })
            })
        }
    }

    private fun LinearLayout.askingFor(shown: Screen.AskingFor) {
        val choice = shown.choice
        put(ui.heading(words.of("records.ask")))
        choice.warning?.let { put(ui.warning(words.of(it))) }
        put(ui.text(words.of(choice.who), bold = true))
        choice.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
        val name = labelled("records.name", shown.name)
        val reason = labelled("records.reason")
        wrong(shown.wrong)
        tap("records.ask", main = true) { records.send(name.text.toString(), reason.text.toString()) }
    }

    private companion object {
        const val DAY = 1440u
        const val LARGEST = 2048
        val MODES = listOf("mode.at-once" to LineMode.AT_ONCE, "mode.ask" to LineMode.ASK, "mode.emergency" to LineMode.EMERGENCY)
        val TIMES = listOf("lasts.hours" to 1uL to 60u, "lasts.days" to 1uL to DAY, "lasts.days" to 30uL to 30u * DAY).map { (text, minutes) ->
            Text(text.first, listOf(Argument("count", Value.Number(text.second)))) to minutes
        }
    }
}
