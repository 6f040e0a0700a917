package dev.tandem.demo.model

import dev.tandem.ErrorCode
import dev.tandem.TandemException
import kotlinx.coroutines.CancellationException

/** Why something did not work: a class that the app has words for, and Tandem's own sentence. */
data class Trouble(
    val code: ErrorCode,
    val detail: String,
)

/** What [work] gives, or what went wrong; a cancelled coroutine stays cancelled. */
internal inline fun <T : Any> attempt(
    fail: (Trouble) -> T,
    work: () -> T,
): T =
    try {
        work()
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (failure: TandemException) {
        fail(Trouble(failure.code, failure.message.orEmpty()))
    } catch (failure: UnsatisfiedLinkError) {
        // The package lacks the library for this processor.
        fail(Trouble(ErrorCode.INTERNAL, failure.message.orEmpty()))
    }
