package countersign.android

import android.content.Context
import android.hardware.biometrics.BiometricManager.Authenticators
import android.hardware.biometrics.BiometricPrompt
import android.os.CancellationSignal
import countersign.core.KeyStoreException
import java.security.Signature
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException

/** Asks the person before a key signs. */
fun interface Presence {
    /** The signature, authorised for one use; `null` if the person declines. May wait for them. */
    fun allow(signature: Signature): Signature?
}

/**
 * Asks with the phone's own prompt: finger, face, or what unlocks the screen. The prompt needs the main thread, so this must
 * not be called from there; the calls of the core belong on another one anyway.
 *
 * @param title what is being signed for, in the person's language.
 */
class PromptedPresence(private val context: Context, private val title: () -> String) : Presence {
    override fun allow(signature: Signature): Signature? {
        val answer = CompletableFuture<Signature?>()
        val prompt = BiometricPrompt.Builder(context)
            .setTitle(title())
            .setAllowedAuthenticators(Authenticators.BIOMETRIC_STRONG or Authenticators.DEVICE_CREDENTIAL)
            .build()
        val outcome = object : BiometricPrompt.AuthenticationCallback() {
            override fun onAuthenticationSucceeded(result: BiometricPrompt.AuthenticationResult) {
                answer.complete(result.cryptoObject.signature)
            }

            override fun onAuthenticationError(code: Int, text: CharSequence) {
                if (code in DECLINED) answer.complete(null) else answer.completeExceptionally(KeyStoreException.Failed())
            }
        }
        val dismissal = CancellationSignal()
        prompt.authenticate(BiometricPrompt.CryptoObject(signature), dismissal, context.mainExecutor, outcome)
        return try {
            answer.get()
        } catch (_: InterruptedException) {
            // The caller is gone, such as a cancelled coroutine: close the prompt.
            dismissal.cancel()
            null
        } catch (failed: ExecutionException) {
            throw failed.cause ?: failed
        }
    }

    private companion object {
        val DECLINED = setOf(BiometricPrompt.BIOMETRIC_ERROR_USER_CANCELED, BiometricPrompt.BIOMETRIC_ERROR_CANCELED)
    }
}
