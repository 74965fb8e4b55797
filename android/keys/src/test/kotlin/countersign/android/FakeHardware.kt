package countersign.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import android.security.keystore.StrongBoxUnavailableException
import java.io.InputStream
import java.io.OutputStream
import java.security.InvalidAlgorithmParameterException
import java.security.InvalidKeyException
import java.security.Key
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyPairGeneratorSpi
import java.security.KeyStoreSpi
import java.security.PrivateKey
import java.security.Provider
import java.security.ProviderException
import java.security.PublicKey
import java.security.SecureRandom
import java.security.SignatureSpi
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import javax.crypto.KeyAgreement
import javax.crypto.KeyAgreementSpi
import javax.crypto.KeyGenerator
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey

/**
 * Replaces the phone's hardware: software under the name of Android's provider, which records the requests and misbehaves
 * on request. The rest of Android is the real one.
 */
class FakeHardware : Provider("AndroidKeyStore", "1", "for tests") {
    init {
        put("KeyStore.AndroidKeyStore", Held::class.java.name)
        put("KeyPairGenerator.EC", Pairs::class.java.name)
        put("KeyGenerator.AES", Secrets::class.java.name)
        put("KeyAgreement.ECDH", Agreement::class.java.name)
        put("Signature.SHA256withECDSA", Refusing::class.java.name)
    }

    companion object {
        val keys = mutableMapOf<String, Key>()
        val certificates = mutableMapOf<String, Certificate>()
        val specs = mutableMapOf<String, KeyGenParameterSpec>()

        /** The purposes that StrongBox supports, as flags of [KeyProperties]. */
        var strongBox = KeyProperties.PURPOSE_SIGN or KeyProperties.PURPOSE_AGREE_KEY

        /** StrongBox computes another shared secret than the other side. */
        var agreesWrongly = false

        /** Whether keys are attested; a phone that was made without attestation keys fails when it is asked to attest. */
        var attests = true

        fun reset() {
            listOf(keys, certificates, specs).forEach { it.clear() }
            strongBox = KeyProperties.PURPOSE_SIGN or KeyProperties.PURPOSE_AGREE_KEY
            agreesWrongly = false
            attests = true
        }
    }

    class Pairs : KeyPairGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun initialize(size: Int, random: SecureRandom?) = throw InvalidAlgorithmParameterException()

        override fun initialize(params: AlgorithmParameterSpec, random: SecureRandom?) {
            spec = params as KeyGenParameterSpec
        }

