package dev.tandem.demo.model

import dev.tandem.ModelSource
import java.io.InputStream
import java.nio.ByteBuffer

/** The files that come with the app. May block. */
fun interface Assets {
    /** @throws java.io.IOException where there is no such file. */
    fun open(path: String): InputStream

    fun bytes(path: String): ByteArray = open(path).use { it.readBytes() }

    fun text(path: String): String = bytes(path).decodeToString()
}

/** A model among the app's files. */
class AssetModel(
    private val assets: Assets,
    private val path: String,
) : ModelSource.Asset {
    override fun read(): ByteBuffer = ByteBuffer.wrap(assets.bytes(path))

    override fun toString(): String = path
}
