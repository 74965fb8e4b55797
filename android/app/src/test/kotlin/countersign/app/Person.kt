package countersign.app

import android.Manifest.permission.CAMERA
import android.content.Context
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.TextureView
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.TextView
import countersign.SoftwareKeys
import countersign.core.drawCode
import java.io.File
import java.time.Duration
import java.util.concurrent.Executors
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** A camera before which frames are held. */
class FakeCamera : Camera {
    var frames: Frames? = null
    var lit = false
    var broken: (() -> Unit)? = null
    override val hasLight = true

    override fun open(preview: TextureView, frames: Frames, failed: () -> Unit) {
        this.frames = frames
        broken = failed
    }

    override fun light(on: Boolean) {
        lit = on
    }

    override fun close() {
        frames = null
        lit = false
    }
}

/** Somebody with a phone: looks at its screen, taps on it, and holds things before its camera. */
class Person(private val folder: File, val keys: SoftwareKeys = SoftwareKeys(), state: Bundle? = null) : AutoCloseable {
    val camera = FakeCamera()
    private val work = Executors.newSingleThreadExecutor()
    val phone = Phone(File(folder, "files"), keys)
    private val main = Handler(Looper.getMainLooper())
    val model = Model(phone, work) { main.post(it) }
    private val controller: ActivityController<MainActivity>
    val activity: MainActivity

    init {
        val app = RuntimeEnvironment.getApplication() as App
        shadowOf(app).grantPermissions(CAMERA, android.Manifest.permission.ACCESS_COARSE_LOCATION)
        model.place = { "48.88, 2.36" }
        app.given = Parts(phone, model) { _: Context -> camera }
        val built = Robolectric.buildActivity(MainActivity::class.java)
        controller = if (state == null) built.setup() else built.setup(state)
        activity = controller.get()
        settle()
    }

    val words = Words(activity.resources)

    /** Everything that a person reads on the screen. */
    val read: List<String> get() = views().filterIsInstance<TextView>().filter { it.isShown }.map { it.text.toString() }.toList()

    fun views(): Sequence<View> = activity.window.decorView.all()

    /** Waits until what was begun is done. */
    fun settle() = until("the end of a call") { !model.busy }

    fun until(what: String, holds: () -> Boolean) {
        val end = System.nanoTime() + 30_000_000_000
        do {
            shadowOf(Looper.getMainLooper()).idle()
            if (holds()) return
            Thread.sleep(5)
        } while (System.nanoTime() < end)
        fail("waited for $what, and saw $read")
    }

    /** Reads a text on the screen, whatever it says around it. */
    fun reads(text: String) = until("“$text”") { read.any { text in it.plain() } }

    /** Reads a text of the app on the screen. */
    fun sees(key: String) {
        val text = words.of(key)
        until("“$text”") { read.any { text in it } }
    }

    fun tap(key: String) {
        val label = words.of(key)
        settle()
        val view = views().firstOrNull { it.isShown && it.isClickable && it is TextView && it.text.toString().startsWith(label) }
        assertTrue("“$label” is not among $read", view != null)
        view!!.performClick()
        settle()
    }

    /** Taps within the innermost thing that shows [beside] as well. */
    fun tapBeside(beside: String, key: String) {
        val label = words.of(key)
        settle()
        val card = views().filterIsInstance<ViewGroup>().filter { it.reads(beside) && it.button(label) != null }.lastOrNull()
        assertTrue("“$label” beside “$beside” is not among $read", card != null)
        card!!.button(label)!!.performClick()
        settle()
    }

    private fun View.reads(text: String) = all().any { it is TextView && text in it.text.toString().plain() }

    private fun View.button(label: String) = all().firstOrNull { it.isClickable && it is TextView && it.text.toString().startsWith(label) }

    /** Turns a choice on or off, as a finger does. */
    fun check(key: String) {
        views().first { it is android.widget.CheckBox && it.text == words.of(key) }.performClick()
        settle()
    }

    /** What is on the screen stays out of pictures. */
    val isProtected get() = activity.window.attributes.flags and android.view.WindowManager.LayoutParams.FLAG_SECURE != 0

    fun type(field: String, text: String) = views().filterIsInstance<EditText>().first { it.tag == words.of(field) }.setText(text)

    fun type(text: String) = views().filterIsInstance<EditText>().first().setText(text)

    fun back() {
        @Suppress("DEPRECATION")
        activity.onBackPressed()
        settle()
    }

    /** Another app comes to the front, and goes again. */
    fun looksAway() {
        controller.pause()
        settle()
        controller.resume()
        settle()
    }

    /** Holds a frame before the camera. */
    fun hold(frame: Frame) {
        until("the camera") { camera.frames != null }
        camera.frames!!.take(frame.width, frame.height, frame.stride, frame.plane)
        settle()
    }

    /** Holds codes before the camera, one after the other, until it looks for something else. */
    fun holdCodes(codes: List<String>) {
        val aim = (model.screen as Screen.Eye).aim
        for (code in codes) {
            val drawing = drawCode(code, 4u)
            hold(Frame(drawing.width.toInt(), drawing.height.toInt(), drawing.luma))
            if ((model.screen as? Screen.Eye)?.aim != aim) return
        }
    }

    /** Holds another phone before the camera: what it shows, as pixels, while its codes change. */
    fun watch(other: Person) {
        val aim = (model.screen as Screen.Eye).aim
        repeat(60) {
            hold(other.picture())
            settle()
            if ((model.screen as? Screen.Eye)?.aim != aim) return
            if ((model.screen as? Screen.Eye)?.offer != null) return
            shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(200))
        }
        fail("nothing was read from the other phone: $read")
    }

    /** What is on this phone's screen, as another one's camera sees it. */
    fun picture(): Frame {
        val pixels = activity.window.decorView.drawn()
        val luma = ByteArray(pixels.width * pixels.height) {
            val color = pixels.getPixel(it % pixels.width, it / pixels.width)
            ((Color.red(color) * 299 + Color.green(color) * 587 + Color.blue(color) * 114) / 1000).toByte()
        }
        return Frame(pixels.width, pixels.height, luma)
    }

    /** What was given to the phone to be sent. */
    fun sent(): Intent = shadowOf(activity).peekNextStartedActivity().getParcelableExtra(Intent.EXTRA_INTENT)!!

    /** What the phone keeps of the app's window when it kills the app for room. */
    private val kept = Bundle()

    /** The app as it starts after it was killed: by the person, or by the phone, which gives back what it [kept]. */
    fun startedAgain(byPhone: Boolean = false) = Person(folder, keys, kept.takeIf { byPhone })

    override fun close() {
        controller.pause().stop().saveInstanceState(kept).destroy()
        work.shutdown()
        phone.close()
    }
}

/** Without the marks that set what is filled in apart. */
fun String.plain() = filter { it !in "\u2068\u2069\u200f" }

/** A view as pixels. */
fun View.drawn(): Bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888).also { draw(Canvas(it)) }