        override fun generateKeyPair(): KeyPair {
            if (spec.isStrongBoxBacked && spec.purposes and strongBox == 0) throw StrongBoxUnavailableException("none")
            if (spec.attestationChallenge != null && !attests) throw ProviderException("no attestation keys")
            val pair = KeyPairGenerator.getInstance("EC", "SunEC").run {
                initialize(spec.algorithmParameterSpec)
                generateKeyPair()
            }
            keys[spec.keystoreAlias] = pair.private
            certificates[spec.keystoreAlias] = Attested(pair.public, spec.attestationChallenge)
            specs[spec.keystoreAlias] = spec
            return pair
        }
    }

    class Secrets : KeyGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun engineInit(random: SecureRandom?) = throw InvalidAlgorithmParameterException()
        override fun engineInit(size: Int, random: SecureRandom?) = throw InvalidAlgorithmParameterException()

        override fun engineInit(params: AlgorithmParameterSpec, random: SecureRandom?) {
            spec = params as KeyGenParameterSpec
        }

        override fun engineGenerateKey(): SecretKey {
            val key = KeyGenerator.getInstance("AES", "SunJCE").apply { init(spec.keySize) }.generateKey()
            keys[spec.keystoreAlias] = key
            return key
        }
    }

    class Agreement : KeyAgreementSpi() {
        private val software = KeyAgreement.getInstance("ECDH", "SunEC")

        override fun engineInit(key: Key, random: SecureRandom?) = software.init(key)
        override fun engineInit(key: Key, params: AlgorithmParameterSpec?, random: SecureRandom?) = software.init(key)
        override fun engineDoPhase(key: Key, last: Boolean): Key? = software.doPhase(key, last)

        override fun engineGenerateSecret(): ByteArray =
            software.generateSecret().also { if (agreesWrongly) it[0] = (it[0] + 1).toByte() }

        override fun engineGenerateSecret(secret: ByteArray, offset: Int) = throw UnsupportedOperationException()
        override fun engineGenerateSecret(algorithm: String) = throw UnsupportedOperationException()
    }

    /** A certificate with what it would attest. */
    class Attested(private val key: PublicKey, val challenge: ByteArray?) : Certificate("X.509") {
        override fun getEncoded(): ByteArray = (challenge ?: byteArrayOf()) + key.encoded
        override fun getPublicKey(): PublicKey = key
        override fun verify(key: PublicKey) = throw UnsupportedOperationException()
        override fun verify(key: PublicKey, provider: String) = throw UnsupportedOperationException()
        override fun toString() = "attested"
    }

    /** The key of a phone whose lock was changed. */
    class Invalidated : PrivateKey {
        override fun getAlgorithm() = "EC"
        override fun getFormat(): String? = null
        override fun getEncoded(): ByteArray? = null
    }

    /** Refuses such a key. Other keys are software keys, and Java's own provider signs with them. */
    class Refusing : SignatureSpi() {
        override fun engineInitSign(key: PrivateKey) = throw when (key) {
            is Invalidated -> KeyPermanentlyInvalidatedException()
            else -> InvalidKeyException()
        }

        override fun engineInitVerify(key: PublicKey) = throw InvalidKeyException()
        override fun engineUpdate(byte: Byte) = throw UnsupportedOperationException()
        override fun engineUpdate(bytes: ByteArray, offset: Int, length: Int) = throw UnsupportedOperationException()
        override fun engineSign() = throw UnsupportedOperationException()
        override fun engineVerify(signature: ByteArray) = throw UnsupportedOperationException()

        @Deprecated("of the platform")
        override fun engineSetParameter(name: String, value: Any?) = throw UnsupportedOperationException()

        @Deprecated("of the platform")
        override fun engineGetParameter(name: String) = throw UnsupportedOperationException()
    }

    class Held : KeyStoreSpi() {
        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit
        override fun engineGetKey(alias: String, password: CharArray?): Key? = keys[alias]
        override fun engineGetCertificate(alias: String): Certificate? = certificates[alias]
        override fun engineContainsAlias(alias: String) = alias in keys
        override fun engineGetCertificateChain(alias: String): Array<Certificate>? =
            (certificates[alias] as Attested?)?.let { own ->
                val maker = Attested(own.publicKey, "maker".toByteArray()).takeIf { own.challenge != null }
                listOfNotNull(own, maker).toTypedArray()
            }

        override fun engineDeleteEntry(alias: String) {
            listOf(keys, certificates, specs).forEach { it.remove(alias) }
        }

        override fun engineAliases(): Enumeration<String> = Collections.enumeration(keys.keys)
        override fun engineSize() = keys.size
        override fun engineIsKeyEntry(alias: String) = alias in keys
        override fun engineIsCertificateEntry(alias: String) = false
        override fun engineGetCertificateAlias(certificate: Certificate?): String? = null
        override fun engineGetCreationDate(alias: String): Date? = null
        override fun engineSetKeyEntry(a: String, k: Key, p: CharArray?, c: Array<Certificate>?) = throw UnsupportedOperationException()
        override fun engineSetKeyEntry(a: String, k: ByteArray, c: Array<Certificate>?) = throw UnsupportedOperationException()
        override fun engineSetCertificateEntry(a: String, c: Certificate?) = throw UnsupportedOperationException()
        override fun engineStore(stream: OutputStream?, password: CharArray?) = throw UnsupportedOperationException()
    }
}
