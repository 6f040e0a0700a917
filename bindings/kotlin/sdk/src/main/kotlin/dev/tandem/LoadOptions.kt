package dev.tandem

import java.io.File
import kotlin.time.Duration

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
 * The cuts at which a model may be split between this device and an endpoint: what `tandem split` wrote beside the tails.
 *
 * @property maxRelativeError how far the outputs of a split run may lie from the whole model's: the root of the mean squared
 *   difference over that of the outputs, as the manifest states it for each form in which tensors travel. 0 leaves the
 *   forms that do not round; `null` is Tandem's default, a thousandth, which half precision keeps and bytes do not.
 */
public class SplitManifest private constructor(
    internal val source: Source,
    internal val publicKey: String?,
    public val maxRelativeError: Double?,
) {
    /**
     * The manifest in a file, `NAME.tandem.json`.
     *
     * @param publicKey the Ed25519 key whose signature it must carry, as 64 hexadecimal digits; `null` takes it unsigned.
     */
    public constructor(file: File, publicKey: String? = null, maxRelativeError: Double? = null) :
        this(Source.Path(file), publicKey, maxRelativeError)

    /**
     * The manifest as text.
     *
     * @param publicKey the Ed25519 key whose signature it must carry, as 64 hexadecimal digits; `null` takes it unsigned.
     */
    public constructor(json: String, publicKey: String? = null, maxRelativeError: Double? = null) :
        this(Source.Text(json), publicKey, maxRelativeError)

    internal sealed class Source {
        class Path(
            val file: File,
        ) : Source()

        class Text(
            val json: String,
        ) : Source()
    }
}

/**
 * Options of loading a model.
 *
 * @property name the name under which endpoints serve the model; `null` is the one in the manifest of its cuts, or
 *   the model's own where there is none.
 * @property sha256 the SHA-256 that the file must have, in hexadecimal; another fails with
 *   [TandemException.IntegrityMismatch].
 * @property limits how much the model may take; more fails with [TandemException.ResourceLimit].
 * @property plans how many plans, one for each set of input shapes, are kept; `null` is Tandem's default, eight.
 * @property splits the cuts at which it may be split; `null` runs it whole.
 * @property timeout how long loading may take in all, waiting for its turn included; `null` is as long as it takes.
 */
public data class LoadOptions(
    val name: String? = null,
    val sha256: String? = null,
    val limits: Limits = Limits(),
    val plans: Int? = null,
    val splits: SplitManifest? = null,
    val timeout: Duration? = null,
)
