package countersign.app

import android.app.job.JobScheduler
import android.content.pm.ApplicationInfo
import countersign.SoftwareKeys
import countersign.core.register
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** What happens when nobody looks. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE) // with another mode the core would be loaded twice, and call back into the wrong one
@Config(sdk = [34])
class SyncTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun `there is one job, however often the app starts`() {
        val app = RuntimeEnvironment.getApplication()
        repeat(500) { SyncJob.schedule(app) }
        assertEquals(1, app.getSystemService(JobScheduler::class.java).allPendingJobs.size)
    }

    @Test
    fun `a round in the background brings data, may be stopped anywhere, and tries again without a node`() {
        World(folder.newFolder("world")).use { world ->
            val place = folder.newFolder("files")
            Phone(place, SoftwareKeys()).use { phone ->
                assertTrue("nothing is pinned, and nothing to do", SyncJob.round(phone) { true })
                phone.pin(register(world.node, direct(world.genesis)))
                phone.wallet.follow("https://id.gs1.org/01/09506000134352")
                for (steps in 0..20) {
                    var left = steps
                    SyncJob.round(phone) { left-- > 0 }
                }
                assertTrue(SyncJob.round(phone) { true })
                assertTrue(phone.wallet.following().all { it.ready })
                world.ask("stop")
                assertFalse(SyncJob.round(phone) { true })
            }
        }
    }

    @Test
    fun `a notice is private, and on a locked screen names nobody and nothing`() {
        val app = RuntimeEnvironment.getApplication()
        Notices(app).show(News("1", "Your record was opened", "Dr. Ada", "There is news."))
        val shown = org.robolectric.Shadows.shadowOf(app.getSystemService(android.app.NotificationManager::class.java)).allNotifications.single()
        assertEquals(android.app.Notification.VISIBILITY_PRIVATE, shown.visibility)
        assertEquals("Dr. Ada", shown.extras.getString(android.app.Notification.EXTRA_TEXT))
        val locked = shown.publicVersion.extras
        assertEquals(listOf(null, "There is news."), listOf(locked.getString(android.app.Notification.EXTRA_TITLE), locked.getString(android.app.Notification.EXTRA_TEXT)))
    }

    @Test
    fun `nothing is backed up, and nothing but camera, network, notices and a coarse place is asked for`() {
        val app = RuntimeEnvironment.getApplication()
        assertEquals(0, app.applicationInfo.flags and ApplicationInfo.FLAG_ALLOW_BACKUP)
        val asked = app.packageManager.getPackageInfo(app.packageName, android.content.pm.PackageManager.GET_PERMISSIONS).requestedPermissions
        assertEquals(setOf("CAMERA", "INTERNET", "ACCESS_NETWORK_STATE", "POST_NOTIFICATIONS", "ACCESS_COARSE_LOCATION"), asked!!.map { it.substringAfterLast('.') }.toSet())
        val rules = File("src/main/res/xml/no_backup.xml").readText()
        for (part in listOf("cloud-backup", "device-transfer")) {
            val section = rules.substringAfter("<$part>").substringBefore("</$part>")
            for (domain in listOf("root", "file", "database", "sharedpref", "external")) assertTrue(domain in section)
        }
    }
}
