package countersign.app

import android.widget.LinearLayout
import countersign.core.Argument
import countersign.core.Text
import countersign.core.Value

/** Draws the screens of links for doctors without this app. */
class SharedLinkDrawing(ui: Ui, private val model: Model, private val platform: Platform) : Page(ui) {
    private val links get() = model.links

    fun fill(page: LinearLayout, screen: Screen.ByLink) = page.run {
        when (screen) {
            is Screen.Links -> all(screen)
            is Screen.Linking -> linking(screen)
            is Screen.Linked -> linked(screen)
        }
    }

    private fun LinearLayout.all(screen: Screen.Links) {
        put(ui.heading(words.of("by-link.title")))
        put(ui.text(words.of("by-link.warning")))
        if (screen.links.isEmpty()) put(ui.text(words.of("by-link.none")))
        for (link in screen.links) {
            put(ui.card({ links.show(Screen.Linked(screen.record, link)) }) {
                put(ui.text(words.of(link.title), bold = true))
                link.lines.forEach { put(ui.text(words.of(it), 16f), gap = 4) }
            })
        }
        tap("by-link.make", main = true) { links.choose(screen.record) }
    }

    private fun LinearLayout.linking(screen: Screen.Linking) {
        put(ui.heading(words.of("by-link.make")))
        put(ui.subheading(words.of("records.parts")), gap = 20)
        val parts = screen.sections.map { section -> ui.check(section.title).also { put(it, gap = 0) } to section.part }
        var days = DAYS.first()
        choices("by-link.days", DAYS.map { words.of(Text("lasts.days", listOf(Argument("count", Value.Number(it.toULong()))))) to it }, days) { days = it }
        val name = labelled("by-link.name")
        val passcode = labelled("by-link.choose-passcode")
        wrong(screen.wrong)
        tap("by-link.make", main = true) {
            val chosen = parts.filter { (box, _) -> box.isChecked }.map { (_, part) -> part }
            links.make(chosen, days, passcode.text.toString(), name.text.toString())
        }
    }

    private fun LinearLayout.linked(screen: Screen.Linked) {
        val link = screen.screen
        put(ui.heading(words.of(link.title)))
        put(CodeView(ui.context, listOf(link.link)).apply { contentDescription = words.of("by-link.code") })
        link.lines.forEach { put(ui.text(words.of(it)), gap = 4) }
        put(ui.warning(words.of(link.warning)))
        tap("by-link.send", main = true) { platform.sendLink(link.link) }
        tap("by-link.end") { links.end(screen.record, link.name) }
        put(ui.quiet(words.of("by-link.ended")), gap = 4)
    }

    private companion object {
        val DAYS = listOf<UShort>(1u, 7u, 30u)
    }
}
