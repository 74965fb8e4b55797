package countersign.app

import android.content.Context
import android.content.res.ColorStateList
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.ColorFilter
import android.graphics.Paint
import android.graphics.Path
import android.graphics.PixelFormat
import android.graphics.Typeface
import android.graphics.drawable.Drawable
import android.graphics.drawable.GradientDrawable
import android.graphics.drawable.RippleDrawable
import android.text.InputType
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.Button
import android.widget.CheckBox
import android.widget.CompoundButton
import android.widget.EditText
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.RadioButton
import android.widget.TextView
import countersign.core.VerdictKind

/** The few kinds of things that screens are made of. Texts wrap and are never cut; what can be tapped is 56 dp high or more. */
class Ui(val context: Context) {
    val words = Words(context.resources)

    fun color(id: Int): Int = context.getColor(id)

    fun dp(size: Int): Int = (size * context.resources.displayMetrics.density).toInt()

    fun column(padding: Int = 0): LinearLayout = LinearLayout(context).apply {
        orientation = LinearLayout.VERTICAL
        setPadding(dp(padding), dp(padding), dp(padding), dp(padding))
    }

    fun text(words: String, size: Float = 18f, color: Int = R.color.text, bold: Boolean = false): TextView =
        TextView(context).apply {
            text = words
            textSize = size
            setTextColor(color(color))
            if (bold) setTypeface(Typeface.DEFAULT, Typeface.BOLD)
            textAlignment = View.TEXT_ALIGNMENT_VIEW_START
            setLineSpacing(0f, 1.15f)
        }

    fun heading(words: String): TextView = text(words, 26f, bold = true).apply { isAccessibilityHeading = true }

    fun subheading(words: String): TextView = text(words, 20f, bold = true).apply { isAccessibilityHeading = true }

    fun quiet(words: String): TextView = text(words, 16f, R.color.quiet)

    fun button(words: String, main: Boolean = false, tapped: () -> Unit): Button = Button(context).apply {
        text = words
        textSize = 18f
        isAllCaps = false
        gravity = Gravity.CENTER
        minimumHeight = dp(56)
        minHeight = dp(56)
        stateListAnimator = null
        setPadding(dp(16), dp(12), dp(16), dp(12))
        setTextColor(color(if (main) R.color.on_main else R.color.main))
        background = pressed(if (main) filled(R.color.main) else outlined())
        setOnClickListener { tapped() }
    }

    /** Things that belong together; tapped as one, if they lead somewhere. */
    fun card(tapped: (() -> Unit)? = null, fill: LinearLayout.() -> Unit): LinearLayout = column(16).apply {
        background = filled(R.color.card).let { if (tapped == null) it else pressed(it) }
        fill()
        if (tapped != null) {
            minimumHeight = dp(56)
            isFocusable = true
            setOnClickListener { tapped() }
        }
    }

    /** A picture as wide as its page, whole. */
    fun picture(pixels: Bitmap, words: String): ImageView = ImageView(context).apply {
        setImageBitmap(pixels)
        adjustViewBounds = true
        contentDescription = words
    }

    fun field(label: String, content: String = ""): EditText = EditText(context).apply {
        hint = label
        // By which it is found again.
        tag = label
        setText(content)
        textSize = 18f
        minimumHeight = dp(56)
        // What is typed is compared letter by letter: nothing is mended or learnt.
        inputType = InputType.TYPE_CLASS_TEXT or InputType.TYPE_TEXT_FLAG_NO_SUGGESTIONS or InputType.TYPE_TEXT_VARIATION_VISIBLE_PASSWORD
        imeOptions = android.view.inputmethod.EditorInfo.IME_FLAG_NO_PERSONALIZED_LEARNING
        setTextColor(color(R.color.text))
        setHintTextColor(color(R.color.quiet))
        setPadding(dp(16), dp(12), dp(16), dp(12))
        background = outlined()
    }

    /** One of several that can be chosen. */
    fun check(words: String): CheckBox = CheckBox(context).apply { chosen(words) }

    /** One of several of which one is chosen. */
    fun radio(words: String): RadioButton = RadioButton(context).apply { chosen(words) }

    private fun CompoundButton.chosen(words: String) {
        text = words
        textSize = 18f
        minimumHeight = dp(56)
        setTextColor(color(R.color.text))
        buttonTintList = ColorStateList.valueOf(color(R.color.main))
        background = null
        textAlignment = View.TEXT_ALIGNMENT_VIEW_START
    }

    /** What is to be known before all else. */
    fun warning(words: String, color: Int = R.color.attention): TextView = text(words, color = R.color.on_verdict, bold = true).apply {
        background = filled(color)
        setPadding(dp(16), dp(12), dp(16), dp(12))
    }

