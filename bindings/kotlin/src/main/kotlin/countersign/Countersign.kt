/**
 * Idiomatic Kotlin on top of the generated calls: coroutines off the main thread, and sync and delivery as a [Flow].
 *
 * There are no rules here. The generated calls block: they belong on a thread that may wait, and may come on any number of
 * threads at once. Objects are [AutoCloseable], each on its own, in any order: `Wallet.open(...).use { }`. Records are
 * immutable.
 *
 * The calls that ask the person ([enrolled], [offered], [answered], [signed]) interrupt the thread of the key store when the
 * coroutine is cancelled, so that the prompt can close; nothing is recorded that was not signed by then.
 */
package countersign

import countersign.core.Answer
import countersign.core.Condition
import countersign.core.Consent
import countersign.core.CountersignException
import countersign.core.Courier
import countersign.core.Enrolment
import countersign.core.Field
import countersign.core.Handover
import countersign.core.Issuer
import countersign.core.Level
import countersign.core.Offer
import countersign.core.PackChecker
import countersign.core.Round
import countersign.core.Scan
import countersign.core.ScanResult
import countersign.core.Signed
import countersign.core.SyncStep
import countersign.core.Wallet
import java.nio.ByteBuffer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withContext

/**
 * Syncs the wallet and emits every step. The last element is [SyncStep.Done]. Cold: each collector syncs.
 *
 * It waits as long as the node asks to. Steps do not wait for a slow collector. Cancelling stops between two steps, each of
 * which is bounded, and the next sync continues from there.
 *
 * @throws CountersignException.Retry without a network; the verified data stays in use.
 */
fun Wallet.sync(): Flow<SyncStep> = flow {
    do {
        val step = syncStep()
        emit(step)
        if (step is SyncStep.Waiting) delay(step.afterMillis.toLong())
    } while (step != SyncStep.Done)
}.flowOn(Dispatchers.IO)

/**
 * Has the key [key] certified with a registrar's one-time code. The key store may ask the person meanwhile.
 *
 * @throws CountersignException.Cancelled when they decline.
 */
suspend fun Wallet.enrolled(key: String, code: String): Enrolment = asking { enrol(key, code) }

/** The answer about a pack whose code was typed, or came as a link. */
suspend fun PackChecker.answer(code: String): Answer = withContext(Dispatchers.IO) { checkCode(code) }

/**
 * Scans a camera frame's luma plane. A direct [ByteBuffer], such as the camera's planes, is read without a copy; its
 * position and limit do not change.
 */
suspend fun PackChecker.look(width: Int, height: Int, stride: Int, luma: ByteBuffer): ScanResult =
    withContext(Dispatchers.Default) { checkFrame(width.toUInt(), height.toUInt(), stride.toUInt(), luma) }

/** The same for a courier: goods, or the codes on another phone's screen. */
suspend fun Courier.look(width: Int, height: Int, stride: Int, luma: ByteBuffer): Scan =
    withContext(Dispatchers.Default) { scanFrame(width.toUInt(), height.toUInt(), stride.toUInt(), luma) }

/**
 * Offers goods to anyone present, or to one member only. The key store may ask the person meanwhile.
 *
 * @throws CountersignException.Cancelled when they decline.
 */
suspend fun Courier.offered(code: String, to: String? = null, place: String? = null): Handover =
    asking { offer(code, to, place) }

/**
 * Answers an offer, after scanning [goods]. The answer is stored when this returns, with or without a network.
 *
 * @throws CountersignException.Cancelled when the person declines to sign.
 */
suspend fun Courier.answered(offer: Offer, goods: List<String>, condition: Condition, place: String? = null): Handover =
    asking { answer(offer.message, goods, condition, place) }

/**
 * Signs a statement about what [code] names, and proves that it was recorded. Show [Issuer.prepare] to the person before.
 *
 * @throws CountersignException.ConsentNeeded when it needs their word, and [CountersignException.Cancelled] when they decline.
 */
suspend fun Issuer.signed(
    kind: String,
    code: String,
    level: Level? = null,
    fields: List<Field> = emptyList(),
    consent: Consent = Consent(),
): Signed = asking { sign(kind, code, level, fields, consent) }

/**
 * Sends what is in the outbox, one element per round, until nothing is waiting; without a network that is a long time,
 * with longer and longer pauses. Cancelling stops between two rounds, and nothing is lost.
 *
 * @throws CountersignException.KeyNeeded without an enrolled key.
 */
fun Courier.delivery(): Flow<Round> = flow {
    while (true) {
        val round = send()
        emit(round)
        if (round.waiting == 0uL) break
        val due = round.nextDueMillis?.toLong() ?: 0
        delay((due - System.currentTimeMillis()).coerceAtLeast(MIN_PAUSE))
    }
}.flowOn(Dispatchers.IO)

/** The pause between two rounds even if the next is due, so that a slow node is not flooded. */
private const val MIN_PAUSE = 200L

/** A call that may wait for a person. */
private suspend fun <T> asking(call: () -> T): T = try {
    runInterruptible(Dispatchers.IO, call)
} catch (failed: CountersignException) {
    // A prompt that closed because the coroutine was cancelled is not a refusal, nor is an interrupted key store a failure.
    currentCoroutineContext().ensureActive()
    throw failed
}
