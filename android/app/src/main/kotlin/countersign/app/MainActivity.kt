package countersign.app

import android.Manifest.permission.ACCESS_COARSE_LOCATION
import android.Manifest.permission.CAMERA
import android.Manifest.permission.POST_NOTIFICATIONS
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Bundle
import android.provider.Settings
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.view.WindowManager.LayoutParams
import android.widget.CompoundButton
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ProgressBar
import countersign.core.Action
import countersign.core.CountersignException
import countersign.core.Fault
import countersign.core.ImageScreen
import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer

/** The one window. It draws what the model says, and does what only the phone can. */
class MainActivity : Activity(), Platform {
    private lateinit var parts: Parts
    private lateinit var ui: Ui
    private lateinit var drawing: Drawing
    private val model get() = parts.model

    /** The camera while it is shown. */
    private var eye: EyeView? = null
    private var camera: Camera? = null
    private var aim: Aim? = null

    /** A session's screen while it is shown: it stays, and what it shows changes. */
    private var attended: SessionView? = null
    private var drawn: Screen? = null

    /** The image whose file is being chosen. */
    private var wanted: ImageScreen? = null
    private var resumed = false

    /** The kind of screen that is drawn, and may hold what the person typed. */
    private var filled: kotlin.reflect.KClass<out Screen>? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        parts = (application as App).parts
        ui = Ui(this)
        drawing = Drawing(ui, model, this)
        model.photograph = ::jpeg
        model.changed = ::render
        model.wantsNotices = ::askNotices
        SyncJob.schedule(this)
        if (model.screen is Screen.Start) model.start(state?.getString(WHEREABOUTS).orEmpty())
        if (state == null) follow(intent)
        render()
    }

    override fun onResume() {
        super.onResume()
        resumed = true
        render()
    }

    override fun onUserInteraction() = model.bedside.touched()

    override fun onPause() {
        resumed = false
        model.bedside.hidden()
        closeCamera()
        super.onPause()
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putString(WHEREABOUTS, model.whereabouts)
    }

    override fun onDestroy() {
        if (model.changed == ::render) {
            model.changed = {}
            model.wantsNotices = {}
        }
        super.onDestroy()
    }

    @Deprecated("by the platform")
    override fun onBackPressed() {
        if (!model.back()) finish()
    }

    private fun render() {
        val screen = model.screen
        window.protect(screen)
        if (screen !is BedsideScreen.Session) attended = null
        if (screen is Screen.Eye) return look(screen)
        closeCamera()
        if (screen is BedsideScreen.Session) return attend(screen)
        if (screen === drawn && !model.busy) return
        drawn = screen.takeIf { !model.busy }
        val page = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            setBackgroundColor(ui.color(R.color.ground))
            fitsSystemWindows = true
        }
        if (model.busy) page.addView(waiting(), MATCH_PARENT, WRAP_CONTENT)
        page.addView(drawing.draw(screen), LinearLayout.LayoutParams(MATCH_PARENT, 0, 1f))
        if (filled == screen::class) page.takeOver(window.decorView)
        filled = screen::class
        setContentView(page)
    }

    private fun attend(screen: BedsideScreen.Session) {
        val view = attended ?: SessionView(ui, model).also { shown ->
            attended = shown
            setContentView(shown.view.apply { fitsSystemWindows = true })
        }
        view.show(screen)
        drawn = screen
        filled = screen::class
    }

    /** What was typed and chosen stays, where the same screen is drawn again. */
    private fun View.takeOver(before: View) {
        val typed = before.all().filterIsInstance<EditText>().associate { it.tag to it.text.toString() }
        all().filterIsInstance<EditText>().forEach { field -> typed[field.tag]?.let(field::setText) }
        val chosen = before.all().filterIsInstance<CompoundButton>().associate { it.text to it.isChecked }
        all().filterIsInstance<CompoundButton>().forEach { choice -> chosen[choice.text]?.let { choice.isChecked = it } }
    }

    /** A screen's view by itself, as it is drawn while nothing is under way. */
    fun preview(screen: Screen): View = if (screen is Screen.Eye) {
        EyeView(ui, model, this, screen.aim, hasLight = true).apply { show(screen) }
    } else if (screen is BedsideScreen.Session) {
        SessionView(ui, model).apply { show(screen) }.view
    } else {
        LinearLayout(this).apply {
            setBackgroundColor(ui.color(R.color.ground))
            addView(drawing.draw(screen), LinearLayout.LayoutParams(0, MATCH_PARENT, 1f))
        }
    }

    private fun waiting() = ProgressBar(this, null, android.R.attr.progressBarStyleHorizontal).apply {
        isIndeterminate = true
        contentDescription = ui.words.of("label.wait")
    }

    /** Screens of somebody's health stay out of screenshots; codes for another phone are bright and do not go dark. */
    private fun android.view.Window.protect(screen: Screen) {
        if (screen.isPrivate) addFlags(LayoutParams.FLAG_SECURE) else clearFlags(LayoutParams.FLAG_SECURE)
        val shows = screen is Screen.Showing || screen is Screen.Code || screen is DomainScreen.Greeting && screen.screen.codes.isNotEmpty()
        if (shows || screen is Screen.Eye) addFlags(LayoutParams.FLAG_KEEP_SCREEN_ON) else clearFlags(LayoutParams.FLAG_KEEP_SCREEN_ON)
        attributes = attributes.apply {
            screenBrightness = if (shows && resumed) LayoutParams.BRIGHTNESS_OVERRIDE_FULL else LayoutParams.BRIGHTNESS_OVERRIDE_NONE
        }
    }

    private fun look(screen: Screen.Eye) {
        if (!resumed) return
        if (checkSelfPermission(CAMERA) != PackageManager.PERMISSION_GRANTED) {
            if (drawn !== screen) requestPermissions(arrayOf(CAMERA), CAMERA_ASKED)
            drawn = screen
            return
        }
        if (eye == null || aim != screen.aim) {
            closeCamera()
            val opened = parts.camera(this)
            val view = EyeView(ui, model, this, screen.aim, opened.hasLight)
            setContentView(view.apply { fitsSystemWindows = true })
            eye = view
            camera = opened
            aim = screen.aim
            drawn = null
            opened.open(view.preview, model::frame) {
                model.back()
                model.fault(Fault.CameraBusy)
                model.retry { }
            }
        }
        camera?.light(screen.light)
        eye?.show(screen)
    }

    private fun closeCamera() {
        camera?.close()
        camera = null
        eye = null
        aim = null
    }

    /** Once there is something to tell of. Without it the app says the same when somebody looks. */
    private fun askNotices() {
        val asked = android.os.Build.VERSION.SDK_INT >= 33 && checkSelfPermission(POST_NOTIFICATIONS) != PackageManager.PERMISSION_GRANTED
        if (asked) requestPermissions(arrayOf(POST_NOTIFICATIONS), NOTICES_ASKED)
    }

    override fun sayPlace(on: Boolean) {
        if (on && checkSelfPermission(ACCESS_COARSE_LOCATION) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(arrayOf(ACCESS_COARSE_LOCATION), PLACE_ASKED)
        } else {
            model.sayPlace(on)
        }
    }

    /** In words, and as a file that can be verified, to whom the person chooses. */
    override fun send(proof: Screen.Proof) {
        val words = proof.screen.run { listOf(goods) + lines + recorded + number }.joinToString("\n") { ui.words.of(it) }
        val sent = Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, words)
        try {
            proof.file?.let { Proofs.attach(sent, Proofs.put(parts.phone, it)) }
        } catch (_: java.io.IOException) {
            return model.fault(Fault.Failed(CountersignException.Storage()))
        }
        startActivity(Intent.createChooser(sent, null))
    }

    override fun sendLink(link: String) =
        startActivity(Intent.createChooser(Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, link), null))

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (request == PLACE_ASKED) model.sayPlace(results.firstOrNull() == PackageManager.PERMISSION_GRANTED)
        if (request != CAMERA_ASKED) return
        if (results.firstOrNull() == PackageManager.PERMISSION_GRANTED) render() else {
            model.back()
            model.fault(Fault.CameraDenied)
        }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        follow(intent)
    }

    /** A code of ours that the phone's own camera read. */
    private fun follow(intent: Intent) {
        intent.dataString?.takeIf { intent.action == Intent.ACTION_VIEW }?.let(model::linked)
    }

    override fun examples() = model.tryExamples({ assets.open("examples.db") }, { assets.open("examples.json").use { it.readBytes() } })

    override fun chooseEvidence() =
        startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE), EVIDENCE)

    override fun chooseDocument() =
        startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("*/*").addCategory(Intent.CATEGORY_OPENABLE), DOCUMENT)

    override fun chooseImage(image: ImageScreen) {
        wanted = image
        startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("*/*").addCategory(Intent.CATEGORY_OPENABLE), IMAGE)
    }

    override fun saveImage(image: ImageScreen) {
        val where = Intent(Intent.ACTION_CREATE_DOCUMENT).setType("application/octet-stream").addCategory(Intent.CATEGORY_OPENABLE)
        startActivityForResult(where.putExtra(Intent.EXTRA_TITLE, image.name), SAVED)
    }

    override fun choosePhotograph() =
        startActivityForResult(Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE), PHOTOGRAPH)

    @Deprecated("by the platform")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val picture = data?.data
        if (result != RESULT_OK || picture == null) return
        when (request) {
            PHOTOGRAPH -> decoded(picture, LARGEST)?.let(::photograph)
            EVIDENCE -> decoded(picture, LARGEST_EVIDENCE)?.let(::attach)
            DOCUMENT -> document(picture)
            IMAGE -> wanted?.let { image -> model.records.take(image) { contentResolver.openInputStream(picture) ?: throw java.io.FileNotFoundException() } }
            SAVED -> model.records.save { contentResolver.openOutputStream(picture) ?: throw java.io.FileNotFoundException() }
        }
    }

    /** A document that a doctor signed. The core refuses what is none. */
    private fun document(file: Uri) {
        val bytes = try {
            contentResolver.openInputStream(file)?.use { it.readNBytes(LARGEST_DOCUMENT) } ?: return
        } catch (_: java.io.IOException) {
            return
        }
        model.records.take(bytes)
    }

    /** A photograph for a report. */
    fun attach(picture: Bitmap) = model.attach(evidence(picture))

    /** Its file: without what the camera wrote into it, and as small as reports are. */
    private fun evidence(picture: Bitmap): ByteArray = QUALITIES.map { quality ->
        ByteArrayOutputStream().also { picture.compress(Bitmap.CompressFormat.JPEG, quality, it) }.toByteArray()
    }.let { tried -> tried.firstOrNull { it.size <= MOST_EVIDENCE } ?: tried.last() }

    private fun decoded(picture: Uri, largest: Int): Bitmap? =
        try {
            ImageDecoder.decodeBitmap(ImageDecoder.createSource(contentResolver, picture)) { decoder, info, _ ->
                decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
                // A code needs no more pixels than these, and a picture of any size is bounded.
                decoder.setTargetSampleSize((info.size.width.coerceAtLeast(info.size.height) / largest).coerceAtLeast(1))
            }
        } catch (_: java.io.IOException) {
            null
        }

    /** A picture with a code in it. */
    fun photograph(picture: Bitmap) {
        val pixels = if (picture.config == Bitmap.Config.ARGB_8888) picture else picture.copy(Bitmap.Config.ARGB_8888, false)
        // Android's ARGB_8888 lies in memory as R, G, B, A.
        val rgba = ByteBuffer.allocateDirect(4 * pixels.width * pixels.height)
        pixels.copyPixelsToBuffer(rgba)
        rgba.flip()
        model.photo(pixels.width, pixels.height, rgba)
    }

    override fun open(action: Action) = startActivity(
        when (action) {
            is Action.SetClock -> Intent(Settings.ACTION_DATE_SETTINGS)
            else -> Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null))
        },
    )

    override fun chooseLanguage() = startActivity(
        if (android.os.Build.VERSION.SDK_INT >= 33) {
            Intent(Settings.ACTION_APP_LOCALE_SETTINGS, Uri.fromParts("package", packageName, null))
        } else {
            Intent(Settings.ACTION_LOCALE_SETTINGS)
        },
    )

    /** A frame as the file of a photograph, grey. */
    private fun jpeg(width: Int, height: Int, stride: Int, luma: ByteBuffer): ByteArray {
        val pixels = IntArray(width * height) {
            val grey = luma.get(it / width * stride + it % width).toInt() and 0xff
            0xff shl 24 or (grey * 0x010101)
        }
        val file = ByteArrayOutputStream()
        Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888).compress(Bitmap.CompressFormat.JPEG, 85, file)
        return file.toByteArray()
    }

    private companion object {
        const val WHEREABOUTS = "whereabouts"
        const val CAMERA_ASKED = 1
        const val PHOTOGRAPH = 2
        const val DOCUMENT = 3
        const val NOTICES_ASKED = 4
        const val PLACE_ASKED = 5
        const val EVIDENCE = 6
        const val IMAGE = 7
        const val SAVED = 8
        const val LARGEST = 4096
        const val LARGEST_EVIDENCE = 1600
        const val MOST_EVIDENCE = 256 shl 10
        val QUALITIES = listOf(80, 60, 40, 20)
        const val LARGEST_DOCUMENT = 32 shl 20
    }
}
