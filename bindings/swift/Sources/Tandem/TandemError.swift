import Foundation

internal import TandemGenerated

/// Any error of Tandem: one case for each ``ErrorCode``.
///
/// ```swift
/// do {
///     prediction = try await model.run(["image": image])
/// } catch TandemError.cancelled {
///     return
/// } catch let error as TandemError where error.isRetryable {
///     try await Task.sleep(for: error.retryAfter ?? .seconds(1))
/// }
/// ```
///
/// The text is a lower-case sentence with the values in it: what was expected, what came, and the name of the tensor or
/// operator. It is meant for logs and may change; branch on the case or on ``code``, which do not.
public enum TandemError: LocalizedError, Sendable, Equatable {
    /// There is no such model, here or on the endpoint.
    case modelNotFound(Details)
    /// The bytes are not a model that can be believed.
    case invalidModel(Details)
    /// The model is not the one that was expected.
    case integrityMismatch(Details)
    /// The model uses an operator, or a form of one, that is not supported.
    case unsupportedOperator(Details)
    /// An input does not fit the model.
    case invalidInput(Details)
    /// An option or a configuration makes no sense.
    case invalidArgument(Details)
    /// A limit on size, count or memory would be passed.
    case resourceLimit(Details)
    /// The task was cancelled.
    case cancelled(Details)
    /// The deadline has passed.
    case deadlineExceeded(Details)
    /// No endpoint can be reached.
    case offline(Details)
    /// The sensitivity label or the mode forbids what was asked.
    case policyDenied(Details)
    /// An endpoint refused or failed.
    case remoteFailed(Details)
    /// The queue of durable requests is full.
    case queueFull(Details)
    /// The model or runtime was closed.
    case closed(Details)
    /// A defect in Tandem or below it.
    case `internal`(Details)

    /// What an error says beside its code.
    public struct Details: Sendable, Equatable {
        /// A lower-case sentence with the values in it.
        public let message: String
        /// Whether the same call may succeed later, with nothing changed by the caller.
        public let isRetryable: Bool
        /// How long the endpoint asks to be left alone.
        public let retryAfter: Duration?

        /// Details of an error.
        public init(_ message: String, isRetryable: Bool = false, retryAfter: Duration? = nil) {
            self.message = message
            self.isRetryable = isRetryable
            self.retryAfter = retryAfter
        }
    }

    /// The error of that code.
    public init(_ code: ErrorCode, _ details: Details) {
        switch code {
        case .modelNotFound: self = .modelNotFound(details)
        case .invalidModel: self = .invalidModel(details)
        case .integrityMismatch: self = .integrityMismatch(details)
        case .unsupportedOperator: self = .unsupportedOperator(details)
        case .invalidInput: self = .invalidInput(details)
        case .invalidArgument: self = .invalidArgument(details)
        case .resourceLimit: self = .resourceLimit(details)
        case .cancelled: self = .cancelled(details)
        case .deadlineExceeded: self = .deadlineExceeded(details)
        case .offline: self = .offline(details)
        case .policyDenied: self = .policyDenied(details)
        case .remoteFailed: self = .remoteFailed(details)
        case .queueFull: self = .queueFull(details)
        case .closed: self = .closed(details)
        case .internal: self = .internal(details)
        }
    }

    /// The stable class of this error.
    public var code: ErrorCode {
        switch self {
        case .modelNotFound: .modelNotFound
        case .invalidModel: .invalidModel
        case .integrityMismatch: .integrityMismatch
        case .unsupportedOperator: .unsupportedOperator
        case .invalidInput: .invalidInput
        case .invalidArgument: .invalidArgument
        case .resourceLimit: .resourceLimit
        case .cancelled: .cancelled
        case .deadlineExceeded: .deadlineExceeded
        case .offline: .offline
        case .policyDenied: .policyDenied
        case .remoteFailed: .remoteFailed
        case .queueFull: .queueFull
        case .closed: .closed
        case .internal: .internal
        }
    }

