package countersign.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import countersign.core.KeyStore
import countersign.core.KeyStoreException
import java.io.File
import java.security.GeneralSecurityException
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.PrivateKey
import java.security.ProviderException
import java.security.PublicKey
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.security.spec.X509EncodedKeySpec
import javax.crypto.KeyAgreement

/**
 * Keys in Android's Keystore: in StrongBox where that does the work, else in the trusted environment. Android 12 or newer.
 *
 * Keys for signing and for agreement are apart, since hardware gives a key one purpose. Every signature asks the person,
 * through [presence]. Public keys leave as DER, signatures as DER; the core brings both into its one form.
 *
 * @param folder the app's own, not backed up: secrets are kept there, sealed by a key that does not leave this phone.
 */
class AndroidKeyStore(folder: File, private val presence: Presence) : KeyStore {
    private val keys = java.security.KeyStore.getInstance(PROVIDER).apply { load(null) }
    private val secrets = SealedSecrets(File(folder, "countersign"))

    /** What the hardware is found to do by doing it: what phones announce and what they do differ. */
    private val strongBox: Map<Purpose, Boolean> by lazy {
        Purpose.entries.associateWith { works(it, strongBox = true) }
    }

    /** Which keys live in StrongBox on this phone. */
    data class InStrongBox(val signing: Boolean, val agreement: Boolean)

    /** Found by trying, once; it may take a second. */
    fun inStrongBox() = InStrongBox(strongBox.getValue(Purpose.SIGN), strongBox.getValue(Purpose.AGREE))

    /**
     * The certificate chain that Android's key attestation gives a key when it is made. `Wallet.enrol` asks for it, with the
     * registrar's code as [challenge]. Empty on a phone that cannot prove where its keys live.
     */
    @Synchronized
    override fun attest(name: String, challenge: ByteArray): List<ByteArray> = told {
        val alias = Purpose.SIGN.alias(name)
        if (!keys.containsAlias(alias)) makeProven(name, challenge)
        // A key that nothing proves has one certificate, which it has signed itself.
        keys.getCertificateChain(alias).map { it.encoded }.takeIf { it.size > 1 }.orEmpty()
    }

    // One at a time: two that find no key would both make one, and the first would be lost.
    @Synchronized
    override fun makeSigningKey(name: String): ByteArray = told { (find(Purpose.SIGN, name) ?: make(Purpose.SIGN, name)).encoded }

    @Synchronized
    override fun makeAgreementKey(name: String): ByteArray =
        told { (find(Purpose.AGREE, name) ?: make(Purpose.AGREE, name)).encoded }

    override fun publicKey(name: String): ByteArray = told {
        val found = Purpose.entries.firstNotNullOfOrNull { find(it, name) }
        (found ?: throw KeyStoreException.Missing()).encoded
    }

    override fun sign(name: String, message: ByteArray): ByteArray = told {
        val signature = Signature.getInstance("SHA256withECDSA")
        try {
            signature.initSign(held(Purpose.SIGN, name))
        } catch (_: KeyPermanentlyInvalidatedException) {
            // The phone's lock was removed or changed. The key is gone for good: make room for a new one.
            keys.deleteEntry(Purpose.SIGN.alias(name))
            throw KeyStoreException.Missing()
        }
        val allowed = presence.allow(signature) ?: throw KeyStoreException.Cancelled()
        allowed.update(message)
        allowed.sign()
    }

    override fun agree(name: String, peer: ByteArray): ByteArray = told { agreed(held(Purpose.AGREE, name), point(peer)) }

    override fun keepSecret(name: String, secret: ByteArray) = told { secrets.keep(name, secret) }

    override fun recallSecret(name: String): ByteArray = told { secrets.recall(name) ?: throw KeyStoreException.Missing() }

    override fun delete(name: String) = told {
        Purpose.entries.map { it.alias(name) }.filter(keys::containsAlias).forEach(keys::deleteEntry)
        secrets.delete(name)
    }

    private fun find(purpose: Purpose, name: String): PublicKey? = keys.getCertificate(purpose.alias(name))?.publicKey

