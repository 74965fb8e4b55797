package countersign.app

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.hardware.camera2.params.OutputConfiguration
import android.hardware.camera2.params.SessionConfiguration
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.util.Size
import android.view.Surface
import android.view.TextureView
import java.nio.ByteBuffer

/** Takes a frame's luma plane: one byte per pixel, rows `stride` bytes apart, valid during the call. */
fun interface Frames {
    fun take(width: Int, height: Int, stride: Int, luma: ByteBuffer)
}

/** A camera, as the screens use it. */
interface Camera {
    /** Whether it has a light. */
    val hasLight: Boolean

    /** Shows its picture in [preview] and gives its frames to [frames], until it is closed. [failed] is called on the main thread. */
    fun open(preview: TextureView, frames: Frames, failed: () -> Unit)

    /** The light stays off wherever the camera is closed. */
    fun light(on: Boolean)

    /** Any number of times, in any state. */
    fun close()
}

/** The phone's own camera (Camera2). */
class Camera2(context: Context) : Camera {
    private val manager = context.getSystemService(CameraManager::class.java)
    private val id: String? = choose()
    private val thread = HandlerThread("camera").apply { start() }
    private val handler = Handler(thread.looper)
    private val main = Handler(context.mainLooper)
    private var device: CameraDevice? = null
    private var session: CameraCaptureSession? = null
    private var reader: ImageReader? = null
    private var request: CaptureRequest.Builder? = null
    private var closed = true

    override val hasLight = id?.let { manager.getCameraCharacteristics(it)[CameraCharacteristics.FLASH_INFO_AVAILABLE] } ?: false

    /** The back camera that can focus; what a phone calls its first one may be a wide lens that cannot. */
    private fun choose(): String? = try {
        val back = manager.cameraIdList.map { it to manager.getCameraCharacteristics(it) }
            .filter { (_, it) -> it[CameraCharacteristics.LENS_FACING] == CameraCharacteristics.LENS_FACING_BACK }
        rank(back.map { (id, it) -> Lens(id, CONTINUOUS in (it[CameraCharacteristics.CONTROL_AF_AVAILABLE_MODES] ?: intArrayOf())) })
    } catch (_: CameraAccessException) {
        null
    }

    // The screen asks for the permission first; it may be taken back at any moment, which is a failure like any other.
    @SuppressLint("MissingPermission")
    override fun open(preview: TextureView, frames: Frames, failed: () -> Unit) {
        val camera = id ?: return failed()
        closed = false
        whenReady(preview) { texture ->
            try {
                val size = sizeOf(camera)
                texture.setDefaultBufferSize(size.width, size.height)
                reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2).apply {
                    setOnImageAvailableListener({ give(it, frames) }, handler)
                }
                manager.openCamera(camera, watching(Surface(texture), failed), handler)
            } catch (_: CameraAccessException) {
                failed()
            } catch (_: SecurityException) {
                failed()
            }
        }
    }

    private fun whenReady(preview: TextureView, then: (SurfaceTexture) -> Unit) {
        preview.surfaceTexture?.let { return then(it) }
        preview.surfaceTextureListener = object : TextureView.SurfaceTextureListener {
            override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) {
                if (!closed) then(texture)
            }
            override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) = Unit
            override fun onSurfaceTextureDestroyed(texture: SurfaceTexture) = true
            override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit
        }
    }

    /** The latest frame alone, one at a time, and always given back: a camera whose images are kept stands still. */
    private fun give(reader: ImageReader, frames: Frames) {
        reader.acquireLatestImage()?.use { image ->
            val luma = image.planes[0]
            frames.take(image.width, image.height, luma.rowStride, luma.buffer)
        }
    }

    private fun watching(surface: Surface, failed: () -> Unit) = object : CameraDevice.StateCallback() {
        override fun onOpened(opened: CameraDevice) {
            if (closed) return opened.close()
            device = opened
            val frames = reader?.surface ?: return opened.close()
            val outputs = listOf(surface, frames).map(::OutputConfiguration)
            val asked = opened.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply {
                addTarget(surface)
                addTarget(frames)
                set(CaptureRequest.CONTROL_AF_MODE, CONTINUOUS)
            }
            request = asked
            val configured = object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(there: CameraCaptureSession) {
                    session = there
                    repeat(asked)
                }
                override fun onConfigureFailed(there: CameraCaptureSession) {
                    main.post(failed)
                }
            }
            opened.createCaptureSession(SessionConfiguration(SessionConfiguration.SESSION_REGULAR, outputs, { handler.post(it) }, configured))
        }

        override fun onDisconnected(lost: CameraDevice) {
            lost.close()
            if (!closed) main.post(failed)
        }

        override fun onError(broken: CameraDevice, error: Int) = onDisconnected(broken)
    }

    override fun light(on: Boolean) {
        val asked = request ?: return
        asked.set(CaptureRequest.FLASH_MODE, if (on) CaptureRequest.FLASH_MODE_TORCH else CaptureRequest.FLASH_MODE_OFF)
        repeat(asked)
    }

    private fun repeat(asked: CaptureRequest.Builder) {
        try {
            session?.setRepeatingRequest(asked.build(), null, handler)
        } catch (_: CameraAccessException) {
            // `onDisconnected` follows.
        } catch (_: IllegalStateException) {
            // The session was closed meanwhile.
        }
    }

    override fun close() {
        closed = true
        session = null
        request = null
        device?.close()
        device = null
        reader?.close()
        reader = null
    }

    private fun sizeOf(camera: String): Size {
        val map = manager.getCameraCharacteristics(camera)[CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP]
        val sizes = map?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty()
        return sizes.filter { it.width <= 1920 && it.height <= 1080 }.maxByOrNull { it.width * it.height } ?: sizes.first()
    }

    /** A lens, and whether it focuses by itself. */
    data class Lens(val id: String, val focuses: Boolean)

    companion object {
        private const val CONTINUOUS = CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_PICTURE

        /** The lens to read codes with: one that focuses, and then the phone's own order. */
        fun rank(lenses: List<Lens>): String? = lenses.sortedByDescending { it.focuses }.firstOrNull()?.id
    }
}
