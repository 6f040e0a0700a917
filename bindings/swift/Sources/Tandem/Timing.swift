internal import TandemGenerated

/// How long a run took.
public struct Timing: Sendable, Hashable {
    /// From the call to the result, as the core measured it: waiting for a thread of this API is not in it.
    public let total: Duration
    /// Computing on this device.
    public let device: Duration?
    /// The exchange with the endpoint.
    public let remote: RemoteTiming?
}

/// How long the parts of an exchange with an endpoint took, and how many bytes travelled.
public struct RemoteTiming: Sendable, Hashable {
    /// Making the request's bytes from the tensors.
    public let encode: Duration
    /// Making the connection, TLS included; zero where one was open.
    public let connect: Duration
    /// From the first byte of the request to the last.
    public let upload: Duration
    /// From the last byte of the request to the answer's head.
    public let wait: Duration
    /// From the answer's head to its last byte.
    public let download: Duration
    /// Checking the answer and making tensors from it.
    public let decode: Duration
    /// What the server says it computed.
    public let server: Duration?
    /// How long the server says that the request waited there for its turn.
    public let queue: Duration?
    /// Bytes of the request's body.
    public let requestBytes: UInt64
    /// Bytes of the answer's body.
    public let answerBytes: UInt64
}

extension Timing {
    init(_ raw: TandemGenerated.Timing) {
        self.init(
            total: Duration(nanoseconds: raw.totalNs), device: raw.deviceNs.map(Duration.init(nanoseconds:)),
            remote: raw.remote.map(RemoteTiming.init))
    }
}

extension RemoteTiming {
    init(_ raw: TandemGenerated.RemoteTiming) {
        self.init(
            encode: Duration(nanoseconds: raw.encodeNs), connect: Duration(nanoseconds: raw.connectNs),
            upload: Duration(nanoseconds: raw.uploadNs), wait: Duration(nanoseconds: raw.waitNs),
            download: Duration(nanoseconds: raw.downloadNs), decode: Duration(nanoseconds: raw.decodeNs),
            server: raw.serverNs.map(Duration.init(nanoseconds:)),
            queue: raw.queueNs.map(Duration.init(nanoseconds:)), requestBytes: raw.requestBytes,
            answerBytes: raw.answerBytes)
    }
}
