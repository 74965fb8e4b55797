package countersign

import java.io.File
import java.util.concurrent.TimeUnit
import org.json.JSONObject

/** A real node over TLS in a process of its own; see `tests/src/bin/world`. */
class World(folder: File) : AutoCloseable {
    private val process: Process = ProcessBuilder(System.getProperty("countersign.world"), folder.path)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start()
    private val commands = process.outputStream.bufferedWriter()
    private val answers = process.inputStream.bufferedReader()

    val node: String
    val genesis: ByteArray
    private val frames: File

    /** The attribute authority: SPIFFE ID, address, TLS root. */
    val authority: Triple<String, String, ByteArray>

    init {
        val hello = JSONObject(answers.readLine())
        node = hello.getString("node")
        genesis = File(hello.getString("genesis")).readBytes()
        frames = File(hello.getString("frames"))
        val root = File(hello.getString("authority_root")).readBytes()
        authority = Triple(hello.getString("authority"), hello.getString("authority_address"), root)
    }

    fun ask(command: String): String {
        commands.write("$command\n")
        commands.flush()
        return answers.readLine()
    }

    fun file(name: String): ByteArray = File(frames, name).readBytes()

    /** The pixels of a frame of 1280 by 720. */
    fun frame(name: String): ByteArray = file(name).let { it.copyOfRange(it.size - 1280 * 720, it.size) }

    override fun close() {
        commands.close()
        if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly()
    }
}
