package countersign.app

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.os.SystemClock
import android.view.View
import countersign.core.drawCode

/**
 * Shows codes one after the other, over and over. Black on white with a whole number of pixels a module, whatever the theme:
 * another phone's camera reads it.
 */
class CodeView(context: Context, private val codes: List<String>) : View(context) {
    /** How long each code stands. */
    var paceMillis = 200L

    private val sharp = Paint().apply { isFilterBitmap = false; isAntiAlias = false }
    private val drawn = HashMap<Int, Bitmap>()
    private var at = 0
    private var since = 0L

    /** Pixels a side of the largest code when a module has two. */
    private val smallest = codes.maxOf { drawCode(it, SMALLEST.toUByte()).width.toInt() }
    private var scale = SMALLEST

    init {
        setBackgroundColor(Color.WHITE)
        isForceDarkAllowed = false
        isFocusable = true
    }

    override fun onMeasure(widthSpec: Int, heightSpec: Int) {
        val side = MeasureSpec.getSize(widthSpec)
        setMeasuredDimension(side, side)
    }

    override fun onSizeChanged(width: Int, height: Int, oldWidth: Int, oldHeight: Int) {
        scale = (width * SMALLEST / smallest).coerceIn(SMALLEST, LARGEST)
        drawn.clear()
    }

    override fun onAttachedToWindow() {
        super.onAttachedToWindow()
        since = SystemClock.uptimeMillis()
        if (codes.size > 1) postDelayed(next, paceMillis)
    }

    override fun onDetachedFromWindow() {
        removeCallbacks(next)
        super.onDetachedFromWindow()
    }

    private val next = object : Runnable {
        override fun run() {
            at = (at + 1) % codes.size
            invalidate()
            postDelayed(this, paceMillis)
        }
    }

    override fun onDraw(canvas: Canvas) {
        val code = drawn.getOrPut(at) { bitmap(codes[at]) }
        canvas.drawBitmap(code, ((width - code.width) / 2).toFloat(), ((height - code.height) / 2).toFloat(), sharp)
    }

    private fun bitmap(text: String): Bitmap {
        val drawing = drawCode(text, scale.toUByte())
        val (width, height) = drawing.width.toInt() to drawing.height.toInt()
        val pixels = IntArray(width * height) { if (drawing.luma[it] < 0) Color.WHITE else Color.BLACK }
        return Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)
    }

    private companion object {
        const val SMALLEST = 2
        const val LARGEST = 16
    }
}
