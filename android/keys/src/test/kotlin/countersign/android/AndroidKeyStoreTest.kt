package countersign.android

import android.security.keystore.KeyProperties
import countersign.android.AndroidKeyStore.InStrongBox
import countersign.core.KeyStore
import countersign.core.KeyStoreException
import java.io.File
import java.nio.file.Path
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.PublicKey
import java.security.Security
import java.security.Signature
import java.security.interfaces.ECPublicKey
import java.security.spec.ECGenParameterSpec
import java.security.spec.X509EncodedKeySpec
import java.util.concurrent.Callable
import java.util.concurrent.Executors
import javax.crypto.KeyAgreement
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The key store against Android's own classes, over hardware that is simulated and misbehaves on request. */
class AndroidKeyStoreTest {
    @TempDir
    lateinit var folder: Path
    private var asked = 0
    private val willing = Presence { asked++; it }

    @BeforeEach
    fun fresh() = FakeHardware.reset()

    private fun store(presence: Presence = willing) = AndroidKeyStore(folder.toFile(), presence)

    private fun key(der: ByteArray): PublicKey = KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(der))

    @Test
    fun `each signature asks the person and verifies under the key that was shown`() {
        val store = store()
        val public = store.makeSigningKey("mine")
        assertArrayEquals(public, store.makeSigningKey("mine"))
        assertArrayEquals(public, store().publicKey("mine"))
        assertEquals(0, asked)
        repeat(2) {
            val signature = store.sign("mine", "message".toByteArray())
            val verifier = Signature.getInstance("SHA256withECDSA").apply { initVerify(key(public)) }
            verifier.update("message".toByteArray())
            assertTrue(verifier.verify(signature))
        }
        assertEquals(2, asked)
        val spec = FakeHardware.specs.getValue("countersign.sign.mine")
        assertTrue(spec.isUserAuthenticationRequired && spec.isStrongBoxBacked)
        assertEquals(0, spec.userAuthenticationValidityDurationSeconds)
        assertEquals(KeyProperties.PURPOSE_SIGN, spec.purposes)
    }

    @Test
    fun `two threads that want a key have the same one`() {
        val store = store()
        val threads = Executors.newFixedThreadPool(4)
        val made = List(8) { threads.submit(Callable { store.makeSigningKey("mine").toList() }) }.map { it.get() }
        assertEquals(1, made.toSet().size)
        threads.shutdown()
    }

    @Test
    fun `declining is not a failure`() {
        store().makeSigningKey("mine")
        assertThrows(KeyStoreException.Cancelled::class.java) { store { null }.sign("mine", byteArrayOf()) }
        assertThrows(KeyStoreException.Missing::class.java) { store().sign("other", byteArrayOf()) }
    }

    @Test
    fun `both sides agree on the same and keys have one purpose`() {
        val store = store()
        val own = store.makeAgreementKey("mine")
        val other = KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
        val point = (other.public as ECPublicKey).encoded.takeLast(65).toByteArray()
        val theirs = KeyAgreement.getInstance("ECDH").apply { init(other.private); doPhase(key(own), true) }
        assertArrayEquals(theirs.generateSecret(), store.agree("mine", point))
        assertThrows(KeyStoreException.Missing::class.java) { store.sign("mine", byteArrayOf()) }
        assertThrows(KeyStoreException.Failed::class.java) { store.agree("mine", ByteArray(65)) }
        assertEquals(0, asked)
    }

    @Test
    fun `StrongBox is used for what it does and for nothing else`() {
        assertEquals(InStrongBox(signing = true, agreement = true), store().inStrongBox())
        FakeHardware.strongBox = KeyProperties.PURPOSE_SIGN
        assertEquals(InStrongBox(signing = true, agreement = false), store().inStrongBox())
        FakeHardware.strongBox = KeyProperties.PURPOSE_SIGN or KeyProperties.PURPOSE_AGREE_KEY
        FakeHardware.agreesWrongly = true
        val store = store()
        assertEquals(InStrongBox(signing = true, agreement = false), store.inStrongBox())
        store.makeSigningKey("mine")
        store.makeAgreementKey("mine")
        assertTrue(FakeHardware.specs.getValue("countersign.sign.mine").isStrongBoxBacked)
        assertFalse(FakeHardware.specs.getValue("countersign.agree.mine").isStrongBoxBacked)
        assertEquals(2, FakeHardware.keys.size, "the probe keys are deleted")
    }

    @Test
    fun `the attestation has the challenge and is of the key that enrols`() {
        // As the core calls it, through the trait.
        val store: KeyStore = store()
        val (own, maker) = store.attest("mine", "challenge".toByteArray())
        val public = store.makeSigningKey("mine")
        assertArrayEquals("challenge".toByteArray() + public, own)
        assertArrayEquals("maker".toByteArray() + public, maker)
        assertArrayEquals(own, store.attest("mine", "later".toByteArray()).first())
    }

    @Test
    fun `a phone without attestation has keys all the same`() {
        FakeHardware.attests = false
        val store: KeyStore = store()
        assertEquals(emptyList<Any>(), store.attest("mine", "challenge".toByteArray()))
        assertEquals(emptyList<Any>(), store.attest("mine", "challenge".toByteArray()))
        assertArrayEquals(store.makeSigningKey("mine"), store.publicKey("mine"))
        assertTrue(FakeHardware.specs.getValue("countersign.sign.mine").isUserAuthenticationRequired)
    }

    @Test
    fun `a key that the phone has invalidated makes room for a new one`() {
        val store = store()
        val before = store.makeSigningKey("mine")
        FakeHardware.keys["countersign.sign.mine"] = FakeHardware.Invalidated()
        assertThrows(KeyStoreException.Missing::class.java) { store.sign("mine", byteArrayOf()) }
        assertFalse(before.contentEquals(store.makeSigningKey("mine")))
    }

    @Test
    fun `secrets are sealed and bound to their names`() {
        val secret = "thirty-two bytes of a master key".toByteArray()
        store().keepSecret("a/b", secret)
        store().keepSecret("other", byteArrayOf(7))
        assertArrayEquals(secret, store().recallSecret("a/b"))
        val files = File(folder.toFile(), "countersign").listFiles()!!.sortedBy { it.name }
        assertEquals(listOf("a%2Fb", "other"), files.map { it.name })
        assertFalse(String(files[0].readBytes(), Charsets.ISO_8859_1).contains("master"))
        files[0].copyTo(files[1], overwrite = true)
        assertThrows(KeyStoreException.Failed::class.java) { store().recallSecret("other") }
        store().delete("a/b")
        assertThrows(KeyStoreException.Missing::class.java) { store().recallSecret("a/b") }
        store().delete("a/b")
    }

    @Test
    fun `everything of ours is deleted and nothing of others`() {
        val store = store()
        store.makeSigningKey("mine")
        store.makeAgreementKey("mine")
        // Of an earlier run: nobody remembers the name.
        store().makeSigningKey("forgotten")
        store.keepSecret("a/b", byteArrayOf(7))
        FakeHardware.keys["others"] = FakeHardware.Invalidated()
        store().deleteAll()
        assertEquals(setOf("others"), FakeHardware.keys.keys)
        assertFalse(File(folder.toFile(), "countersign").exists())
        assertThrows(KeyStoreException.Missing::class.java) { store.recallSecret("a/b") }
        store.keepSecret("a/b", byteArrayOf(8))
        assertArrayEquals(byteArrayOf(8), store.recallSecret("a/b"))
    }

    companion object {
        @BeforeAll
        @JvmStatic
        fun install() {
            Security.addProvider(FakeHardware())
        }
    }
}
