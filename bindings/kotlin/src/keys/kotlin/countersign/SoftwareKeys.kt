package countersign

import countersign.core.KeyStore
import countersign.core.KeyStoreException
import java.io.File
import java.io.ObjectInputStream
import java.io.ObjectOutputStream
import java.math.BigInteger
import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.Signature
import java.security.interfaces.ECPublicKey
import java.security.spec.ECGenParameterSpec
import java.security.spec.ECPoint
import java.security.spec.ECPublicKeySpec
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyAgreement

/** Keys of the Java platform: DER everywhere, s high or low. Misbehaves on request. Kept in [folder], if there is one. */
class SoftwareKeys(private val folder: File? = null) : KeyStore {
    @Volatile
    var manner = "works"

    /** Runs while the core waits for a signature. */
    @Volatile
    var whileSigning: () -> Unit = {}

    private val signing = ConcurrentHashMap<String, KeyPair>()
    private val agreement = ConcurrentHashMap<String, KeyPair>()
    private val secrets = ConcurrentHashMap<String, ByteArray>()

    init {
        for (file in folder?.listFiles().orEmpty()) {
            signing[file.name] = ObjectInputStream(file.inputStream()).use { it.readObject() as KeyPair }
        }
    }

    private fun fresh(): KeyPair =
        KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()

    override fun makeSigningKey(name: String): ByteArray {
        val pair = signing.computeIfAbsent(name) { fresh() }
        folder?.let { ObjectOutputStream(File(it, name).outputStream()).use { file -> file.writeObject(pair) } }
        return pair.public.encoded
    }

    /** What hardware would attest: here, that the key was made for this challenge. */
    override fun attest(name: String, challenge: ByteArray): List<ByteArray> = listOf(makeSigningKey(name), challenge)

    override fun makeAgreementKey(name: String): ByteArray = agreement.computeIfAbsent(name) { fresh() }.public.encoded

    override fun publicKey(name: String): ByteArray =
        (signing[name] ?: agreement[name] ?: throw KeyStoreException.Missing()).public.encoded

    override fun sign(name: String, message: ByteArray): ByteArray {
        whileSigning()
        val key = when (manner) {
            "works" -> signing[name] ?: throw KeyStoreException.Missing()
            "signs-wrongly" -> fresh()
            "cancels" -> throw KeyStoreException.Cancelled()
            "throws" -> error("nobody expects this")
            else -> throw KeyStoreException.Failed()
        }
        return Signature.getInstance("SHA256withECDSA").run {
            initSign(key.private)
            update(message)
            sign()
        }
    }

    override fun agree(name: String, peer: ByteArray): ByteArray {
        val own = agreement[name] ?: throw KeyStoreException.Missing()
        val point = ECPoint(BigInteger(1, peer.copyOfRange(1, 33)), BigInteger(1, peer.copyOfRange(33, 65)))
        val other = KeyFactory.getInstance("EC").generatePublic(ECPublicKeySpec(point, (own.public as ECPublicKey).params))
        return KeyAgreement.getInstance("ECDH").run {
            init(own.private)
            doPhase(other, true)
            generateSecret()
        }
    }

    override fun keepSecret(name: String, secret: ByteArray) {
        secrets[name] = secret
    }

    override fun recallSecret(name: String): ByteArray = secrets[name] ?: throw KeyStoreException.Missing()

    override fun delete(name: String) {
        signing.remove(name)
        agreement.remove(name)
        secrets.remove(name)
    }

    override fun deleteAll() {
        names.forEach(::delete)
        folder?.listFiles()?.forEach { it.delete() }
    }

    /** Of all keys and secrets. */
    val names: Set<String> get() = signing.keys + agreement.keys + secrets.keys
}
