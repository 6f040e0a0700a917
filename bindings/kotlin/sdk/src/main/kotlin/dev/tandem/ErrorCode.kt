package dev.tandem

/**
 * The stable name of a class of errors: the same in every language and over versions.
 *
 * @property id the code as text: `model_not_found`.
 */
public enum class ErrorCode(
    public val id: String,
) {
    /** There is no such model, here or on the endpoint. */
    MODEL_NOT_FOUND("model_not_found"),

    /** The bytes are not a model that can be believed. */
    INVALID_MODEL("invalid_model"),

    /** The model is not the one that was expected. */
    INTEGRITY_MISMATCH("integrity_mismatch"),

    /** The model uses an operator, or a form of one, that is not supported. */
    UNSUPPORTED_OPERATOR("unsupported_operator"),

    /** An input does not fit the model, or an element type is not what was asked for. */
    INVALID_INPUT("invalid_input"),

    /** An option or a configuration makes no sense. */
    INVALID_ARGUMENT("invalid_argument"),

    /** A limit on size, count or memory would be passed. */
    RESOURCE_LIMIT("resource_limit"),

    /** The call was cancelled. */
    CANCELLED("cancelled"),

    /** The time of the call was over. */
    DEADLINE_EXCEEDED("deadline_exceeded"),

    /** No endpoint can be reached. */
    OFFLINE("offline"),

    /** The sensitivity label or the mode forbids what was asked. */
    POLICY_DENIED("policy_denied"),

    /** An endpoint refused or failed. */
    REMOTE_FAILED("remote_failed"),

    /** The queue of durable requests is full. */
    QUEUE_FULL("queue_full"),

    /** The runtime, model or prediction was closed. */
    CLOSED("closed"),

    /** A defect in Tandem or below it. */
    INTERNAL("internal"),
    ;

    override fun toString(): String = id
}
