package countersign.app

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent

/** Something that a person wants to know though they do not look: what it says, and what a locked screen may show of it. */
data class News(val id: String, val title: String, val text: String, val neutral: String)

/** The one way in which notices are made, so that none forgets that a locked screen names nothing. */
class Notices(private val context: Context) {
    private val manager = context.getSystemService(NotificationManager::class.java)

    fun show(news: News) {
        val name = Words(context.resources).of("notice.channel")
        manager.createNotificationChannel(NotificationChannel(CHANNEL, name, NotificationManager.IMPORTANCE_HIGH))
        val opens = PendingIntent.getActivity(context, 0, Intent(context, MainActivity::class.java), PendingIntent.FLAG_IMMUTABLE)
        val locked = notice(opens).setContentText(news.neutral).build()
        val shown = notice(opens).setContentTitle(news.title).setContentText(news.text)
            .setStyle(Notification.BigTextStyle().bigText(news.text))
            .setVisibility(Notification.VISIBILITY_PRIVATE)
            .setPublicVersion(locked)
            .build()
        manager.notify(news.id, 0, shown)
    }

    private fun notice(opens: PendingIntent) = Notification.Builder(context, CHANNEL)
        .setSmallIcon(R.drawable.notice)
        .setContentIntent(opens)
        .setAutoCancel(true)

    private companion object {
        const val CHANNEL = "news"
    }
}
