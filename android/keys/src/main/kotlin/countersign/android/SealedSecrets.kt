package countersign.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.File
import java.io.FileOutputStream
import java.net.URLEncoder
import java.nio.file.Files
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/** Small secrets, one file each: AES-256-GCM (SP 800-38D) under a key in the phone's hardware, bound to the name. */
internal class SealedSecrets(private val folder: File) {
    @Synchronized
    fun keep(name: String, secret: ByteArray) {
        folder.mkdirs()
        val cipher = cipher(name) { init(Cipher.ENCRYPT_MODE, key()) }
        val sealed = cipher.doFinal(secret)
        // Atomic, in case the app is killed or the power fails here.
        val fresh = File(folder, "${file(name).name}.new")
        FileOutputStream(fresh).use {
            it.write(cipher.iv + sealed)
            it.fd.sync()
        }
        Files.move(fresh.toPath(), file(name).toPath(), ATOMIC_MOVE, REPLACE_EXISTING)
    }

    @Synchronized
    fun recall(name: String): ByteArray? {
        val stored = file(name).takeIf(File::exists)?.readBytes() ?: return null
        val iv = GCMParameterSpec(TAG_BITS, stored.copyOf(IV_BYTES))
        return cipher(name) { init(Cipher.DECRYPT_MODE, key(), iv) }.doFinal(stored, IV_BYTES, stored.size - IV_BYTES)
    }

    @Synchronized
    fun delete(name: String) {
        file(name).delete()
    }

    @Synchronized
    fun deleteAll() {
        folder.deleteRecursively()
    }

    private fun file(name: String) = File(folder, URLEncoder.encode(name, "UTF-8"))

    private fun cipher(name: String, init: Cipher.() -> Unit): Cipher =
        Cipher.getInstance("AES/GCM/NoPadding").apply {
            init()
            updateAAD(name.toByteArray())
        }

    private fun key(): SecretKey {
        val keys = java.security.KeyStore.getInstance(AndroidKeyStore.PROVIDER).apply { load(null) }
        keys.getKey(ALIAS, null)?.let { return it as SecretKey }
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(ALIAS, purposes)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, AndroidKeyStore.PROVIDER).run {
            init(spec)
            generateKey()
        }
    }

    private companion object {
        const val ALIAS = "${AndroidKeyStore.PREFIX}seal"
        const val IV_BYTES = 12
        const val TAG_BITS = 128
    }
}
