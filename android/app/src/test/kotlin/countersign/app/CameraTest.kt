package countersign.app

import countersign.SoftwareKeys
import countersign.core.Handover
import countersign.core.drawCode
import countersign.core.handoverScreen
import countersign.core.registerCodes
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** What is before a camera, and what the app makes of it. */
class CameraTest : WorldTest() {
    private lateinit var ann: Person

    @Before
    fun aim() {
        ann = person("ann")
        ann.tap("start.pin")
    }

    @Test
    fun `a lens that focuses comes first, whatever its number`() {
        assertEquals("2", Camera2.rank(listOf(Camera2.Lens("0", false), Camera2.Lens("2", true), Camera2.Lens("3", true))))
        assertEquals("0", Camera2.rank(listOf(Camera2.Lens("0", false), Camera2.Lens("1", false))))
        assertEquals(null, Camera2.rank(emptyList()))
    }

    @Test
    fun `progress counts what is new, and foreign codes change nothing`() {
        val codes = registerCodes(world.node, direct(world.genesis))
        assertTrue("the register takes several codes", codes.size > 2)
        hold(codes[0])
        val first = ann.model.screen as Screen.Eye
        assertEquals(1, first.have)
        hold(codes[0])
        hold("https://example.org/menu")
        assertEquals(first, ann.model.screen)
        hold(codes[1])
        assertEquals(2, (ann.model.screen as Screen.Eye).have)
        ann.holdCodes(codes)
        ann.sees("pin.title")
    }

    @Test
    fun `a pack is answered once, and somebody who finds none is helped`() {
        ann.holdCodes(registerCodes(world.node, direct(world.genesis)))
        ann.tap("pin.confirm")
        ann.tap("home.scan")
        repeat(59) { ann.hold(world.frame("blank.pgm")) }
        ann.sees("scan.point")
        ann.hold(world.frame("blank.pgm"))
        ann.sees("scan.closer")
        val frames = ann.camera.frames!!
        val genuine = world.frame("genuine.pgm")
        repeat(3) { frames.take(genuine.width, genuine.height, genuine.stride, genuine.plane) }
        ann.sees("verdict.cannot-tell")
        ann.back()
        ann.sees("home.scan")
    }

    private fun hold(code: String) {
        val drawing = drawCode(code, 4u)
        ann.hold(Frame(drawing.width.toInt(), drawing.height.toInt(), drawing.luma))
    }
}

/** Codes on a screen. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = [34])
class CodesTest {
    @Test
    fun `codes are black on white with a border of four, in whole pixels, in every theme and size`() {
        for (qualifiers in listOf("w360dp-h780dp-notnight-xhdpi", "w360dp-h780dp-night-xhdpi", "w320dp-h480dp-night-mdpi", "w800dp-h1200dp-night-hdpi", "ar-ldrtl-w411dp-h800dp-night-420dpi")) {
            RuntimeEnvironment.setQualifiers(qualifiers)
            val app = RuntimeEnvironment.getApplication() as App
            app.given = Parts(Phone(File("target/none"), SoftwareKeys()), Model(Phone(File("target/none"), SoftwareKeys()), { }, { })) { FakeCamera() }
            Robolectric.buildActivity(MainActivity::class.java).use { controller ->
                val activity = controller.setup().get()
                val handover = Handover("00", "https://id.gs1.org/00/095060001343520017", true, listOf("CS1:" + "A0".repeat(200)), 0uL)
                activity.setContentView(activity.preview(Screen.Showing(handover, handoverScreen(handover))))
                org.robolectric.Shadows.shadowOf(android.os.Looper.getMainLooper()).idle()
                val view = activity.window.decorView.all().filterIsInstance<CodeView>().first()
                val pixels = view.drawn()
                val drawing = drawCode(handover.codes[0], 2u)
                val modules = drawing.width.toInt() / 2
                val scale = (view.width * 2 / drawing.width.toInt()).coerceIn(2, 16)
                val left = (view.width - modules * scale) / 2
                assertTrue("$qualifiers: $scale", left >= 0)
                for (y in 0 until modules) for (x in 0 until modules) {
                    val wanted = if (drawing.luma[2 * y * drawing.width.toInt() + 2 * x] < 0) android.graphics.Color.WHITE else android.graphics.Color.BLACK
                    for (corner in listOf(0, scale - 1)) assertEquals("$qualifiers $x $y", wanted, pixels.getPixel(left + x * scale + corner, left + y * scale + corner))
                }
                for (border in 0 until 4) assertEquals(android.graphics.Color.WHITE, pixels.getPixel(left + border * scale, view.height / 2))
            }
        }
    }

    @Test
    fun `slower is one tap away, and the slowest is followed by the fastest`() {
        RuntimeEnvironment.setQualifiers("w360dp-h780dp-xhdpi")
        val handover = Handover("00", "https://id.gs1.org/00/095060001343520017", true, listOf("CS1:00"), 0uL)
        val model = Model(Phone(File("target/none"), SoftwareKeys()), { }, { })
        model.show(handover)
        val paces = List(5) { (model.screen as Screen.Showing).paceMillis.also { model.slower() } }
        assertEquals(listOf(200L, 500L, 1000L, 100L, 200L), paces)
    }
}
