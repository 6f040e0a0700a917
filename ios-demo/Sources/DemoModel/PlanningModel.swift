import Tandem

/// The network that the screen Plan is about: heavy enough that it matters where it runs, and worth cutting on some links.
public struct PlanningModel: Sendable {
    private static let shape = [1, 3, 224, 224]

    private let model: Model

    init(_ model: Model) {
        self.model = model
    }

    /// What the planner expects of every place, in circumstances that are made up.
    ///
    /// - Parameters:
    ///   - options: Mode, objective and the rest.
    ///   - device: The state of the device.
    ///   - serverLoad: How many times as long as was learned the server takes.
    /// - Returns: The plan.
    /// - Throws: `TandemError`, as `Model.plan` does.
    public func plan(_ options: RunOptions, on device: DeviceState, serverLoad: Double) async throws -> Plan {
        try model.plan(options, on: device, serverLoad: serverLoad)
    }

    /// Runs the network here and, where there is an endpoint, there, so that the planner knows both.
    ///
    /// - Parameter thereToo: Whether there is an endpoint.
    /// - Throws: `TandemError`, as `Model.predict` and `Model.offload` do.
    public func measure(thereToo: Bool) async throws {
        let pixels = (0..<Self.shape.reduce(1, *)).map { Float($0 % 7) / 7 }
        let inputs = ["picture": try Tensor(pixels, shape: Self.shape)]
        // The first run pays for what later ones have, and teaches nothing.
        for _ in 0..<2 { _ = try await model.predict(inputs) }
        guard thereToo else { return }
        for _ in 0..<2 { _ = try await model.offload(inputs) }
    }
}
