package countersign.app

import java.io.File
import java.nio.ByteBuffer
import java.util.concurrent.TimeUnit
import org.json.JSONArray
import org.json.JSONObject

/** A real node over TLS in a process of its own; see `tests/src/bin/world`. */
class World(folder: File) : AutoCloseable {
    private val process: Process = ProcessBuilder(System.getProperty("countersign.world"), folder.path)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        // Its clock is right, whatever the phones show.
        .apply { environment() -= "LD_PRELOAD" }
        .start()
    private val commands = process.outputStream.bufferedWriter()
    private val answers = process.inputStream.bufferedReader()
    private val files: File

    val node: String
    private val metrics: String
    val genesis: ByteArray

    /** What the attribute authority's codes say. */
    val authority: ByteArray

    init {
        val hello = JSONObject(answers.readLine())
        node = hello.getString("node")
        metrics = hello.getString("metrics")
        genesis = File(hello.getString("genesis")).readBytes()
        files = File(hello.getString("frames"))
        val root = java.util.Base64.getEncoder().encodeToString(File(hello.getString("authority_root")).readBytes())
        authority = "${hello.getString("authority")}\n${hello.getString("authority_address")}\n$root".toByteArray()
    }

    fun ask(command: String): String {
        commands.write("$command\n")
        commands.flush()
        return answers.readLine()
    }

    /** The texts of the codes that the distributor shows. */
    fun offer(unit: String): List<String> = JSONArray(ask("offer $unit")).let { codes -> List(codes.length(), codes::getString) }

    /** How many requests the node has answered. */
    fun requests(): Long = java.net.URI(metrics).toURL().readText().lines()
        .filter { it.startsWith("countersign_http_requests_total{") }
        .sumOf { it.substringAfterLast(' ').toLong() }

    fun file(name: String): File = File(files, name)

    /** A frame of the camera, by its file. */
    fun frame(name: String): Frame {
        val file = file(name).readBytes()
        return Frame(1280, 720, file.copyOfRange(file.size - 1280 * 720, file.size))
    }

    override fun close() {
        commands.close()
        if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly()
    }
}

/** What a camera sees: one byte a pixel, as its driver gives it, with rows that are longer than the picture is wide. */
class Frame(val width: Int, val height: Int, luma: ByteArray) {
    val stride = width + PADDING
    val plane: ByteBuffer = ByteBuffer.allocateDirect(stride * (height - 1) + width)

    init {
        for (row in 0 until height) {
            plane.position(row * stride)
            plane.put(luma, row * width, width)
        }
        plane.rewind()
    }

    private companion object {
        const val PADDING = 32
    }
}
