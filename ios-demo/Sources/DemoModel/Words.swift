import Foundation
import Tandem

/// What the screens say, in words.
public enum Words {
    /// Where something runs.
    public static func placement(_ placement: Placement) -> String {
        switch placement {
        case .onDevice: "On this device"
        case .inCloud: "In the cloud"
        case .split(let cut, _): "Split at \(cut)"
        }
    }

    /// Why a place was chosen or not.
    public static func reason(_ reason: Reason) -> String {
        switch reason {
        case .modeRequires: "the mode asks for it"
        case .modePrefers: "the mode prefers it"
        case .modeForbids: "the mode forbids it"
        case .sensitivityForbids: "the data may not go there"
        case .privateTensor: "a private tensor would leave the device"
        case .notDeployed: "the endpoint does not serve this part"
        case .default: "nothing prefers another place"
        case .notFirst: "another place comes first"
        case .metered: "the network is metered"
        case .offline: "there is no network"
        case .unreachable: "the endpoint did not answer last time"
        case .circuitOpen: "the endpoint failed and is left alone for a while"
        case .lowMemory: "memory is short"
        case .deadline: "it would be too late"
        case .unpredicted: "too little is known of it"
        case .best: "best for what is wanted"
        case .hysteresis: "not enough better to switch"
        case .slower: "slower"
        case .cold: "has to start first"
        case .moreEnergy: "takes more energy"
        case .moreData: "moves more bytes"
        case .worseBalance: "worse in time, energy and bytes together"
        case .fallback: "the first choice failed"
        case .hedge: "this device answered first"
        }
    }

    /// What a mode means.
    public static func mode(_ mode: InferenceMode) -> String {
        switch mode {
        case .auto: "Automatic"
        case .preferOnDevice: "Prefer this device"
        case .preferInCloud: "Prefer the cloud"
        case .onlyOnDevice: "Only this device"
        case .onlyInCloud: "Only the cloud"
        }
    }

    /// What a label means.
    public static func sensitivity(_ sensitivity: Sensitivity) -> String {
        switch sensitivity {
        case .public: "Public: any endpoint"
        case .internal: "Internal: trusted endpoints"
        case .private: "Private: stays here"
        }
    }

    /// What a run should be best at.
    public static func objective(_ objective: Objective) -> String {
        switch objective {
        case .latency: "Fastest"
        case .energy: "Least energy"
        case .data: "Fewest bytes"
        case .balanced: "Balanced"
        }
    }

    /// The network of a made-up device.
    public static func link(_ link: Link) -> String {
        switch link {
        case .present: "The present one"
        case .wifi: "Wi-Fi"
        case .cellular5G: "5G"
        case .cellular4G: "4G"
        case .none: "None"
        }
    }

    /// What went wrong, and what can be done about it where that is known.
    public static func problem(_ error: any Error) -> String {
        guard let error = error as? TandemError else { return error.localizedDescription }
        let said = sentence(error.details.message)
        return switch error {
        case .offline: "The cloud cannot be reached. \(said)"
        case .policyDenied: "Not allowed to go there. \(said)"
        case .closed: "The settings changed while it ran. Try again."
        case .cancelled: "Stopped."
        case .deadlineExceeded: "It took too long. \(said)"
        case .remoteFailed: "The endpoint failed. \(said)"
        default: said
        }
    }

    /// `1.23 ms`, `4.56 s`.
    public static func time(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        return switch milliseconds {
        case ..<1: "\(number(milliseconds * 1000)) µs"
        case ..<1000: "\(number(milliseconds)) ms"
        default: "\(number(milliseconds / 1000)) s"
        }
    }

    /// `12.3 mJ`.
    public static func energy(_ joules: Double) -> String {
        joules < 1 ? "\(number(joules * 1000)) mJ" : "\(number(joules)) J"
    }

    /// `512 bytes`, `1.5 kB`.
    public static func bytes(_ count: UInt64) -> String {
        switch count {
        case ..<1000: "\(count) bytes"
        case ..<1_000_000: "\(number(Double(count) / 1e3)) kB"
        default: "\(number(Double(count) / 1e6)) MB"
        }
    }

    /// `20 Mbit/s`.
    public static func rate(_ megabits: Double) -> String {
        megabits < 1 ? "\(number(megabits * 1000)) kbit/s" : "\(number(megabits)) Mbit/s"
    }

    /// `97.5 %`.
    public static func share(_ share: Double) -> String {
        share.formatted(.percent.precision(.fractionLength(0...1)))
    }

    /// Three digits that tell.
    public static func number(_ value: Double) -> String {
        value.formatted(.number.precision(.significantDigits(1...3)).grouping(.never))
    }

    /// Ours are lower-case sentences without a full stop.
    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }
}
