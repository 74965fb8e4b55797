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
 * Keys in Android's Keystore: in StrongBox if that works, else in the trusted execution environment. Android 12 or newer.
 *
 * Keys for signing and for agreement are separate, since hardware gives a key one purpose. Every signature asks the
 * person, through [presence]. Public keys and signatures are returned as DER; the core normalises both.
 *
 * @param folder the app's own, without backup: secrets are kept there, sealed by a key that does not leave this phone.
 */
class AndroidKeyStore(folder: File, private val presence: Presence) : KeyStore {
    private val keys = java.security.KeyStore.getInstance(PROVIDER).apply { load(null) }
    private val secrets = SealedSecrets(File(folder, "countersign"))

    /** What the hardware can do, found by trying: what phones announce and what they do differ. */
    private val strongBox: Map<Purpose, Boolean> by lazy {
        Purpose.entries.associateWith { works(it, strongBox = true) }
    }

    /** Which keys are in StrongBox on this phone. */
    data class InStrongBox(val signing: Boolean, val agreement: Boolean)

    /** Found by trying, once; it may need a second. */
    fun inStrongBox() = InStrongBox(strongBox.getValue(Purpose.SIGN), strongBox.getValue(Purpose.AGREE))

    /**
     * The certificate chain that Android's key attestation gives a key when it is made. `Wallet.enrol` calls this, with the
     * registrar's code as [challenge]. Empty on a phone that cannot attest its keys.
     */
    @Synchronized
    override fun attest(name: String, challenge: ByteArray): List<ByteArray> = reported {
        val alias = Purpose.SIGN.alias(name)
        if (!keys.containsAlias(alias)) makeAttested(name, challenge)
        // A key without attestation has one, self-signed, certificate.
        keys.getCertificateChain(alias).map { it.encoded }.takeIf { it.size > 1 }.orEmpty()
    }

    // One at a time: two calls that find no key would both make one, and the first would be lost.
    @Synchronized
    override fun makeSigningKey(name: String): ByteArray = reported { (find(Purpose.SIGN, name) ?: make(Purpose.SIGN, name)).encoded }

    @Synchronized
    override fun makeAgreementKey(name: String): ByteArray =
        reported { (find(Purpose.AGREE, name) ?: make(Purpose.AGREE, name)).encoded }

    override fun publicKey(name: String): ByteArray = reported {
        val found = Purpose.entries.firstNotNullOfOrNull { find(it, name) }
        (found ?: throw KeyStoreException.Missing()).encoded
    }

    override fun sign(name: String, message: ByteArray): ByteArray = reported {
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

    override fun agree(name: String, peer: ByteArray): ByteArray = reported { agreed(held(Purpose.AGREE, name), point(peer)) }

    override fun keepSecret(name: String, secret: ByteArray) = reported { secrets.keep(name, secret) }

    override fun recallSecret(name: String): ByteArray = reported { secrets.recall(name) ?: throw KeyStoreException.Missing() }

    override fun delete(name: String) = reported {
        Purpose.entries.map { it.alias(name) }.filter(keys::containsAlias).forEach(keys::deleteEntry)
        secrets.delete(name)
    }

    @Synchronized
    override fun deleteAll() = reported {
        keys.aliases().toList().filter { it.startsWith(PREFIX) }.forEach(keys::deleteEntry)
        secrets.deleteAll()
    }

    private fun find(purpose: Purpose, name: String): PublicKey? = keys.getCertificate(purpose.alias(name))?.publicKey

    private fun held(purpose: Purpose, name: String): PrivateKey =
        keys.getKey(purpose.alias(name), null) as PrivateKey? ?: throw KeyStoreException.Missing()

    /** With an attestation, if this phone can give one: some throw instead. */
    private fun makeAttested(name: String, challenge: ByteArray) {
        try {
            make(Purpose.SIGN, name, challenge)
        } catch (_: ProviderException) {
            make(Purpose.SIGN, name)
        }
    }

    private fun make(purpose: Purpose, name: String, challenge: ByteArray? = null): PublicKey {
        val spec = spec(purpose, purpose.alias(name), strongBox.getValue(purpose)).setAttestationChallenge(challenge)
        if (purpose == Purpose.SIGN) {
            // Zero seconds: each signature needs a new authentication, by any method that unlocks the phone.
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
        // StrongBoxUnavailableException, and other exceptions that firmware throws.
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

        fun alias(name: String) = "$PREFIX${this.name.lowercase()}.$name"
    }

    internal companion object {
        const val PROVIDER = "AndroidKeyStore"

        /** Of all our aliases. */
        const val PREFIX = "countersign."
        private const val PROBE = "${PREFIX}probe"
        private val CURVE = ECGenParameterSpec("secp256r1")

        /** DER of a P-256 `SubjectPublicKeyInfo` up to the point (RFC 5480, section 2). */
        private val SPKI = "3059301306072a8648ce3d020106082a8648ce3d030107034200".chunked(2).map { it.toInt(16).toByte() }

        private fun point(sec1: ByteArray): PublicKey =
            KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(SPKI.toByteArray() + sec1))

        /** Reports failures of the platform as `Failed`. The core treats any other exception in the same way. */
        private inline fun <T> reported(work: () -> T): T = try {
            work()
        } catch (_: GeneralSecurityException) {
            throw KeyStoreException.Failed()
        }
    }
}
