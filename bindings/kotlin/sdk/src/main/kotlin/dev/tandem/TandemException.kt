package dev.tandem

import kotlin.time.Duration

/**
 * What any call of Tandem fails with. Its message is a lower-case sentence with the values in it.
 *
 * There is one subclass for each [ErrorCode]:
 *
 * ```kotlin
 * try {
 *     model.run(inputs)
 * } catch (failure: TandemException.Offline) {
 *     showOfflineHint()
 * } catch (failure: TandemException) {
 *     if (failure.isRetryable) retryAfter(failure.retryAfter) else report(failure)
 * }
 * ```
 *
 * A cancelled coroutine sees [kotlin.coroutines.cancellation.CancellationException] as everywhere else, not
 * [Cancelled].
 *
 * @property code the stable class of this error.
 * @property isRetryable whether the same call may succeed later, with nothing changed by the caller.
 * @property retryAfter how long the endpoint asks to be left alone, where it does.
 */
public sealed class TandemException private constructor(
    public val code: ErrorCode,
    failure: Failure,
) : Exception(failure.detail, failure.cause) {
    public val isRetryable: Boolean = failure.isRetryable
    public val retryAfter: Duration? = failure.retryAfter

    /** There is no such model, here or on the endpoint. */
    public class ModelNotFound internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.MODEL_NOT_FOUND, failure)

    /** The bytes are not a model that can be believed. */
    public class InvalidModel internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.INVALID_MODEL, failure)

    /** The model is not the one that was expected. */
    public class IntegrityMismatch internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.INTEGRITY_MISMATCH, failure)

    /** The model uses an operator, or a form of one, that is not supported. */
    public class UnsupportedOperator internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.UNSUPPORTED_OPERATOR, failure)

    /** An input does not fit the model, or a tensor is read as a type that it is not. */
    public class InvalidInput internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.INVALID_INPUT, failure)

    /** An option or a configuration makes no sense. */
    public class InvalidArgument internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.INVALID_ARGUMENT, failure)

    /** A limit on size, count or memory would be passed. */
    public class ResourceLimit internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.RESOURCE_LIMIT, failure)

    /** The call was cancelled by something else than its coroutine. */
    public class Cancelled internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.CANCELLED, failure)

    /** The time of the call was over. */
    public class DeadlineExceeded internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.DEADLINE_EXCEEDED, failure)

    /** No endpoint can be reached. */
    public class Offline internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.OFFLINE, failure)

    /** The sensitivity label or the mode forbids what was asked. */
    public class PolicyDenied internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.POLICY_DENIED, failure)

    /** An endpoint refused or failed. */
    public class RemoteFailed internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.REMOTE_FAILED, failure)

    /** The queue of durable requests is full. */
    public class QueueFull internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.QUEUE_FULL, failure)

    /** The runtime, model or prediction was closed. */
    public class Closed internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.CLOSED, failure)

    /** A defect in Tandem or below it. */
    public class Internal internal constructor(
        failure: Failure,
    ) : TandemException(ErrorCode.INTERNAL, failure)
}

/** What is known of an error, apart from its class. */
internal class Failure(
    val detail: String,
    val isRetryable: Boolean = false,
    val retryAfter: Duration? = null,
    val cause: Throwable? = null,
)
