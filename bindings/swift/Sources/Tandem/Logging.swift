internal import TandemGenerated

/// Where Tandem's log records go. Nowhere, until one of these functions is called; once for the whole process.
public enum Logging {
    /// Sends records of `level` and above to `sink`, which is held until the process ends.
    ///
    /// - Parameters:
    ///   - sink: Takes the records.
    ///   - level: The least level that is sent.
    /// - Throws: ``TandemError/invalidArgument(_:)`` where records already have a destination.
    public static func send(to sink: any LogSink, level: LogLevel = .info) throws {
        try TandemError.translating { try logToHost(sink: SinkBridge(sink: sink), level: level.raw) }
    }

    /// Sends records of `level` and above to the unified log of Apple's systems, under the subsystem `dev.tandem`.
    ///
    /// - Parameter level: The least level that is sent.
    /// - Throws: ``TandemError/invalidArgument(_:)`` on other systems, and where records already have a destination.
    public static func sendToSystem(level: LogLevel = .info) throws {
        try TandemError.translating { try logToSystem(level: level.raw) }
    }
}

/// Takes log records. Implemented by the app.
public protocol LogSink: Sendable {
    /// Takes one record. Called on any thread, while a call of Tandem waits: return soon, and call nothing of Tandem.
    ///
    /// - Parameters:
    ///   - level: How much it matters.
    ///   - target: The module that it comes from.
    ///   - message: Its text.
    func log(level: LogLevel, target: String, message: String)
}

/// How much a log record matters.
public enum LogLevel: String, Sendable, Hashable, CaseIterable {
    /// Something failed.
    case error
    /// Something is not as it should be, and went on.
    case warn
    /// What happens, seldom.
    case info
    /// What happens, in detail.
    case debug
    /// What happens, in every detail.
    case trace
}

private final class SinkBridge: TandemGenerated.LogSink {
    let sink: any Tandem.LogSink

    init(sink: any Tandem.LogSink) {
        self.sink = sink
    }

    func log(level: TandemGenerated.LogLevel, target: String, message: String) throws {
        sink.log(level: Tandem.LogLevel(level), target: target, message: message)
    }
}

extension LogLevel {
    fileprivate init(_ raw: TandemGenerated.LogLevel) {
        switch raw {
        case .error: self = .error
        case .warn: self = .warn
        case .info: self = .info
        case .debug: self = .debug
        case .trace: self = .trace
        }
    }

    fileprivate var raw: TandemGenerated.LogLevel {
        switch self {
        case .error: .error
        case .warn: .warn
        case .info: .info
        case .debug: .debug
        case .trace: .trace
        }
    }
}
