internal import TandemGenerated

/// What a placement is expected to cost.
public struct Predicted: Sendable, Hashable {
    /// From the call to the result.
    public let latency: LatencyBand
    /// The middles of what the time is made of.
    public let parts: PredictedParts
    /// Energy taken from this device's battery, in joules, above what it takes when idle.
    public let energyJoules: Double
    /// Bytes of the request's body.
    public let bytesUp: UInt64
    /// Bytes of the answer's body.
    public let bytesDown: UInt64
}

/// The range in which the whole time of a run is expected. From ``p05`` to ``p95`` is the 90 % band: nine real times of
/// ten should fall into it, and ``Statistics`` counts how many do.
public struct LatencyBand: Sendable, Hashable {
    /// The average.
    public let mean: Duration
    /// One time of twenty is shorter.
    public let p05: Duration
    /// Half of the times are shorter.
    public let p50: Duration
    /// Nine times of ten are shorter.
    public let p90: Duration
    /// Nineteen times of twenty are shorter.
    public let p95: Duration
}

/// The middles of the parts that a predicted time is made of. Parts that a placement does not have are zero.
public struct PredictedParts: Sendable, Hashable {
    /// The whole model on this device.
    public let onDevice: Duration
    /// The head on this device.
    public let head: Duration
    /// Making the request's bytes.
    public let encode: Duration
    /// Making the connection and waking the radio.
    public let setup: Duration
    /// Sending the request.
    public let upload: Duration
    /// The round trip and the queue before the server computes.
    public let wait: Duration
    /// The whole model or its tail on the server.
    public let server: Duration
    /// Receiving the answer.
    public let download: Duration
}

/// How planned runs were placed since the runtime was made, and how good the predictions were.
public struct Statistics: Sendable, Hashable {
    /// Runs that ended on this device as planned.
    public let onDevice: UInt64
    /// Runs that ended on an endpoint as planned.
    public let inCloud: UInt64
    /// Runs that ended split as planned.
    public let split: UInt64
    /// Runs that ended elsewhere than was planned.
    public let fallbacks: UInt64
    /// Exchanges that failed.
    public let failures: UInt64
    /// Probes that were sent.
    public let probes: UInt64
    /// Runs whose time had been predicted.
    public let predicted: UInt64
    /// Those of them whose time fell into the 90 % band.
    public let withinBand: UInt64
    /// Those of them that were faster than the band.
    public let belowBand: UInt64
    /// Those of them that were slower than the band.
    public let aboveBand: UInt64

    /// The share of predicted runs whose time fell into the 90 % band; `nil` where none was predicted.
    public var coverage: Double? {
        predicted > 0 ? Double(withinBand) / Double(predicted) : nil
    }
}

extension Predicted {
    init(_ raw: TandemGenerated.Predicted) {
        self.init(
            latency: LatencyBand(raw.latency), parts: PredictedParts(raw.parts), energyJoules: raw.energyJoules,
            bytesUp: raw.bytesUp, bytesDown: raw.bytesDown)
    }
}

extension LatencyBand {
    fileprivate init(_ raw: TandemGenerated.LatencyBand) {
        self.init(
            mean: Duration(nanoseconds: raw.meanNs), p05: Duration(nanoseconds: raw.p05Ns),
            p50: Duration(nanoseconds: raw.p50Ns), p90: Duration(nanoseconds: raw.p90Ns),
            p95: Duration(nanoseconds: raw.p95Ns))
    }
}

extension PredictedParts {
    fileprivate init(_ raw: TandemGenerated.PredictedParts) {
        self.init(
            onDevice: Duration(nanoseconds: raw.onDeviceNs), head: Duration(nanoseconds: raw.headNs),
            encode: Duration(nanoseconds: raw.encodeNs), setup: Duration(nanoseconds: raw.setupNs),
            upload: Duration(nanoseconds: raw.uploadNs), wait: Duration(nanoseconds: raw.waitNs),
            server: Duration(nanoseconds: raw.serverNs), download: Duration(nanoseconds: raw.downloadNs))
    }
}

extension Statistics {
    init(_ raw: TandemGenerated.Statistics) {
        self.init(
            onDevice: raw.onDevice, inCloud: raw.inCloud, split: raw.split, fallbacks: raw.fallbacks,
            failures: raw.failures, probes: raw.probes, predicted: raw.predicted, withinBand: raw.withinBand,
            belowBand: raw.belowBand, aboveBand: raw.aboveBand)
    }
}
