package dev.tandem

import java.io.File

/**
 * A folder in which compiled models are kept, so that their next load takes a fraction of the time: at the next start of the
 * app, most of all. Answers are the same bit for bit.
 *
 * ```kotlin
 * Tandem.open(RuntimeConfig(cache = CacheOptions(File(context.cacheDir, "tandem"))))
 * ```
 *
 * Of each model and set of input shapes one file is kept, with the graph as it was compiled and the weights as the kernels
 * want them; no inputs and no outputs. A model with weights in files of its own, or with an operator that has no such form, is
 * compiled at each load as without a cache. Loading and first runs take longer, by the writing, where nothing is kept yet.
 *
 * Files may be removed at any time, as Android does where storage is short; they are mapped while a model is open, so nobody may
 * shorten them in place. What is damaged, or was written by another
 * version of Tandem, is compiled and written anew. A folder that cannot be made, read or written fails nothing: every load then
 * takes as long as without a cache.
 *
 * Whoever can write to the folder decides what models answer: it belongs in the app's own storage, never in shared one.
 *
 * @property folder the folder, made where it is missing; on Android one in `context.cacheDir`. A relative path
 *   starts from the folder that the process works in, which on Android no app can write to.
 * @property maxBytes how many bytes the files may take together; those that were used least recently go first. `null` is
 *   Tandem's default, 1 GiB. [Tandem.open] fails with [TandemException.InvalidArgument] where it is negative.
 */
public data class CacheOptions(
    val folder: File,
    val maxBytes: Long? = null,
)
