// The app from the same sources. The library comes from `build`, which puts it into src/main/jniLibs.
plugins {
    id("com.android.application") version "8.13.0"
    kotlin("android") version "2.4.21"
}

android {
    namespace = "countersign.app"
    compileSdk = 36
    defaultConfig {
        applicationId = "countersign.app"
        minSdk = 31
        targetSdk = 36
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
    }
    sourceSets["main"].apply {
        manifest.srcFile("src/main/AndroidManifest.xml")
        kotlin.srcDirs("src/main/kotlin", "src/generated", "../keys/src/main/kotlin", "../../bindings/kotlin/src/generated")
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "keep.pro")
        }
    }
}

kotlin { jvmToolchain(17) }

// `build` is a command here.
layout.buildDirectory = file("target/gradle")

dependencies {
    implementation("net.java.dev.jna:jna:5.19.1@aar")
}
