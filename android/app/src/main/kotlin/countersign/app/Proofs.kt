package countersign.app

import android.content.ClipData
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns.DISPLAY_NAME
import android.provider.OpenableColumns.SIZE
import countersign.core.ProofFile
import java.io.File
import java.io.FileNotFoundException

/** Proofs that the person sends: the app that they choose may read that one file, and nothing else of this app's. */
class Proofs : ContentProvider() {
    override fun onCreate() = true

    override fun getType(place: Uri) = TYPE

    override fun openFile(place: Uri, mode: String): ParcelFileDescriptor =
        ParcelFileDescriptor.open(file(place), ParcelFileDescriptor.MODE_READ_ONLY)

    /** Name and size, which the other app shows. */
    override fun query(place: Uri, columns: Array<String>?, where: String?, values: Array<String>?, order: String?): Cursor {
        val file = file(place)
        val known = mapOf<String, Any>(DISPLAY_NAME to file.name, SIZE to file.length())
        val asked = (columns?.toList() ?: known.keys).filter(known::containsKey)
        return MatrixCursor(asked.toTypedArray()).apply { addRow(asked.map { known.getValue(it) }) }
    }

    override fun insert(place: Uri, values: ContentValues?): Uri? = null

    override fun update(place: Uri, values: ContentValues?, where: String?, of: Array<String>?) = 0

    override fun delete(place: Uri, where: String?, of: Array<String>?) = 0

    /** Only what lies in the folder has a name there. */
    private fun file(place: Uri): File {
        val phone = (context!!.applicationContext as App).parts.phone
        return phone.sent.listFiles().orEmpty().find { it.name == place.lastPathSegment } ?: throw FileNotFoundException()
    }

    companion object {
        private const val TYPE = "application/cbor"

        /** Keeps a file for whoever is to read it. */
        fun put(phone: Phone, file: ProofFile): Uri {
            File(phone.sent.apply { mkdirs() }, file.name).writeBytes(file.bytes)
            return Uri.Builder().scheme("content").authority("countersign.app.proofs").appendPath(file.name).build()
        }

        /** Has an intent carry a file, and the right to read it. */
        fun attach(sent: Intent, file: Uri) {
            sent.setType(TYPE).putExtra(Intent.EXTRA_STREAM, file).addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
            sent.clipData = ClipData.newRawUri(null, file)
        }
    }
}
