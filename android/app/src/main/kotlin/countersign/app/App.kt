package countersign.app

import android.app.Application
import android.content.Context
import android.os.Handler
import android.os.Looper
import countersign.android.AndroidKeyStore
import countersign.android.PromptedPresence
import java.io.File
import java.util.concurrent.Executors

/** The app's process. It outlives its screens, and so does where the person is. */
class App : Application() {
    /** What the screens stand on. A test puts its own here. */
    val parts: Parts get() = given ?: real().also { given = it }
    var given: Parts? = null

    private fun real(): Parts {
        val keys = AndroidKeyStore(noBackupFilesDir) { signature ->
            PromptedPresence(this) { getString(R.string.app_name) }.allow(signature)
        }
        val phone = Phone(File(noBackupFilesDir, "register"), keys)
        val main = Handler(Looper.getMainLooper())
        val model = Model(phone, Executors.newSingleThreadExecutor()) { main.post(it) }
        model.place = { Place(this).words() }
        return Parts(phone, model) { Camera2(it) }
    }
}

/** What the screens stand on. */
class Parts(val phone: Phone, val model: Model, val camera: (Context) -> Camera)
