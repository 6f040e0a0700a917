package dev.tandem

/**
 * How much a model and its runs may take: what stops a bomb. What is `null` is Tandem's default.
 *
 * @property modelBytes bytes of the model file and of its external data together; 2 GiB by default.
 * @property nodes nodes of the graph, sub-graphs and functions included; 100,000 by default.
 * @property tensorBytes bytes of any one tensor, inside the model or during a run; 1 GiB by default.
 * @property inputs inputs of the graph; 1,024 by default.
 */
public data class Limits(
    val modelBytes: Long? = null,
    val nodes: Long? = null,
    val tensorBytes: Long? = null,
    val inputs: Long? = null,
)

/**
 * Options of loading a model.
 *
 * @property name the name under which endpoints serve the model; `null` is the model's own.
 * @property sha256 the SHA-256 that the file must have, in hexadecimal; another fails with
 *   [TandemException.IntegrityMismatch].
 * @property limits how much the model may take; more fails with [TandemException.ResourceLimit].
 * @property plans how many plans, one for each set of input shapes, are kept; `null` is Tandem's default, eight.
 */
public data class LoadOptions(
    val name: String? = null,
    val sha256: String? = null,
    val limits: Limits = Limits(),
    val plans: Int? = null,
)
