/**
 * What Kotlin expects on top of the generated calls: coroutines off the main thread, and sync and delivery as a [Flow].
 *
 * No rule is written here. The generated calls block: they belong on a thread that may wait, and may come on any number of
 * threads at once. Objects are [AutoCloseable], each on its own, in any order: `Wallet.open(...).use { }`. Records are
 * immutable.
 *
 * What asks the person ([enrolled], [offered], [answered]) interrupts the thread of the key store when the coroutine is
 * cancelled, so that the prompt can go away; what was not signed by then is not recorded.
 */
package countersign

import countersign.core.Answer
import countersign.core.Condition
import countersign.core.CountersignException
import countersign.core.Courier
import countersign.core.Enrolment
import countersign.core.Handover
import countersign.core.Offer
import countersign.core.Patient
import countersign.core.Round
import countersign.core.Scan
import countersign.core.Sight
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
 * Brings the wallet up to date and tells of every step. The last element is [SyncStep.Done]. Cold: each collector syncs.
 *
 * Patience that the node asks for is kept. Steps do not wait for a collector that is slow. Cancelling stops between two of
 * them, each of which is bounded, and the next sync goes on from there.
 *
 * @throws CountersignException.Retry without a network; what is known stays in use.
 */
fun Wallet.sync(): Flow<SyncStep> = flow {
    do {
        val step = syncStep()
        emit(step)
        if (step is SyncStep.Waiting) delay(step.afterMillis.toLong())
    } while (step != SyncStep.Done)
}.flowOn(Dispatchers.IO)

/**
 * Has the key [key] certified by a registrar's one-time code. The key store may ask the person meanwhile.
 *
 * @throws CountersignException.Cancelled when they decline.
 */
suspend fun Wallet.enrolled(key: String, code: String): Enrolment = asking { enrol(key, code) }

/** The answer about a pack whose code was typed, or arrived as a link. */
suspend fun Patient.answer(code: String): Answer = withContext(Dispatchers.IO) { checkCode(code) }

/**
 * Looks at a camera frame's luma plane. A direct [ByteBuffer], which the camera's planes are, is read where it lies; its
 * position and limit are left alone.
 */
suspend fun Patient.look(width: Int, height: Int, stride: Int, luma: ByteBuffer): Sight =
    withContext(Dispatchers.Default) { checkFrame(width.toUInt(), height.toUInt(), stride.toUInt(), luma) }

/** The same for a courier: goods, or the codes on another phone's screen. */
suspend fun Courier.look(width: Int, height: Int, stride: Int, luma: ByteBuffer): Scan =
    withContext(Dispatchers.Default) { scanFrame(width.toUInt(), height.toUInt(), stride.toUInt(), luma) }

/**
 * Offers goods to whoever stands here, or to one member alone. The key store may ask the person meanwhile.
 *
 * @throws CountersignException.Cancelled when they decline.
 */
suspend fun Courier.offered(code: String, to: String? = null, place: String? = null): Handover =
    asking { offer(code, to, place) }

/**
 * Answers an offer, having scanned [goods]. It is recorded when this returns, whether there is a network or not.
 *
 * @throws CountersignException.Cancelled when the person declines to sign.
 */
suspend fun Courier.answered(offer: Offer, goods: List<String>, condition: Condition, place: String? = null): Handover =
    asking { answer(offer.message, goods, condition, place) }

/**
 * Sends what is in the outbox, a round an element, until nothing is on its way; without a network that is a long time, with
 * longer and longer pauses. Cancelling stops between two rounds, and nothing is lost.
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

/** Between two rounds even if the next is due, so that a node that is late is not pressed. */
private const val MIN_PAUSE = 200L

/** A call that may wait for a person. */
private suspend fun <T> asking(call: () -> T): T = try {
    runInterruptible(Dispatchers.IO, call)
} catch (failed: CountersignException) {
    // A prompt that went away because nobody waits for it any more is no refusal, nor is a key store that was interrupted.
    currentCoroutineContext().ensureActive()
    throw failed
}
