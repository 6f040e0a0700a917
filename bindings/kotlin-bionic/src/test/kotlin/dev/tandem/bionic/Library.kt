package dev.tandem.bionic

import java.io.File
import java.nio.file.Files

/** The library under test in an Android of its own, which is gone afterwards. */
internal class Library : AutoCloseable {
    /** The folder that is `/` there. */
    val root: File = Files.createTempDirectory("bionic").toFile()

    val bionic = Bionic(root, File(property("tandem.android.library")))
    val facade = Facade(bionic)
    val host = Host(bionic, facade)
    val models = Models(bionic, facade)

    /** Copies a file of the conformance table to the same path under `/data`, which is returned. */
    fun install(path: String): String {
        val place = root.resolve("data/$path")
        if (!place.exists()) conformance.resolve(path).copyTo(place)
        return "/data/$path"
    }

    override fun close() {
        bionic.close()
        root.deleteRecursively()
    }

    companion object {
        val conformance = File(property("tandem.conformance.dir"))

        fun property(name: String): String =
            System.getProperty(name).orEmpty().ifEmpty { error("the property $name is not set") }

        /** The model of the table of that name. */
        fun model(name: String) = "repository/$name/1/model.onnx"
    }
}
