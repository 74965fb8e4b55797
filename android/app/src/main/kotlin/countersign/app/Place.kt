package countersign.app

import android.Manifest.permission.ACCESS_COARSE_LOCATION
import android.content.Context
import android.content.pm.PackageManager
import android.location.Location
import android.location.LocationManager
import android.os.CancellationSignal
import java.util.Locale
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** Where the phone is, to about a kilometre: for a courier who wants it said in what they sign. */
class Place(private val context: Context) {
    private val manager = context.getSystemService(LocationManager::class.java)

    /** Absent where it is not allowed or cannot be told soon: a handover does not wait for it. */
    fun words(): String? {
        if (context.checkSelfPermission(ACCESS_COARSE_LOCATION) != PackageManager.PERMISSION_GRANTED) return null
        val provider = PROVIDERS.firstOrNull(manager::isProviderEnabled) ?: return null
        val (found, given) = CompletableFuture<Location?>() to CancellationSignal()
        return try {
            manager.getCurrentLocation(provider, given, Runnable::run, found::complete)
            found.get(LONGEST_SECONDS, TimeUnit.SECONDS)?.let { String.format(Locale.ROOT, "%.2f, %.2f", it.latitude, it.longitude) }
        } catch (_: SecurityException) {
            // Taken back meanwhile.
            null
        } catch (_: java.util.concurrent.TimeoutException) {
            null
        } finally {
            given.cancel()
        }
    }

    private companion object {
        val PROVIDERS = listOf(LocationManager.NETWORK_PROVIDER, LocationManager.GPS_PROVIDER)
        const val LONGEST_SECONDS = 3L
    }
}
