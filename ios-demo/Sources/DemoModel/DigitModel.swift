import Tandem

/// The network that reads a digit.
public struct DigitModel: Sendable {
    private static let input = "image"
    private static let output = "probabilities"

    private let model: Model

    init(_ model: Model) {
        self.model = model
    }

    /// Reads one picture, wherever the planner decides.
    ///
    /// - Throws: `TandemError`, as `Model.run` does, and ``DemoError/badAnswer(_:)``.
    public func read(_ picture: Picture, options: RunOptions = RunOptions()) async throws -> Reading {
        var options = options
        options.outputs = [Self.output]
        return try Reading(try await model.run([Self.input: try picture.tensor], options: options))
    }
}

/// What the network says of a picture.
public struct Reading: Sendable, Hashable {
    /// The probability of each digit.
    public let probabilities: [Float]
    /// Where it was computed, why, and what else was considered.
    public let decision: Decision
    /// From the call to the answer.
    public let total: Duration
    /// What the time was spent on, in order.
    public let phases: [Phase]

    /// The most probable digit.
    public var digit: Int {
        probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
    }

    init(_ prediction: Prediction) throws {
        let tensor = try prediction.output("probabilities")
        guard tensor.dtype == .f32, tensor.count == 10 else { throw DemoError.badAnswer("\(tensor)") }
        probabilities = try tensor.floats()
        decision = prediction.decision
        total = prediction.timing.total
        phases = Phase.of(prediction.timing)
    }
}

/// A part of a run and how long it took.
public struct Phase: Sendable, Hashable, Identifiable {
    /// What was done.
    public let name: String
    /// How long.
    public let duration: Duration

    /// The name.
    public var id: String { name }

    static func of(_ timing: Timing) -> [Phase] {
        var phases: [Phase] = []
        if let device = timing.device { phases.append(Phase(name: "This device", duration: device)) }
        guard let remote = timing.remote else { return phases }
        phases += [
            Phase(name: "Encode", duration: remote.encode), Phase(name: "Connect", duration: remote.connect),
            Phase(name: "Upload", duration: remote.upload), Phase(name: "Wait", duration: remote.wait),
        ]
        if let server = remote.server { phases.append(Phase(name: "of it on the server", duration: server)) }
        return phases + [
            Phase(name: "Download", duration: remote.download), Phase(name: "Decode", duration: remote.decode),
        ]
    }
}
