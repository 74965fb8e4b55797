package countersign.app

import android.graphics.Color
import android.graphics.drawable.ColorDrawable
import android.graphics.drawable.Drawable
import android.graphics.drawable.GradientDrawable
import android.graphics.drawable.RippleDrawable
import android.view.View
import android.widget.EditText
import android.widget.ImageView
import android.widget.TextView
import kotlin.math.pow

/** What is wrong with a screen for somebody who sees, hears or touches it with difficulty, a line each. */
fun inspect(screen: View): List<String> = screen.all().filter { it.shown(screen) }.flatMap { view ->
    listOfNotNull(
        (view as? TextView)?.let(::contrast),
        (view as? TextView)?.let(::cut),
        touch(view),
        spoken(view),
    )
}.toList()

private fun View.shown(top: View): Boolean = visibility == View.VISIBLE && (this === top || (parent as? View)?.shown(top) ?: true)

/** WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large letters. */
private fun contrast(view: TextView): String? {
    val text = view.text.ifEmpty { (view as? EditText)?.hint ?: "" }
    if (text.isEmpty()) return null
    val color = if (view.text.isEmpty()) view.currentHintTextColor else view.currentTextColor
    val size = view.textSize / view.resources.displayMetrics.scaledDensity
    val large = size >= 24 || size >= 18.66 && view.typeface?.isBold == true
    val ratio = ratio(color, groundOf(view) ?: return "“$text” has no ground")
    return "the contrast of “$text” is $ratio".takeIf { ratio < if (large) 3.0 else 4.5 }
}

private fun groundOf(view: View): Int? = view.background?.let(::colorOf) ?: (view.parent as? View)?.let(::groundOf)

private fun colorOf(ground: Drawable): Int? = when (ground) {
    is ColorDrawable -> ground.color.takeIf { Color.alpha(it) == 255 }
    is GradientDrawable -> ground.color?.defaultColor
    is RippleDrawable -> colorOf(ground.getDrawable(0))
    else -> null
}

private fun ratio(one: Int, other: Int): Double {
    val (low, high) = listOf(luminance(one), luminance(other)).sorted()
    return (high + 0.05) / (low + 0.05)
}

private fun luminance(color: Int): Double {
    fun channel(value: Int): Double = (value / 255.0).let { if (it <= 0.04045) it / 12.92 else ((it + 0.055) / 1.055).pow(2.4) }
    return 0.2126 * channel(Color.red(color)) + 0.7152 * channel(Color.green(color)) + 0.0722 * channel(Color.blue(color))
}

/** Texts wrap, and nothing of them is hidden. */
private fun cut(view: TextView): String? {
    val layout = view.layout ?: return null
    val inside = view.height - view.compoundPaddingTop - view.compoundPaddingBottom
    val width = view.width - view.compoundPaddingLeft - view.compoundPaddingRight
    val hidden = layout.height > inside || (0 until layout.lineCount).any { layout.getEllipsisCount(it) > 0 || layout.getLineMax(it) > width + 1 }
    return "“${view.text}” is cut".takeIf { hidden && view !is EditText }
}

private fun touch(view: View): String? {
    if (!view.isClickable) return null
    val least = (48 * view.resources.displayMetrics.density).toInt()
    return "“${name(view)}” is ${view.width} by ${view.height}".takeIf { view.width < least || view.height < least }
}

/** What can be reached is named: by its own words, a description, or what is in it. */
private fun spoken(view: View): String? {
    val reached = view.isClickable || view.isFocusable || view is ImageView && view.importantForAccessibility != View.IMPORTANT_FOR_ACCESSIBILITY_NO
    return "${view::class.simpleName} has no name to speak".takeIf { reached && name(view).isBlank() }
}

private fun name(view: View): String =
    view.contentDescription?.toString() ?: (view as? EditText)?.tag?.toString() ?: view.all().filterIsInstance<TextView>().joinToString(" ") { it.text }
