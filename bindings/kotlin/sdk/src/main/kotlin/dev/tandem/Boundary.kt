package dev.tandem

import dev.tandem.ffi.FailureCode
import dev.tandem.ffi.InternalException
import dev.tandem.ffi.TandemFailure
import kotlin.time.Duration.Companion.milliseconds

/**
 * Calls into the native library and turns what it fails with into a [TandemException].
 *
 * A panic arrives as [InternalException], and a call of a handle that was let go as [IllegalStateException].
 */
internal inline fun <T> native(block: () -> T): T =
    try {
        block()
    } catch (failure: TandemFailure.Failed) {
        throw failure.toException()
    } catch (panic: InternalException) {
        throw TandemException.Internal(Failure("internal error: ${panic.message}", cause = panic))
    } catch (gone: IllegalStateException) {
        throw TandemException.Closed(Failure("the object is closed", cause = gone))
    }

internal fun closed(what: String) = TandemException.Closed(Failure("the $what is closed"))

internal fun invalidInput(detail: String) = TandemException.InvalidInput(Failure(detail))

internal fun invalidArgument(detail: String) = TandemException.InvalidArgument(Failure(detail))

internal fun resourceLimit(detail: String) = TandemException.ResourceLimit(Failure(detail))

internal fun TandemFailure.Failed.toException(): TandemException {
    val failure = Failure(detail, retryable, retryAfterMs?.toLong()?.milliseconds, cause = this)
    return when (code) {
        FailureCode.MODEL_NOT_FOUND -> TandemException.ModelNotFound(failure)
        FailureCode.INVALID_MODEL -> TandemException.InvalidModel(failure)
        FailureCode.INTEGRITY_MISMATCH -> TandemException.IntegrityMismatch(failure)
        FailureCode.UNSUPPORTED_OPERATOR -> TandemException.UnsupportedOperator(failure)
        FailureCode.INVALID_INPUT -> TandemException.InvalidInput(failure)
        FailureCode.INVALID_ARGUMENT -> TandemException.InvalidArgument(failure)
        FailureCode.RESOURCE_LIMIT -> TandemException.ResourceLimit(failure)
        FailureCode.CANCELLED -> TandemException.Cancelled(failure)
        FailureCode.DEADLINE_EXCEEDED -> TandemException.DeadlineExceeded(failure)
        FailureCode.OFFLINE -> TandemException.Offline(failure)
        FailureCode.POLICY_DENIED -> TandemException.PolicyDenied(failure)
        FailureCode.REMOTE_FAILED -> TandemException.RemoteFailed(failure)
        FailureCode.QUEUE_FULL -> TandemException.QueueFull(failure)
        FailureCode.CLOSED -> TandemException.Closed(failure)
        FailureCode.INTERNAL -> TandemException.Internal(failure)
    }
}
