package quickstart

import countersign.answer
import countersign.core.KeyStore
import countersign.core.PackChecker
import countersign.core.VerdictScreen
import countersign.core.Wallet
import countersign.core.verdictScreen
import countersign.sync
import java.io.File
import java.nio.ByteBuffer

/** What a screen shows of a pack: [code] as a scanner types it, [genesis] as the app ships it. */
suspend fun firstVerdict(folder: File, genesis: ByteArray, node: String, keys: KeyStore, code: String): VerdictScreen {
    val pinned = ByteBuffer.allocateDirect(genesis.size).put(genesis).flip()
    Wallet.open(File(folder, "wallet.db").path, pinned, node, keys).use { wallet ->
        wallet.follow(code)
        wallet.sync().collect { step -> println(step) }
        return PackChecker(wallet).use { checker -> verdictScreen(checker.answer(code)) }
    }
}
