import Foundation

@testable import Tandem

/// The conformance table as `bindings/conformance/cases.json` holds it; its README says how a case runs.
struct ConformanceTable: Decodable {
    let version: Int
    let cases: [ConformanceCase]

    static func read() throws -> ConformanceTable {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = try Data(contentsOf: Places.conformance.appending(path: "cases.json"))
        return try decoder.decode(ConformanceTable.self, from: data)
    }
}

struct ConformanceCase: Decodable {
    let name: String
    let model: String
    let load: Load?
    let device: Device?
    let before: Before?
    let call: Call
    let options: Options?
    let inputs: [NamedValues]?
    let expect: Expect

    struct Load: Decodable {
        let name: String?
        let sha256: String?
        let modelBytes: UInt64?
        let splits: Manifest?
    }

    struct Manifest: Decodable {
        let manifest: String
        let publicKey: String?
    }

    enum Before: String, Decodable {
        case cancel
        case closeModel = "close_model"
        case closeRuntime = "close_runtime"
    }

    enum Call: String, Decodable {
        case load, predict, offload, run, plan
    }

    struct Device: Decodable {
        let network: String
        let networkId: String?
        let metered: Bool?
        let uplinkBps: UInt64?
        let downlinkBps: UInt64?
        let batteryLevel: Float?
        let charging: Bool?
        let lowPowerMode: Bool?
        let thermal: String
        let memory: String
    }

    struct Options: Decodable {
        let mode: String?
        let sensitivity: String?
        let privateTensors: [String]?
        let offline: String?
        let timeoutMs: Int64?
        let outputs: [String]?
        let endpoint: String?
    }

    struct NamedValues: Decodable {
        let name: String
        let dtype: String
        let shape: [Int]
        let base64: String?
        let strings: [String]?
    }

    struct Expect: Decodable {
        let outputs: [NamedValues]?
        let tolerance: Double?
        let placement: Place?
        let reason: String?
        let candidates: [Considered]?
        let error: String?
        let says: [String]?
    }

    struct Considered: Decodable {
        let placement: Place
        let allowed: Bool
        let reason: String
    }

    struct Place: Decodable {
        let kind: String
        let endpoint: String?
        let cut: String?
    }

    /// Whether something has to answer at the endpoints `server` and `json`.
    var needsServer: Bool {
        switch call {
        case .load, .predict, .plan: false
        case .offload: expect.outputs != nil || ["model_not_found", "remote_failed"].contains(expect.error)
        case .run: ["in_cloud", "split"].contains(expect.placement?.kind)
        }
    }
}

/// What the table says and this package cannot read.
struct Unreadable: Error {
    let what: String
}

/// The case of that raw value.
func known<Value: RawRepresentable>(_ raw: Value.RawValue) throws -> Value {
    guard let value = Value(rawValue: raw) else { throw Unreadable(what: "\(raw) is no \(Value.self)") }
    return value
}

extension ConformanceCase.NamedValues {
    /// The tensor. The table's bytes are little-endian, as is every machine that runs Swift.
    func tensor() throws -> Tensor {
        let dtype: DType = try known(dtype)
        if let strings { return try Tensor(strings, shape: shape) }
        guard let base64, let data = Data(base64Encoded: base64) else { throw Unreadable(what: "\(name) in base64") }
        return try Tensor(data: data, dtype: dtype, shape: shape)
    }
}

extension ConformanceCase {
    var runOptions: RunOptions {
        get throws {
            var result = RunOptions()
            guard let options else { return result }
            if let mode = options.mode { result.mode = try known(mode) }
            if let sensitivity = options.sensitivity { result.sensitivity = try known(sensitivity) }
            result.privateTensors = Set(options.privateTensors ?? [])
            if let offline = options.offline { result.offline = try known(offline) }
            result.timeout = options.timeoutMs.map { .milliseconds($0) }
            result.outputs = options.outputs ?? []
            result.endpoint = options.endpoint
            return result
        }
    }

    var deviceState: DeviceState? {
        get throws {
            guard let device else { return nil }
            var state = DeviceState(network: try known(device.network))
            state.networkID = device.networkId
            state.isMetered = device.metered
            state.uplinkBitsPerSecond = device.uplinkBps
            state.downlinkBitsPerSecond = device.downlinkBps
            state.batteryLevel = device.batteryLevel
            state.isCharging = device.charging
            state.isLowPowerMode = device.lowPowerMode
            state.thermal = try known(device.thermal)
            state.memory = try known(device.memory)
            return state
        }
    }

    var loadOptions: LoadOptions {
        var options = LoadOptions(
            limits: Limits(modelBytes: load?.modelBytes), name: load?.name, sha256: load?.sha256)
        options.splits = load?.splits.map {
            SplitManifest(file: Places.conformance.appending(path: $0.manifest), publicKey: $0.publicKey)
        }
        return options
    }
}

extension ConformanceCase.Place {
    func placement() throws -> Placement {
        switch (kind, endpoint, cut) {
        case ("on_device", nil, nil): .onDevice
        case ("in_cloud", let endpoint?, nil): .inCloud(endpoint: endpoint)
        case ("split", let endpoint?, let cut?): .split(cut: cut, endpoint: endpoint)
        default: throw Unreadable(what: "placement \(kind)")
        }
    }
}
