package dev.tandem

/**
 * What a run gives back: the outputs, where it ran and why, and how long it took.
 *
 * The outputs lie in native memory, which the garbage collector does not see: close the prediction as soon as they are
 * read, best with `use`. [decision], [timing], and names, types and shapes stay readable.
 *
 * ```kotlin
 * model.run(inputs).use { prediction ->
 *     prediction["scores"].copyInto(scores)
 *     log("${prediction.decision.placement} in ${prediction.timing.total}")
 * }
 * ```
 *
 * @property outputs the outputs by name, in the order of [RunOptions.outputs] or else of the model.
 * @property decision where it ran and why.
 * @property timing how long it took.
 */
public class Prediction internal constructor(
    private val memory: OutputMemory,
    public val outputs: Map<String, Tensor>,
    public val decision: Decision,
    public val timing: Timing,
) : AutoCloseable {
    /**
     * The output of that name.
     *
     * @throws TandemException.InvalidArgument where there is none.
     */
    public operator fun get(name: String): Tensor =
        outputs[name] ?: throw invalidArgument("there is no output \"$name\", the prediction has ${outputs.keys}")

    /** Frees the outputs. Waits for a copy that is under way; doing it again does nothing. */
    override fun close() {
        memory.close()
    }

    override fun toString(): String = "Prediction(${outputs.keys}, ${decision.placement})"
}
