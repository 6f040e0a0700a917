// Not run in this repository's tests, which build with Maven: see ../README.md.
plugins {
    id("com.android.application") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.2.20"
}

android {
    namespace = "dev.tandem.demo"
    compileSdk = 35

    defaultConfig {
        applicationId = "dev.tandem.demo"
        minSdk = 26
        targetSdk = 35
        versionCode = 1
        versionName = "0.1.0"
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
    }

    sourceSets {
        // The digits and their pictures, which the command line has too.
        getByName("main").assets.srcDir("../../rust/cli/assets")
        getByName("androidTest").assets.srcDir("../../bindings/conformance")
    }

    androidResources {
        ignoreAssetsPatterns += listOf("!README.md", "!labels.csv")
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "proguard-rules.pro")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    kotlinOptions {
        jvmTarget = "1.8"
    }
}

dependencies {
    implementation("dev.tandem:tandem-android:${providers.gradleProperty("tandem.version").get()}")
    androidTestImplementation("androidx.test:runner:1.7.0")
    androidTestImplementation("androidx.test.ext:junit:1.3.0")
    androidTestImplementation("com.google.code.gson:gson:2.13.2")
}
