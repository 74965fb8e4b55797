package countersign.app

import android.view.View
import android.view.View.MeasureSpec
import android.widget.ScrollView
import countersign.SoftwareKeys
import java.awt.image.BufferedImage
import java.awt.image.IndexColorModel
import java.io.File
import javax.imageio.ImageIO
import org.junit.Assert.assertEquals
import org.junit.FixMethodOrder
import org.junit.Test
import org.junit.runner.RunWith
import org.junit.runners.MethodSorters
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/**
 * Every screen in every state, in six ways to look at it, beside the pictures that are committed; on each one contrast, touch
 * sizes, whole texts and spoken labels are checked. `android/app/pictures` writes the pictures, and the contact sheet, anew.
 */
// The sheet comes last: it is made of what the others draw.
@FixMethodOrder(MethodSorters.NAME_ASCENDING)
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = [34])
class PicturesTest {
    private val write = System.getProperty("countersign.pictures") == "write"

    @Test fun `light`() = look("light", "en-rGB-w360dp-h640dp-notnight-mdpi")

    @Test fun `dark`() = look("dark", "en-rGB-w360dp-h640dp-night-mdpi")

    @Test fun `Arabic, from right to left, with its own digits`() = look("arabic", "ar-rEG-ldrtl-w360dp-h640dp-notnight-mdpi")

    @Test fun `German in letters of twice the size`() = look("german-200", "de-rDE-w360dp-h640dp-notnight-mdpi", 2f)

    @Test fun `a small phone`() = look("small", "en-rGB-w320dp-h480dp-notnight-mdpi")

    @Test fun `a tablet`() = look("large", "en-rGB-w800dp-h1200dp-notnight-mdpi")

    @Test
    fun `the contact sheet is made of the pictures`() {
        val sheet = sheet(Fixtures.SHEET.map { ImageIO.read(File(PICTURES, "light/$it.png")) })
        compare(File("contact-sheet.png"), sheet)
    }

    private fun look(way: String, qualifiers: String, letters: Float = 1f) {
        RuntimeEnvironment.setQualifiers(qualifiers)
        RuntimeEnvironment.setFontScale(letters)
        val app = RuntimeEnvironment.getApplication() as App
        val phone = Phone(File("target/none"), SoftwareKeys())
        app.given = Parts(phone, Model(phone, { }, { })) { FakeCamera() }
        val faults = mutableListOf<String>()
        Robolectric.buildActivity(MainActivity::class.java).use { controller ->
            val activity = controller.setup().get()
            for ((name, screen) in Fixtures.SCREENS) {
                val view = activity.picture(screen)
                faults += inspect(view).map { "$name: $it" }
                try {
                    compare(File(PICTURES, "$way/$name.png"), view.indexed())
                } catch (differs: AssertionError) {
                    faults += "$name: ${differs.message}"
                }
            }
        }
        assertEquals(way, emptyList<String>(), faults)
    }

    /** The whole of a screen, however long it is. */
    private fun MainActivity.picture(screen: Screen): View {
        val view = preview(screen)
        // In the window, where it takes its direction from.
        setContentView(view)
        org.robolectric.Shadows.shadowOf(android.os.Looper.getMainLooper()).idle()
        val (width, height) = resources.displayMetrics.run { widthPixels to heightPixels }
        // Measured once to know how much there is to scroll.
        view.lay(width, height)
        val hidden = view.all().filterIsInstance<ScrollView>().sumOf { (it.getChildAt(0).height - it.height).coerceAtLeast(0) }
        if (hidden > 0) view.lay(width, height + hidden)
        return view
    }

    private fun View.lay(width: Int, height: Int) {
        measure(MeasureSpec.makeMeasureSpec(width, MeasureSpec.EXACTLY), MeasureSpec.makeMeasureSpec(height, MeasureSpec.EXACTLY))
        layout(0, 0, width, height)
    }

