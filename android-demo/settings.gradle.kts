// Not run in this repository's tests, which build with Maven: see README.md.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositories {
        // What scripts/build-android wrote; elsewhere with -Ptandem.maven=FOLDER.
        val cache = "${System.getProperty("user.home")}/.cache/tandem"
        val built = providers.gradleProperty("tandem.maven").orElse("$cache/dist/android/maven")
        maven(uri(built.get()))
        google()
        mavenCentral()
    }
}

rootProject.name = "android-demo"
include(":app")
