package dev.tandem

import kotlin.time.Duration.Companion.nanoseconds
import dev.tandem.ffi.Candidate as NativeCandidate
import dev.tandem.ffi.Decision as NativeDecision
import dev.tandem.ffi.DeviceState as NativeDeviceState
import dev.tandem.ffi.LatencyBand as NativeLatencyBand
import dev.tandem.ffi.MemoryPressure as NativeMemoryPressure
import dev.tandem.ffi.NetworkKind as NativeNetworkKind
import dev.tandem.ffi.Placement as NativePlacement
import dev.tandem.ffi.Plan as NativePlan
import dev.tandem.ffi.Predicted as NativePredicted
import dev.tandem.ffi.PredictedParts as NativePredictedParts
import dev.tandem.ffi.Reason as NativeReason
import dev.tandem.ffi.Statistics as NativeStatistics
import dev.tandem.ffi.ThermalState as NativeThermalState

internal fun NativePlan.toPublic() =
    Plan(
        order = order.map { it.toPublic() },
        candidates = candidates.map { it.toPublic() },
        hedgeAfter = hedgeAfterNs?.toDuration(),
        explanation = explanation,
        json = json,
    )

internal fun NativeDecision.toPublic() =
    Decision(
        placement = placement.toPublic(),
        reason = reason.toPublic(),
        candidates = candidates.map { it.toPublic() },
        fallbackCause = fallbackCause,
        predicted = predicted?.toPublic(),
    )

private fun NativeCandidate.toPublic() =
    Candidate(placement.toPublic(), allowed, reason.toPublic(), predicted?.toPublic())

private fun NativePlacement.toPublic(): Placement =
    when (this) {
        is NativePlacement.OnDevice -> Placement.OnDevice
        is NativePlacement.InCloud -> Placement.InCloud(endpoint)
        is NativePlacement.Split -> Placement.Split(cut, endpoint)
    }

private fun NativeReason.toPublic(): Reason =
    when (this) {
        NativeReason.MODE_REQUIRES -> Reason.MODE_REQUIRES
        NativeReason.MODE_PREFERS -> Reason.MODE_PREFERS
        NativeReason.MODE_FORBIDS -> Reason.MODE_FORBIDS
        NativeReason.SENSITIVITY_FORBIDS -> Reason.SENSITIVITY_FORBIDS
        NativeReason.PRIVATE_TENSOR -> Reason.PRIVATE_TENSOR
        NativeReason.NOT_DEPLOYED -> Reason.NOT_DEPLOYED
        NativeReason.DEFAULT -> Reason.DEFAULT
        NativeReason.NOT_FIRST -> Reason.NOT_FIRST
        NativeReason.METERED -> Reason.METERED
        NativeReason.OFFLINE -> Reason.OFFLINE
        NativeReason.UNREACHABLE -> Reason.UNREACHABLE
        NativeReason.CIRCUIT_OPEN -> Reason.CIRCUIT_OPEN
        NativeReason.LOW_MEMORY -> Reason.LOW_MEMORY
        NativeReason.DEADLINE -> Reason.DEADLINE
        NativeReason.UNPREDICTED -> Reason.UNPREDICTED
        NativeReason.BEST -> Reason.BEST
        NativeReason.HYSTERESIS -> Reason.HYSTERESIS
        NativeReason.SLOWER -> Reason.SLOWER
        NativeReason.COLD -> Reason.COLD
        NativeReason.MORE_ENERGY -> Reason.MORE_ENERGY
        NativeReason.MORE_DATA -> Reason.MORE_DATA
        NativeReason.WORSE_BALANCE -> Reason.WORSE_BALANCE
        NativeReason.FALLBACK -> Reason.FALLBACK
        NativeReason.HEDGE -> Reason.HEDGE
    }

private fun NativePredicted.toPublic() =
    Predicted(latency.toPublic(), parts.toPublic(), energyJoules, bytesUp.toLong(), bytesDown.toLong())

private fun NativeLatencyBand.toPublic() =
    LatencyBand(
        mean = meanNs.toDuration(),
        p05 = p05Ns.toDuration(),
        p50 = p50Ns.toDuration(),
        p90 = p90Ns.toDuration(),
        p95 = p95Ns.toDuration(),
    )

private fun NativePredictedParts.toPublic() =
    PredictedParts(
        onDevice = onDeviceNs.toDuration(),
        head = headNs.toDuration(),
        encode = encodeNs.toDuration(),
        setup = setupNs.toDuration(),
        upload = uploadNs.toDuration(),
        wait = waitNs.toDuration(),
        server = serverNs.toDuration(),
        download = downloadNs.toDuration(),
    )

internal fun NativeStatistics.toPublic() =
    Statistics(
        onDevice = onDevice.toLong(),
        inCloud = inCloud.toLong(),
        split = split.toLong(),
        fallbacks = fallbacks.toLong(),
        failures = failures.toLong(),
        probes = probes.toLong(),
        predicted = predicted.toLong(),
        withinBand = withinBand.toLong(),
        belowBand = belowBand.toLong(),
        aboveBand = aboveBand.toLong(),
    )

/** These facts; a rate below nought is not known. */
internal fun DeviceState.toNative() =
    NativeDeviceState(
        network = network.toNative(),
        networkId = networkId,
        metered = isMetered,
        uplinkBps = uplinkBitsPerSecond?.takeIf { it >= 0 }?.toULong(),
        downlinkBps = downlinkBitsPerSecond?.takeIf { it >= 0 }?.toULong(),
        batteryLevel = batteryLevel,
        charging = isCharging,
        lowPowerMode = isLowPowerMode,
        thermal = thermal.toNative(),
        memory = memory.toNative(),
    )

private fun NetworkKind.toNative(): NativeNetworkKind =
    when (this) {
        NetworkKind.UNKNOWN -> NativeNetworkKind.UNKNOWN
        NetworkKind.NONE -> NativeNetworkKind.NONE
        NetworkKind.WIFI -> NativeNetworkKind.WIFI
        NetworkKind.ETHERNET -> NativeNetworkKind.ETHERNET
        NetworkKind.CELLULAR -> NativeNetworkKind.CELLULAR
        NetworkKind.CELLULAR_2G -> NativeNetworkKind.CELLULAR2G
        NetworkKind.CELLULAR_3G -> NativeNetworkKind.CELLULAR3G
        NetworkKind.CELLULAR_4G -> NativeNetworkKind.CELLULAR4G
        NetworkKind.CELLULAR_5G -> NativeNetworkKind.CELLULAR5G
        NetworkKind.OTHER -> NativeNetworkKind.OTHER
    }

private fun ThermalState.toNative(): NativeThermalState =
    when (this) {
        ThermalState.UNKNOWN -> NativeThermalState.UNKNOWN
        ThermalState.NOMINAL -> NativeThermalState.NOMINAL
        ThermalState.FAIR -> NativeThermalState.FAIR
        ThermalState.SERIOUS -> NativeThermalState.SERIOUS
        ThermalState.CRITICAL -> NativeThermalState.CRITICAL
    }

private fun MemoryPressure.toNative(): NativeMemoryPressure =
    when (this) {
        MemoryPressure.UNKNOWN -> NativeMemoryPressure.UNKNOWN
        MemoryPressure.NORMAL -> NativeMemoryPressure.NORMAL
        MemoryPressure.WARNING -> NativeMemoryPressure.WARNING
        MemoryPressure.CRITICAL -> NativeMemoryPressure.CRITICAL
    }