    private fun held(purpose: Purpose, name: String): PrivateKey =
        keys.getKey(purpose.alias(name), null) as PrivateKey? ?: throw KeyStoreException.Missing()

    /** With a proof, if this phone can give one: some throw instead. */
    private fun makeProven(name: String, challenge: ByteArray) {
        try {
            make(Purpose.SIGN, name, challenge)
        } catch (_: ProviderException) {
            make(Purpose.SIGN, name)
        }
    }

    private fun make(purpose: Purpose, name: String, challenge: ByteArray? = null): PublicKey {
        val spec = spec(purpose, purpose.alias(name), strongBox.getValue(purpose)).setAttestationChallenge(challenge)
        if (purpose == Purpose.SIGN) {
            // Zero seconds: each signature anew, by whatever unlocks the phone.
            val unlocks = KeyProperties.AUTH_BIOMETRIC_STRONG or KeyProperties.AUTH_DEVICE_CREDENTIAL
            spec.setUserAuthenticationRequired(true).setUserAuthenticationParameters(0, unlocks)
        }
        return generate(spec)
    }

    private fun works(purpose: Purpose, strongBox: Boolean): Boolean = try {
        val public = generate(spec(purpose, PROBE, strongBox))
        val private = keys.getKey(PROBE, null) as PrivateKey
        when (purpose) {
            Purpose.SIGN -> {
                val signed = Signature.getInstance("SHA256withECDSA").apply { initSign(private) }.sign()
                Signature.getInstance("SHA256withECDSA").apply { initVerify(public) }.verify(signed)
            }
            Purpose.AGREE -> {
                val other = KeyPairGenerator.getInstance("EC").apply { initialize(CURVE) }.generateKeyPair()
                agreed(private, other.public).contentEquals(
                    KeyAgreement.getInstance("ECDH").run { init(other.private); doPhase(public, true); generateSecret() },
                )
            }
        }
    } catch (_: GeneralSecurityException) {
        false
    } catch (_: ProviderException) {
        // StrongBoxUnavailableException, and what firmware throws beside it.
        false
    } finally {
        keys.deleteEntry(PROBE)
    }

    private fun spec(purpose: Purpose, alias: String, strongBox: Boolean): KeyGenParameterSpec.Builder =
        KeyGenParameterSpec.Builder(alias, purpose.flag)
            .setAlgorithmParameterSpec(CURVE)
            .setDigests(KeyProperties.DIGEST_SHA256)
            .setIsStrongBoxBacked(strongBox)

    private fun generate(spec: KeyGenParameterSpec.Builder): PublicKey =
        KeyPairGenerator.getInstance(KeyProperties.KEY_ALGORITHM_EC, PROVIDER).run {
            initialize(spec.build())
            generateKeyPair().public
        }

    private fun agreed(private: PrivateKey, peer: PublicKey): ByteArray =
        KeyAgreement.getInstance("ECDH", PROVIDER).run {
            init(private)
            doPhase(peer, true)
            generateSecret()
        }

    /** What one key may do. */
    private enum class Purpose(val flag: Int) {
        SIGN(KeyProperties.PURPOSE_SIGN),
        AGREE(KeyProperties.PURPOSE_AGREE_KEY);

        fun alias(name: String) = "countersign.${this.name.lowercase()}.$name"
    }

    internal companion object {
        const val PROVIDER = "AndroidKeyStore"
        private const val PROBE = "countersign.probe"
        private val CURVE = ECGenParameterSpec("secp256r1")

        /** DER of a P-256 `SubjectPublicKeyInfo` up to the point (RFC 5480, section 2). */
        private val SPKI = "3059301306072a8648ce3d020106082a8648ce3d030107034200".chunked(2).map { it.toInt(16).toByte() }

        private fun point(sec1: ByteArray): PublicKey =
            KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(SPKI.toByteArray() + sec1))

        /** Says of every failure of the platform's that it is one. Anything else that is thrown the core takes for one. */
        private inline fun <T> told(work: () -> T): T = try {
            work()
        } catch (_: GeneralSecurityException) {
            throw KeyStoreException.Failed()
        }
    }
}
