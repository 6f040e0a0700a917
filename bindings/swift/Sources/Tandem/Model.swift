internal import TandemGenerated

/// A loaded model. Any number of tasks may call it at once.
///
/// There are three ways to run it, which take the same inputs and give the same ``Prediction``:
///
/// - ``predict(_:options:)`` runs on this device and never touches the network;
/// - ``offload(_:options:)`` runs on an endpoint and never on this device;
/// - ``run(_:options:)`` decides by mode, sensitivity and what can be reached, and says where it ran and why.
///
/// A model keeps its ``Runtime`` alive. It is freed when nothing refers to it, or once ``close()`` was called and
/// nothing runs.
public final class Model: Sendable {
    /// What the model is. Stays readable after ``close()``.
    public let info: ModelInfo
    private let raw: TandemGenerated.Model
    private let runtime: Runtime

    init(_ raw: TandemGenerated.Model, _ info: ModelInfo, in runtime: Runtime) {
        self.raw = raw
        self.info = info
        self.runtime = runtime
    }

    /// Runs the model on this device. Never touches the network; mode and sensitivity do not matter.
    ///
    /// - Parameters:
    ///   - inputs: A tensor for every input of the model.
    ///   - options: Deadline and wanted outputs.
    /// - Returns: The outputs, and how long it took.
    /// - Throws: ``TandemError``: `invalidInput`, `unsupportedOperator`, `resourceLimit`, `cancelled`,
    ///   `deadlineExceeded`, `closed`.
    public func predict(
        _ inputs: [String: Tensor], options: RunOptions = RunOptions()
    ) async throws -> Prediction {
        try await call(runtime.computing, inputs, options) { model, inputs, options, cancel in
            try Prediction(try model.predict(inputs: inputs, options: options, cancel: cancel))
        }
    }

    /// Runs the model on an endpoint: the one that the options name, else the first. Never runs on this device and never
    /// queues.
    ///
    /// - Parameters:
    ///   - inputs: A tensor for every input of the model.
    ///   - options: Endpoint, sensitivity, deadline and wanted outputs.
    /// - Returns: The outputs, and how long each part of the exchange took.
    /// - Throws: ``TandemError``: `policyDenied` where the sensitivity does not let the data go there, `invalidInput`,
    ///   `invalidArgument`, `modelNotFound`, `offline`, `remoteFailed`, `resourceLimit`, `cancelled`,
    ///   `deadlineExceeded`, `closed`.
    public func offload(
        _ inputs: [String: Tensor], options: RunOptions = RunOptions()
    ) async throws -> Prediction {
        try await call(runtime.exchanging, inputs, options) { model, inputs, options, cancel in
            try Prediction(try model.offload(inputs: inputs, options: options, cancel: cancel))
        }
    }

    /// Runs the model where the planner decides, and elsewhere where that fails and mode, label and offline behaviour
    /// allow it.
    ///
    /// A cancelled task, a passed deadline, an input that does not fit and a policy denial never lead elsewhere.
    ///
    /// - Parameters:
    ///   - inputs: A tensor for every input of the model.
    ///   - options: Mode, sensitivity, deadline and the rest.
    /// - Returns: The outputs, where it ran and why, and how long it took.
    /// - Throws: ``TandemError``, as ``predict(_:options:)`` and ``offload(_:options:)`` do.
    public func run(
        _ inputs: [String: Tensor], options: RunOptions = RunOptions()
    ) async throws -> Prediction {
        try await call(runtime.exchanging, inputs, options) { model, inputs, options, cancel in
            try Prediction(try model.run(inputs: inputs, options: options, cancel: cancel))
        }
    }

    /// Decides as ``run(_:options:)`` would, without running or contacting anything. Returns at once.
    ///
    /// ```swift
    /// print(try model.plan(on: DeviceState(network: .cellular3G)).explain())
    /// ```
    ///
    /// - Parameters:
    ///   - options: Mode, sensitivity, objective and the rest.
    ///   - device: The state to decide for, to see what would be if; `nil` is the one that the runtime's provider tells.
    ///   - serverLoad: How many times as long as was learned servers take, to see what would be if; more than 0.
    /// - Returns: The placements in order, and everything that was considered.
    /// - Throws: ``TandemError``: `policyDenied`, `invalidInput`, `invalidArgument`, `offline`, `closed`.
    public func plan(
        _ options: RunOptions = RunOptions(), on device: DeviceState? = nil, serverLoad: Double? = nil
    ) throws -> Plan {
        let deadline = options.timeout.map { ContinuousClock.now + $0 }
        return try TandemError.translating {
            Plan(try raw.plan(options: options.raw(until: deadline), device: device?.raw, serverLoad: serverLoad))
        }
    }

    /// Runs the model once on this device and measures every node.
    ///
    /// - Parameters:
    ///   - inputs: A tensor for every input of the model.
    ///   - options: The deadline.
    /// - Returns: Time and bytes of every node.
    /// - Throws: ``TandemError``, as ``predict(_:options:)`` does.
    public func profile(
        _ inputs: [String: Tensor], options: RunOptions = RunOptions()
    ) async throws -> Profile {
        try await call(runtime.computing, inputs, options) { model, inputs, options, cancel in
            Profile(try model.profile(inputs: inputs, options: options, cancel: cancel))
        }
    }

    /// Prepares the model for inputs of these shapes, so that the first run does not pay for it.
    ///
    /// - Parameters:
    ///   - inputs: A tensor for every input of the model; their elements do not matter.
    ///   - options: The deadline.
    /// - Throws: ``TandemError``, as ``predict(_:options:)`` does.
    public func warmUp(_ inputs: [String: Tensor], options: RunOptions = RunOptions()) async throws {
        try await call(runtime.computing, inputs, options) { model, inputs, options, cancel in
            try model.warmUp(inputs: inputs, options: options, cancel: cancel)
        }
    }

    /// Closes the model and frees its memory once nothing runs. Safe while calls run: they end soon with
    /// ``TandemError/closed(_:)``, as further ones do. Closing again does nothing.
    public func close() {
        // Fails only for a defect, of which nobody who closes can make anything.
        try? raw.shutDown()
    }

    /// A blocking call of the facade, with the task's cancellation and the time that is left wired to it.
    private func call<Value: Sendable>(
        _ lane: CallLane, _ inputs: [String: Tensor], _ options: RunOptions,
        _ work: @escaping @Sendable (
            TandemGenerated.Model, [TandemGenerated.NamedTensor], TandemGenerated.RunOptions, CancelToken
        ) throws -> Value
    ) async throws -> Value {
        let cancel = CancelToken()
        let deadline = options.timeout.map { ContinuousClock.now + $0 }
        return try await lane.run(until: deadline, interrupt: cancel.interrupt) { [raw, runtime] in
            try TandemError.translating {
                // In one order always, so that the same mistake gives the same error.
                let named = try inputs.sorted { $0.key < $1.key }.map { try $1.named($0, in: runtime.raw) }
                return try work(raw, named, options.raw(until: deadline), cancel)
            }
        }
    }
}
