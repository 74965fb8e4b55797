// For Android Studio. `app/pom.xml` is what the tests of this repository run; nobody has run this build yet.
pluginManagement {
    repositories {
        google()
        mavenCentral()
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "countersign"
include(":app")
