package countersign

import countersign.core.VerdictKind
import java.io.File
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import quickstart.firstVerdict

/** The lines of `bindings/README.md`, which are those of `FirstVerdict.kt` to the letter (`bindings/tests/readme.rs`). */
class FirstVerdictTest {
    @Test
    fun `the lines of the readme come to a verdict`(@TempDir folder: Path) {
        World(folder.resolve("world").toFile()).use { world ->
            val code = "(01)09506000134352(17)351130(10)L1(21)S001"
            val screen = runBlocking {
                firstVerdict(File(folder.toString()), world.genesis, world.node, SoftwareKeys(), code)
            }
            assertEquals(VerdictKind.AUTHENTIC to "verdict.authentic", screen.verdict to screen.title.key)
        }
    }
}
