package dev.tandem.bionic

/**
 * An ONNX model that picks from `x`, f32 `[2]`, the element whose index is `at`, i64 `[1]`: `y`, f32 `[1]`. The engine's operator
 * panics where there is no such element.
 */
internal fun gatherModel(): ByteArray {
    val node = text(1, "x") + text(1, "at") + text(2, "y") + text(3, "look-up") + text(4, "Gather")
    val inputs = field(11, value("x", FLOAT, 2)) + field(11, value("at", INT64, 1))
    val graph = field(1, node) + text(2, "gather") + inputs + field(12, value("y", FLOAT, 1))
    return number(1, 8) + field(7, graph) + field(8, number(2, 17))
}

private const val FLOAT = 1
private const val INT64 = 7

/** A `ValueInfoProto` of one dimension. */
private fun value(
    name: String,
    type: Int,
    size: Int,
): ByteArray = text(1, name) + field(2, field(1, number(1, type) + field(2, field(1, number(1, size)))))

// Fields of protocol buffers, of which every number and length here takes one byte.

private fun number(
    field: Int,
    value: Int,
): ByteArray = byteArrayOf((field shl 3).toByte(), value.toByte())

private fun text(
    field: Int,
    value: String,
): ByteArray = field(field, value.encodeToByteArray())

private fun field(
    field: Int,
    content: ByteArray,
): ByteArray {
    check(content.size < 128) { "${content.size} bytes" }
    return byteArrayOf((field shl 3 or 2).toByte(), content.size.toByte()) + content
}
