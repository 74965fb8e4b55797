// The same sources for Gradle. `pom.xml` is what the tests of this repository run.
plugins {
    kotlin("jvm") version "2.4.21"
}

repositories { mavenCentral() }

dependencies {
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-core-jvm:1.11.0")
    // On Android: "net.java.dev.jna:jna:5.19.1@aar"
    implementation("net.java.dev.jna:jna:5.19.1")
    testImplementation("org.junit.jupiter:junit-jupiter:5.14.4")
    testImplementation("org.json:json:20260814")
    testRuntimeOnly("org.junit.platform:junit-platform-launcher:1.14.4")
}

kotlin {
    jvmToolchain(17)
    sourceSets.main { kotlin.srcDir("src/generated") }
    // Keys in software, with which the Android app is tested as well.
    sourceSets.test { kotlin.srcDir("src/keys/kotlin") }
}

tasks.test {
    useJUnitPlatform { excludeTags("bench") }
    val target = file("../../target/debug").path
    systemProperty("jna.library.path", "$target/deps")
    systemProperty("countersign.world", "$target/world")
    systemProperty("countersign.scenarios", file("../../tests/scenarios").path)
}
