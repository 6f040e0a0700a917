internal import TandemGenerated

/// What connects the device to the world.
public enum NetworkKind: String, Sendable, Hashable, CaseIterable {
    /// Not known.
    case unknown
    /// Nothing does.
    case none
    /// Wi-Fi.
    case wifi
    /// A cable.
    case ethernet
    /// A cellular network of a generation that is not known.
    case cellular
    /// GSM, GPRS, EDGE.
    case cellular2G = "cellular_2g"
    /// UMTS, HSPA, EV-DO.
    case cellular3G = "cellular_3g"
    /// LTE.
    case cellular4G = "cellular_4g"
    /// NR, also with an LTE anchor.
    case cellular5G = "cellular_5g"
    /// Something else: Bluetooth, a VPN whose carrier is hidden.
    case other
}

/// How hot the device is.
public enum ThermalState: String, Sendable, Hashable, CaseIterable {
    /// Not known.
    case unknown
    /// Cool.
    case nominal
    /// Warm.
    case fair
    /// Hot, and slowed down.
    case serious
    /// Too hot.
    case critical
}

/// How short the device is of memory.
public enum MemoryPressure: String, Sendable, Hashable, CaseIterable {
    /// Not known.
    case unknown
    /// There is enough.
    case normal
    /// It becomes scarce.
    case warning
    /// The system is about to end processes.
    case critical
}

/// What state the device is in. What is `nil` or `unknown` is not known, and nothing is guessed from it.
public struct DeviceState: Sendable, Hashable {
    /// What connects it to the world.
    public var network = NetworkKind.unknown
    /// Names the network that is in use, in any way: another name means another access point or carrier, of which nothing
    /// was learned yet. It stays on the device.
    public var networkID: String?
    /// Whether bytes cost money there.
    public var isMetered: Bool?
    /// What the system believes the first hop can send.
    public var uplinkBitsPerSecond: UInt64?
    /// What the system believes the first hop can receive.
    public var downlinkBitsPerSecond: UInt64?
    /// How full the battery is, from 0 to 1.
    public var batteryLevel: Float?
    /// Whether the device is on external power.
    public var isCharging: Bool?
    /// Whether the user asked the system to save the battery.
    public var isLowPowerMode: Bool?
    /// How hot it is.
    public var thermal = ThermalState.unknown
    /// How short it is of memory.
    public var memory = MemoryPressure.unknown

    /// A device of which nothing but this is known.
    ///
    /// - Parameter network: What connects it to the world.
    public init(network: NetworkKind = .unknown) {
        self.network = network
    }
}

/// Tells what state the device is in, so that plans fit it. On Apple's systems there is ``AppleDeviceStateProvider``.
public protocol DeviceStateProvider: Sendable {
    /// The state as it is now. Asked on a thread of a run, at most once a second; must not block.
    var deviceState: DeviceState { get }
}

/// A state that never changes: for tests, and to see what would be if.
public struct FixedDeviceState: DeviceStateProvider {
    /// The state.
    public let deviceState: DeviceState

    /// A provider that always tells this.
    ///
    /// - Parameter deviceState: The state.
    public init(_ deviceState: DeviceState) {
        self.deviceState = deviceState
    }
}

/// The app's provider as the facade's.
final class DeviceStateBridge: TandemGenerated.DeviceStateProvider {
    private let provider: any Tandem.DeviceStateProvider

    init(provider: any Tandem.DeviceStateProvider) {
        self.provider = provider
    }

    func deviceState() throws -> TandemGenerated.DeviceState {
        provider.deviceState.raw
    }
}

extension DeviceState {
    var raw: TandemGenerated.DeviceState {
        TandemGenerated.DeviceState(
            network: network.raw, networkId: networkID, metered: isMetered, uplinkBps: uplinkBitsPerSecond,
            downlinkBps: downlinkBitsPerSecond, batteryLevel: batteryLevel, charging: isCharging,
            lowPowerMode: isLowPowerMode, thermal: thermal.raw, memory: memory.raw)
    }
}

extension NetworkKind {
    fileprivate var raw: TandemGenerated.NetworkKind {
        switch self {
        case .unknown: .unknown
        case .none: .none
        case .wifi: .wifi
        case .ethernet: .ethernet
        case .cellular: .cellular
        case .cellular2G: .cellular2g
        case .cellular3G: .cellular3g
        case .cellular4G: .cellular4g
        case .cellular5G: .cellular5g
        case .other: .other
        }
    }
}

extension ThermalState {
    fileprivate var raw: TandemGenerated.ThermalState {
        switch self {
        case .unknown: .unknown
        case .nominal: .nominal
        case .fair: .fair
        case .serious: .serious
        case .critical: .critical
        }
    }
}

extension MemoryPressure {
    fileprivate var raw: TandemGenerated.MemoryPressure {
        switch self {
        case .unknown: .unknown
        case .normal: .normal
        case .warning: .warning
        case .critical: .critical
        }
    }
}