    /** A picture that says the same as the words beside it, and so is not read out. */
    fun icon(drawable: Drawable, size: Int): ImageView = ImageView(context).apply {
        setImageDrawable(drawable)
        importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
        layoutParams = LinearLayout.LayoutParams(dp(size), dp(size))
    }

    fun filled(color: Int) = GradientDrawable().apply {
        setColor(this@Ui.color(color))
        cornerRadius = dp(12).toFloat()
    }

    private fun outlined() = GradientDrawable().apply {
        setColor(this@Ui.color(R.color.ground))
        setStroke(dp(1), this@Ui.color(R.color.edge))
        cornerRadius = dp(12).toFloat()
    }

    private fun pressed(ground: Drawable) = RippleDrawable(ColorStateList.valueOf(color(R.color.edge)), ground, null)

    /** Below what is there already, with a gap. */
    fun LinearLayout.add(view: View, gap: Int = 12, width: Int = MATCH_PARENT) {
        val laid = (view.layoutParams as? LinearLayout.LayoutParams) ?: LinearLayout.LayoutParams(width, WRAP_CONTENT)
        if (childCount > 0) {
            if (orientation == LinearLayout.VERTICAL) laid.topMargin = dp(gap) else laid.marginStart = dp(gap)
        }
        addView(view, laid)
    }
}

/** The ground of a verdict. */
fun ground(verdict: VerdictKind): Int = when (verdict) {
    VerdictKind.AUTHENTIC -> R.color.authentic
    VerdictKind.ATTENTION -> R.color.attention
    VerdictKind.SUSPECT -> R.color.suspect
    VerdictKind.CHECK_SCAN -> R.color.check_scan
    VerdictKind.CANNOT_TELL -> R.color.cannot_tell
}

/** The sign of a verdict: five shapes that differ without colour. */
class Sign(private val verdict: VerdictKind, color: Int) : Drawable() {
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        this.color = color
        style = Paint.Style.STROKE
        strokeCap = Paint.Cap.ROUND
        strokeJoin = Paint.Join.ROUND
    }

    override fun draw(canvas: Canvas) {
        val side = bounds.width().coerceAtMost(bounds.height()).toFloat()
        canvas.save()
        canvas.translate(bounds.left.toFloat(), bounds.top.toFloat())
        canvas.scale(side / 24, side / 24)
        line.strokeWidth = 2f
        val path = Path()
        when (verdict) {
            VerdictKind.AUTHENTIC -> {
                path.addCircle(12f, 12f, 10f, Path.Direction.CW)
                path.lines(7.5f, 12.5f, 10.5f, 15.5f, 16.5f, 8.5f)
            }
            VerdictKind.ATTENTION -> {
                path.lines(12f, 2.5f, 22f, 21f, 2f, 21f)
                path.close()
                path.lines(12f, 9.5f, 12f, 14.5f)
                path.lines(12f, 17.9f, 12f, 18f)
            }
            VerdictKind.SUSPECT -> {
                path.lines(8f, 2f, 16f, 2f, 22f, 8f, 22f, 16f, 16f, 22f, 8f, 22f, 2f, 16f, 2f, 8f)
                path.close()
                path.lines(8.5f, 8.5f, 15.5f, 15.5f)
                path.lines(15.5f, 8.5f, 8.5f, 15.5f)
            }
            VerdictKind.CHECK_SCAN -> {
                path.addArc(3f, 3f, 21f, 21f, -60f, 290f)
                path.lines(16.5f, 7.5f, 16.5f, 3f, 21f, 3.5f)
            }
            VerdictKind.CANNOT_TELL -> {
                path.addRoundRect(2f, 2f, 22f, 22f, 4f, 4f, Path.Direction.CW)
                path.addArc(8.5f, 5.5f, 15.5f, 12.5f, -180f, 230f)
                path.lines(12f, 13f, 12f, 14.5f)
                path.lines(12f, 17.9f, 12f, 18f)
            }
        }
        canvas.drawPath(path, line)
        canvas.restore()
    }

    private fun Path.lines(vararg points: Float) {
        moveTo(points[0], points[1])
        for (i in 2 until points.size step 2) lineTo(points[i], points[i + 1])
    }

    override fun setAlpha(alpha: Int) {
        line.alpha = alpha
    }

    override fun setColorFilter(filter: ColorFilter?) {
        line.colorFilter = filter
    }

    @Deprecated("by the platform")
    override fun getOpacity() = PixelFormat.TRANSLUCENT
}
