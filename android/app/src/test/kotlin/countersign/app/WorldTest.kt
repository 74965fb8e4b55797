package countersign.app

import countersign.core.registerCodes
import java.io.File
import org.junit.After
import org.junit.Before
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** The app itself, with the real core and a real node: people with phones, who all leave when a test ends. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = [34], qualifiers = "en-rGB-w360dp-h780dp-notnight-xhdpi")
abstract class WorldTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val people = mutableListOf<Person>()
    protected lateinit var world: World

    @Before
    fun begin() {
        world = World(folder.newFolder("world"))
    }

    @After
    fun end() {
        people.forEach { runCatching { it.close() } }
        world.close()
    }

    protected fun person(name: String) = person(folder.newFolder(name))

    protected fun person(place: File) = Person(place).also { people += it }

    /** A phone on which the world's register is pinned. */
    protected fun pinned(name: String): Person = person(name).apply { pin() }

    protected fun courier(name: String): Person = pinned(name).apply {
        tap("home.carry")
        sees("enrol.title")
        type(world.ask("code courier $name"))
        tap("enrol.do")
        sees("carry.take-over")
    }

    protected fun Person.pin() {
        tap("start.pin")
        holdCodes(registerCodes(world.node, direct(world.genesis)))
        tap("pin.confirm")
        sees("home.scan")
    }

    /** The app is killed, [meanwhile] something happens to the phone, and the app is started again. */
    protected fun Person.andAgain(byPhone: Boolean = false, meanwhile: () -> Unit = {}): Person {
        people -= this
        close()
        meanwhile()
        return startedAgain(byPhone).also { people += it }
    }
}
