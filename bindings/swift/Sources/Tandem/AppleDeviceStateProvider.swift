// Written against Apple's frameworks and tried on none of their systems yet: scripts/test ios-demo checks its types against
// stand-ins.
#if canImport(Network)
    import Foundation
    import Network

    #if canImport(UIKit) && !os(watchOS)
        import UIKit
    #endif

    /// The state of an Apple device, as the system tells it.
    ///
    /// The network comes from `NWPathMonitor`, heat and low-power mode from `ProcessInfo`, and the battery, where there is
    /// one, from `UIDevice`, whose battery monitoring it turns on. The system tells no rates, no generation of a cellular
    /// network and no name of a Wi-Fi network without further rights: interface and gateways stand for it, so that a move
    /// between access points whose gateways have the same address is not seen.
    public final class AppleDeviceStateProvider: DeviceStateProvider {
        private let monitor = NWPathMonitor()
        private let path = Locked<NWPath?>(nil)
        private let battery = Locked<Battery>(Battery())

        private struct Battery {
            var level: Float?
            var isCharging: Bool?
        }

        /// Begins to watch the network and the battery.
        public init() {
            monitor.pathUpdateHandler = { [path] update in path.withLock { $0 = update } }
            monitor.start(queue: DispatchQueue(label: "dev.tandem.network"))
            #if canImport(UIKit) && !os(watchOS) && !os(tvOS)
                watchBattery()
            #endif
        }

        deinit {
            monitor.cancel()
        }

        public var deviceState: DeviceState {
            var state = DeviceState()
            if let path = path.withLock({ $0 }) { state.describe(path) }
            let battery = battery.withLock { $0 }
            state.batteryLevel = battery.level
            state.isCharging = battery.isCharging
            let process = ProcessInfo.processInfo
            state.isLowPowerMode = process.isLowPowerModeEnabled
            state.thermal = ThermalState(process.thermalState)
            return state
        }

        #if canImport(UIKit) && !os(watchOS) && !os(tvOS)
            /// The battery may be read on the main thread only: it is read there when it changes, and kept.
            private func watchBattery() {
                let battery = battery
                Task { @MainActor in
                    UIDevice.current.isBatteryMonitoringEnabled = true
                    Self.read(into: battery)
                    let center = NotificationCenter.default
                    let changes = [
                        UIDevice.batteryLevelDidChangeNotification, UIDevice.batteryStateDidChangeNotification,
                    ]
                    for name in changes {
                        Task { @MainActor [weak self] in
                            for await _ in center.notifications(named: name).map({ _ in () }) {
                                guard self != nil else { return }
                                Self.read(into: battery)
                            }
                        }
                    }
                }
            }

            @MainActor
            private static func read(into battery: Locked<Battery>) {
                let device = UIDevice.current
                let level = device.batteryLevel
                let state = device.batteryState
                battery.withLock {
                    // Below nought is the system's word for not known.
                    $0.level = level >= 0 ? level : nil
                    $0.isCharging = state == .unknown ? nil : state != .unplugged
                }
            }
        #endif
    }

    extension DeviceState {
        fileprivate mutating func describe(_ path: NWPath) {
            guard path.status == .satisfied else {
                network = .none
                return
            }
            network =
                if path.usesInterfaceType(.wifi) {
                    .wifi
                } else if path.usesInterfaceType(.wiredEthernet) {
                    .ethernet
                } else if path.usesInterfaceType(.cellular) {
                    .cellular
                } else {
                    .other
                }
            let interface = path.availableInterfaces.first?.name ?? ""
            networkID = ([interface] + path.gateways.map { "\($0)" }).joined(separator: " ")
            isMetered = path.isExpensive || path.isConstrained
        }
    }

    extension ThermalState {
        fileprivate init(_ state: ProcessInfo.ThermalState) {
            switch state {
            case .nominal: self = .nominal
            case .fair: self = .fair
            case .serious: self = .serious
            case .critical: self = .critical
            @unknown default: self = .unknown
            }
        }
    }
#endif
