package dev.tandem

import java.io.ByteArrayOutputStream

/**
 * A model that takes far longer than any test: a chain of [length] products of `x`, f32 `[width, width]`, with itself.
 * Given the identity matrix it stays that.
 */
internal fun slowModel(
    length: Int = 1_000,
    width: Int = 1_024,
): ModelSource.Bytes {
    val graph =
        message {
            for (step in 1..length) {
                message(1) {
                    text(1, if (step == 1) "x" else "step${step - 1}")
                    text(1, "x")
                    text(2, if (step == length) "y" else "step$step")
                    text(4, "MatMul")
                }
            }
            text(2, "slow")
            message(11) { value("x", width) }
            message(12) { value("y", width) }
        }
    val model =
        message {
            number(1, 8)
            bytes(7, graph)
            message(8) { number(2, 17) }
        }
    return ModelSource.Bytes(model)
}

internal fun slowInput(width: Int = 1_024): Map<String, Tensor> {
    val identity = FloatArray(width * width) { if (it / width == it % width) 1f else 0f }
    return mapOf("x" to Tensor.of(identity, width.toLong(), width.toLong()))
}

/** A `ValueInfoProto`. */
private fun Protobuf.value(
    name: String,
    width: Int,
) {
    text(1, name)
    message(2) {
        message(1) {
            number(1, 1)
            message(2) { repeat(2) { message(1) { number(1, width) } } }
        }
    }
}

private fun message(fields: Protobuf.() -> Unit): ByteArray = Protobuf().apply(fields).bytes()

/** As much of protocol buffers as an ONNX file takes. */
private class Protobuf {
    private val out = ByteArrayOutputStream()

    fun number(
        field: Int,
        value: Int,
    ) {
        varint(field shl 3)
        varint(value)
    }

    fun bytes(
        field: Int,
        value: ByteArray,
    ) {
        varint(field shl 3 or 2)
        varint(value.size)
        out.write(value)
    }

    fun text(
        field: Int,
        value: String,
    ) = bytes(field, value.toByteArray())

    fun message(
        field: Int,
        fields: Protobuf.() -> Unit,
    ) = bytes(field, dev.tandem.message(fields))

    fun bytes(): ByteArray = out.toByteArray()

    private fun varint(value: Int) {
        var rest = value
        while (rest ushr 7 != 0) {
            out.write(rest and 0x7f or 0x80)
            rest = rest ushr 7
        }
        out.write(rest)
    }
}
