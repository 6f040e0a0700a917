package dev.tandem

/** One dimension of a declared shape. */
public sealed class Dimension {
    /**
     * A fixed size.
     *
     * @property size the size.
     */
    public data class Fixed(
        val size: Long,
    ) : Dimension() {
        override fun toString(): String = size.toString()
    }

    /**
     * Any size; two dimensions of one model that share a name share their size.
     *
     * @property name the name.
     */
    public data class Symbol(
        val name: String,
    ) : Dimension() {
        override fun toString(): String = name
    }

    /** Any size. */
    public object Unknown : Dimension() {
        override fun toString(): String = "?"
    }
}

/**
 * Name, element type and shape of one input or output.
 *
 * @property name the name by which it is given or wanted.
 * @property dtype the element type.
 * @property shape the declared shape; `null` where the model does not state even the number of dimensions.
 */
public data class TensorInfo(
    val name: String,
    val dtype: DType,
    val shape: List<Dimension>?,
)

/**
 * What a loaded model is: identity, inputs and outputs.
 *
 * @property name the file's name without its ending, else the graph's name, else `model`.
 * @property digest SHA-256 of the ONNX file, as 64 lower-case hexadecimal digits. External data is not part of it.
 * @property opset version of the default operator set.
 * @property metadata the model's own key-value metadata, with `producer` and `description` where they are set.
 * @property inputs what must be given, in the graph's order.
 * @property outputs what can be asked for, in the graph's order.
 */
public data class ModelInfo(
    val name: String,
    val digest: String,
    val opset: Long,
    val metadata: Map<String, String>,
    val inputs: List<TensorInfo>,
    val outputs: List<TensorInfo>,
)
