import Foundation

internal import TandemGenerated

/// Options of loading a model.
public struct LoadOptions: Sendable, Hashable {
    /// How much the model and its runs may take.
    public var limits = Limits()
    /// The name under which endpoints serve the model; `nil` is the one in the manifest of its cuts, or the model's
    /// own where there is none.
    public var name: String?
    /// The SHA-256 that the file must have, in hexadecimal.
    public var sha256: String?
    /// How many plans, one for each set of input shapes, are kept; `nil` is eight.
    public var plans: Int?
    /// The cuts at which it may be split; `nil` runs it whole.
    public var splits: SplitManifest?
    /// How long loading may take in all, waiting for its turn included; `nil` is as long as it takes.
    public var timeout: Duration?

    /// The default limits, the model's own name, no expectation, eight plans, all the time there is.
    public init() {}

    /// The defaults but for what is given.
    ///
    /// - Parameters:
    ///   - limits: How much the model and its runs may take.
    ///   - name: The name under which endpoints serve the model.
    ///   - sha256: The SHA-256 that the file must have, in hexadecimal.
    public init(limits: Limits = Limits(), name: String? = nil, sha256: String? = nil) {
        self.limits = limits
        self.name = name
        self.sha256 = sha256
    }
}

/// The cuts at which a model may be split between this device and an endpoint: what `tandem split` wrote beside the tails.
public struct SplitManifest: Sendable, Hashable {
    /// The Ed25519 key whose signature the manifest must carry, as 64 hexadecimal digits; `nil` takes it unsigned.
    public var publicKey: String?
    /// How far the outputs of a split run may lie from the whole model's: the root of the mean squared difference over
    /// that of the outputs, as the manifest states it for each form in which tensors travel. 0 leaves the forms that do not
    /// round; `nil` is a thousandth, which half precision keeps and bytes do not.
    public var maxRelativeError: Double?
    private let source: Source

    private enum Source: Hashable {
        case file(URL)
        case text(String)
    }

    /// The manifest in a file, `NAME.tandem.json`.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - publicKey: The key whose signature it must carry, as 64 hexadecimal digits.
    public init(file: URL, publicKey: String? = nil) {
        self.source = .file(file)
        self.publicKey = publicKey
    }

    /// The manifest as text.
    ///
    /// - Parameters:
    ///   - json: The text.
    ///   - publicKey: The key whose signature it must carry, as 64 hexadecimal digits.
    public init(json: String, publicKey: String? = nil) {
        self.source = .text(json)
        self.publicKey = publicKey
    }

    fileprivate var raw: TandemGenerated.ManifestOptions {
        let source: TandemGenerated.ManifestSource =
            switch source {
            case .file(let url): .file(path: url.path(percentEncoded: false))
            case .text(let json): .text(json: json)
            }
        return TandemGenerated.ManifestOptions(
            source: source, publicKey: publicKey, maxRelativeError: maxRelativeError)
    }
}

/// How much a model and its runs may take: what stops a bomb.
public struct Limits: Sendable, Hashable {
    /// Bytes of the model file and of its external data together; `nil` is 2 GiB.
    public var modelBytes: UInt64?
    /// Nodes of the graph, sub-graphs and functions included; `nil` is 100,000.
    public var nodes: UInt64?
    /// Bytes of any one tensor, inside the model or during a run; `nil` is 1 GiB.
    public var tensorBytes: UInt64?
    /// Inputs of the graph; `nil` is 1,024.
    public var inputs: UInt64?

    /// The default limits but for what is given.
    ///
    /// - Parameters:
    ///   - modelBytes: Bytes of the model file and of its external data together.
    ///   - nodes: Nodes of the graph, sub-graphs and functions included.
    ///   - tensorBytes: Bytes of any one tensor, inside the model or during a run.
    ///   - inputs: Inputs of the graph.
    public init(
        modelBytes: UInt64? = nil, nodes: UInt64? = nil, tensorBytes: UInt64? = nil, inputs: UInt64? = nil
    ) {
        self.modelBytes = modelBytes
        self.nodes = nodes
        self.tensorBytes = tensorBytes
        self.inputs = inputs
    }
}

extension LoadOptions {
    /// The options with what is left of the timeout, in nanoseconds.
    func raw(timeout: UInt64?) throws -> TandemGenerated.LoadOptions {
        let plans = try self.plans.map { plans in
            guard let plans = UInt32(exactly: plans) else {
                throw TandemError(.invalidArgument, "\(plans) plans cannot be kept")
            }
            return plans
        }
        return TandemGenerated.LoadOptions(
            limits: limits.raw, name: name, sha256: sha256, plans: plans, manifest: splits?.raw,
            timeoutNs: timeout)
    }
}

extension Limits {
    fileprivate var raw: TandemGenerated.Limits {
        TandemGenerated.Limits(modelBytes: modelBytes, nodes: nodes, tensorBytes: tensorBytes, inputs: inputs)
    }
}