    /// What the error says beside its code.
    public var details: Details {
        switch self {
        case .modelNotFound(let details), .invalidModel(let details), .integrityMismatch(let details),
            .unsupportedOperator(let details), .invalidInput(let details), .invalidArgument(let details),
            .resourceLimit(let details), .cancelled(let details), .deadlineExceeded(let details),
            .offline(let details), .policyDenied(let details), .remoteFailed(let details),
            .queueFull(let details), .closed(let details), .internal(let details):
            details
        }
    }

    /// Whether the same call may succeed later, with nothing changed by the caller.
    public var isRetryable: Bool { details.isRetryable }

    /// How long the endpoint asks to be left alone, where it said so.
    public var retryAfter: Duration? { details.retryAfter }

    /// The sentence, for `localizedDescription`. Not translated.
    public var errorDescription: String? { details.message }
}

extension TandemError: CustomStringConvertible {
    /// Code and sentence: `offline: endpoint "cloud" cannot be reached: connection refused`.
    public var description: String { "\(code.rawValue): \(details.message)" }
}

/// The stable name of a class of errors: the same in every language and over versions.
public enum ErrorCode: String, Sendable, Hashable, CaseIterable {
    /// There is no such model, here or on the endpoint.
    case modelNotFound = "model_not_found"
    /// The bytes are not a model that can be believed.
    case invalidModel = "invalid_model"
    /// The model is not the one that was expected.
    case integrityMismatch = "integrity_mismatch"
    /// The model uses an operator, or a form of one, that is not supported.
    case unsupportedOperator = "unsupported_operator"
    /// An input does not fit the model.
    case invalidInput = "invalid_input"
    /// An option or a configuration makes no sense.
    case invalidArgument = "invalid_argument"
    /// A limit on size, count or memory would be passed.
    case resourceLimit = "resource_limit"
    /// The task was cancelled.
    case cancelled
    /// The deadline has passed.
    case deadlineExceeded = "deadline_exceeded"
    /// No endpoint can be reached.
    case offline
    /// The sensitivity label or the mode forbids what was asked.
    case policyDenied = "policy_denied"
    /// An endpoint refused or failed.
    case remoteFailed = "remote_failed"
    /// The queue of durable requests is full.
    case queueFull = "queue_full"
    /// The model or runtime was closed.
    case closed
    /// A defect in Tandem or below it.
    case `internal`
}

extension TandemError {
    init(_ code: ErrorCode, _ message: String) {
        self.init(code, Details(message))
    }

    /// Runs a call of the generated layer and turns what it throws into an error of ours.
    ///
    /// What is not a failure of the facade is a defect: a panic that UniFFI caught, or an answer that it could not read.
    static func translating<Value>(_ call: () throws -> Value) throws(TandemError) -> Value {
        do {
            return try call()
        } catch let error as TandemError {
            throw error
        } catch TandemFailure.Failed(let code, let detail, let retryable, let retryAfterMs) {
            let retryAfter = retryAfterMs.map { Duration.milliseconds(Int64(clamping: $0)) }
            throw TandemError(
                ErrorCode(code), Details(detail, isRetryable: retryable, retryAfter: retryAfter))
        } catch {
            throw TandemError(.internal, "internal error: \(error.localizedDescription)")
        }
    }
}

extension ErrorCode {
    init(_ raw: FailureCode) {
        switch raw {
        case .modelNotFound: self = .modelNotFound
        case .invalidModel: self = .invalidModel
        case .integrityMismatch: self = .integrityMismatch
        case .unsupportedOperator: self = .unsupportedOperator
        case .invalidInput: self = .invalidInput
        case .invalidArgument: self = .invalidArgument
        case .resourceLimit: self = .resourceLimit
        case .cancelled: self = .cancelled
        case .deadlineExceeded: self = .deadlineExceeded
        case .offline: self = .offline
        case .policyDenied: self = .policyDenied
        case .remoteFailed: self = .remoteFailed
        case .queueFull: self = .queueFull
        case .closed: self = .closed
        case .internal: self = .internal
        }
    }
}
