package countersign.app

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import countersign.core.AccessMark
import countersign.core.CountersignException
import kotlin.concurrent.thread

/** Sends what waits and brings the data up to date, when there is a network. It may be stopped between any two steps. */
class SyncJob : JobService() {
    @Volatile
    private var going = true

    override fun onStartJob(parameters: JobParameters): Boolean {
        val phone = (application as App).parts.phone
        thread(name = "sync") {
            val later = !round(phone) { going }
            tell(this, phone)
            jobFinished(parameters, later)
        }
        return true
    }

    override fun onStopJob(parameters: JobParameters): Boolean {
        going = false
        return true
    }

    companion object {
        /** One job for everything: what it works through lies in the database. */
        private const val ID = 1
        private const val EVERY = 6 * 3_600_000L

        fun schedule(context: Context) {
            val job = JobInfo.Builder(ID, ComponentName(context, SyncJob::class.java))
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .setPeriodic(EVERY)
                .build()
            context.getSystemService(JobScheduler::class.java).schedule(job)
        }

        /** Tells of what is new. What is told is marked afterwards: a job that is stopped between the two tells again. */
        fun tell(context: Context, phone: Phone) {
            if (phone.register == null) return
            val (notices, words) = Notices(context) to Words(context.resources)
            try {
                for (notice in phone.checker.notices()) {
                    notices.show(News(notice.id, words.of(notice.product), "${words.of(notice.line)} ${words.of(notice.next)}", words.of(notice.neutral)))
                    phone.checker.told(notice.id)
                }
                for (request in phone.requests()) {
                    val title = if (request.mark == AccessMark.EMERGENCY) "notice.record-emergency" else "notice.record-waiting"
                    notices.show(News(request.thread, words.of(title), words.of(request.who), words.of("notice.record-neutral")))
                    phone.told(request.thread)
                }
            } catch (_: CountersignException) {
                // There is nothing to tell before the first sync.
            }
        }

        /** @return whether nothing is left to do now. */
        fun round(phone: Phone, going: () -> Boolean): Boolean = try {
            phone.start()
            if (phone.register == null) return true
            if (phone.isMember()) phone.courier.send()
            phone.checker.sendReports()
            phone.sync(going)
            true
        } catch (_: CountersignException) {
            // The next round tries again, and the app tells why when somebody looks.
            false
        }
    }
}