    private fun compare(committed: File, made: BufferedImage) {
        if (write) {
            committed.parentFile?.mkdirs()
            ImageIO.write(made, "png", committed)
            return
        }
        if (!committed.exists()) throw AssertionError("$committed is missing: run android/app/pictures")
        val held = ImageIO.read(committed)
        val same = held.width == made.width && held.height == made.height &&
            (0 until made.height).all { y -> (0 until made.width).all { x -> held.getRGB(x, y) == made.getRGB(x, y) } }
        if (same) return
        val beside = File("target/differs/$committed").apply { parentFile.mkdirs() }
        ImageIO.write(made, "png", beside)
        throw AssertionError("it differs from $committed: see $beside, and if that is right run android/app/pictures")
    }

    private companion object {
        val PICTURES = File("src/test/pictures")
    }
}

/** A view as a picture of few colours, so that hundreds of them stay small. */
fun View.indexed(): BufferedImage {
    val pixels = drawn()
    val argb = IntArray(pixels.width * pixels.height)
    pixels.getPixels(argb, 0, pixels.width, 0, 0, pixels.width, pixels.height)
    // The fewest levels a channel that tell a text's edges apart.
    for (step in listOf(32, 64)) {
        val coarse = IntArray(argb.size) { coarse(argb[it], step) }
        val colors = coarse.toSortedSet()
        if (colors.size <= 32 || step == 64) return indexed(pixels.width, pixels.height, coarse, colors.toIntArray())
    }
    error("at most 64 colours are left")
}

private fun coarse(color: Int, step: Int): Int {
    fun level(shift: Int): Int {
        val steps = 256 / step - 1
        return ((color shr shift and 0xff) * steps + 127) / 255 * 255 / steps shl shift
    }
    return level(16) or level(8) or level(0)
}

private fun indexed(width: Int, height: Int, pixels: IntArray, colors: IntArray): BufferedImage {
    val bits = if (colors.size <= 16) 4 else 8
    val palette = IndexColorModel(bits, colors.size, colors, 0, false, -1, java.awt.image.DataBuffer.TYPE_BYTE)
    val type = if (bits == 4) BufferedImage.TYPE_BYTE_BINARY else BufferedImage.TYPE_BYTE_INDEXED
    return BufferedImage(width, height, type, palette).apply { setRGB(0, 0, width, height, pixels.map { it or (0xff shl 24) }.toIntArray(), 0, width) }
}

/** Pictures in rows of six, each at two thirds of its size and cut where the phone's screen ends. */
fun sheet(pictures: List<BufferedImage>): BufferedImage {
    val (width, height, gap, row) = listOf(240, 427, 12, 6)
    val rows = (pictures.size + row - 1) / row
    val all = BufferedImage(row * (width + gap) + gap, rows * (height + gap) + gap, BufferedImage.TYPE_INT_RGB)
    val pen = all.createGraphics()
    pen.color = java.awt.Color(0x88, 0x90, 0x98)
    pen.fillRect(0, 0, all.width, all.height)
    pen.setRenderingHint(java.awt.RenderingHints.KEY_INTERPOLATION, java.awt.RenderingHints.VALUE_INTERPOLATION_BICUBIC)
    pictures.forEachIndexed { place, picture ->
        val (x, y) = gap + place % row * (width + gap) to gap + place / row * (height + gap)
        val shown = picture.height.coerceAtMost(640)
        pen.drawImage(picture, x, y, x + width, y + height, 0, 0, picture.width, shown.coerceAtLeast(640).coerceAtMost(picture.height), null)
    }
    pen.dispose()
    val pixels = IntArray(all.width * all.height) { coarse(all.getRGB(it % all.width, it / all.width), 32) }
    val colors = pixels.toSortedSet()
    val used = if (colors.size <= 256) pixels else IntArray(pixels.size) { coarse(pixels[it], 64) }
    return indexed(all.width, all.height, used, used.toSortedSet().toIntArray())
}
