package dev.tandem

import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.nanoseconds
import dev.tandem.ffi.CacheOptions as NativeCacheOptions
import dev.tandem.ffi.DType as NativeDType
import dev.tandem.ffi.Dimension as NativeDimension
import dev.tandem.ffi.EndpointConfig as NativeEndpoint
import dev.tandem.ffi.EndpointToken as NativeEndpointToken
import dev.tandem.ffi.InferenceMode as NativeInferenceMode
import dev.tandem.ffi.Limits as NativeLimits
import dev.tandem.ffi.LoadOptions as NativeLoadOptions
import dev.tandem.ffi.ManifestOptions as NativeManifest
import dev.tandem.ffi.ManifestSource as NativeManifestSource
import dev.tandem.ffi.ModelInfo as NativeModelInfo
import dev.tandem.ffi.Objective as NativeObjective
import dev.tandem.ffi.OfflineBehavior as NativeOfflineBehavior
import dev.tandem.ffi.Profile as NativeProfile
import dev.tandem.ffi.RemoteTiming as NativeRemoteTiming
import dev.tandem.ffi.Risk as NativeRisk
import dev.tandem.ffi.RunOptions as NativeRunOptions
import dev.tandem.ffi.Sensitivity as NativeSensitivity
import dev.tandem.ffi.TensorInfo as NativeTensorInfo
import dev.tandem.ffi.Timing as NativeTiming
import dev.tandem.ffi.TlsConfig as NativeTls
import dev.tandem.ffi.WireFormat as NativeWireFormat

internal fun NativeDType.toPublic(): DType =
    when (this) {
        NativeDType.BOOL -> DType.BOOL
        NativeDType.U8 -> DType.U8
        NativeDType.U16 -> DType.U16
        NativeDType.U32 -> DType.U32
        NativeDType.U64 -> DType.U64
        NativeDType.I8 -> DType.I8
        NativeDType.I16 -> DType.I16
        NativeDType.I32 -> DType.I32
        NativeDType.I64 -> DType.I64
        NativeDType.F16 -> DType.F16
        NativeDType.F32 -> DType.F32
        NativeDType.F64 -> DType.F64
        NativeDType.STRING -> DType.STRING
    }

internal fun DType.toNative(): NativeDType =
    when (this) {
        DType.BOOL -> NativeDType.BOOL
        DType.U8 -> NativeDType.U8
        DType.U16 -> NativeDType.U16
        DType.U32 -> NativeDType.U32
        DType.U64 -> NativeDType.U64
        DType.I8 -> NativeDType.I8
        DType.I16 -> NativeDType.I16
        DType.I32 -> NativeDType.I32
        DType.I64 -> NativeDType.I64
        DType.F16 -> NativeDType.F16
        DType.F32 -> NativeDType.F32
        DType.F64 -> NativeDType.F64
        DType.STRING -> NativeDType.STRING
    }

internal fun List<Long>.toNative(): List<ULong> = map { it.toULong() }

internal fun NativeModelInfo.toPublic() =
    ModelInfo(
        name,
        digest,
        opset.toLong(),
        metadata,
        inputs.map { it.toPublic() },
        outputs.map { it.toPublic() },
    )

private fun NativeTensorInfo.toPublic() = TensorInfo(name, dtype.toPublic(), shape?.map { it.toPublic() })

private fun NativeDimension.toPublic(): Dimension =
    when (this) {
        is NativeDimension.Fixed -> Dimension.Fixed(size.toLong())
        is NativeDimension.Symbol -> Dimension.Symbol(name)
        is NativeDimension.Unknown -> Dimension.Unknown
    }

internal fun NativeTiming.toPublic() = Timing(totalNs.toDuration(), deviceNs?.toDuration(), remote?.toPublic())

private fun NativeRemoteTiming.toPublic() =
    RemoteTiming(
        encode = encodeNs.toDuration(),
        connect = connectNs.toDuration(),
        upload = uploadNs.toDuration(),
        wait = waitNs.toDuration(),
        download = downloadNs.toDuration(),
        decode = decodeNs.toDuration(),
        server = serverNs?.toDuration(),
        queue = queueNs?.toDuration(),
        requestBytes = requestBytes.toLong(),
        answerBytes = answerBytes.toLong(),
    )

internal fun NativeProfile.toPublic() =
    Profile(
        nodes.map { NodeProfile(it.name, it.operator, it.timeNs.toDuration(), it.outputBytes.toLong()) },
        totalNs.toDuration(),
        peakBytes.toLong(),
    )

/** A length of time that the other side measured: far less than the 292 years that fit. */
internal fun ULong.toDuration(): Duration = toLong().nanoseconds

/** These options, with [timeout] for what is left of theirs. */
internal fun RunOptions.toNative(timeout: Duration?) =
    NativeRunOptions(
        mode =
            when (mode) {
                InferenceMode.AUTO -> NativeInferenceMode.AUTO
                InferenceMode.PREFER_ON_DEVICE -> NativeInferenceMode.PREFER_ON_DEVICE
                InferenceMode.PREFER_IN_CLOUD -> NativeInferenceMode.PREFER_IN_CLOUD
                InferenceMode.ONLY_ON_DEVICE -> NativeInferenceMode.ONLY_ON_DEVICE
                InferenceMode.ONLY_IN_CLOUD -> NativeInferenceMode.ONLY_IN_CLOUD
            },
        sensitivity =
            when (sensitivity) {
                Sensitivity.PUBLIC -> NativeSensitivity.PUBLIC
                Sensitivity.INTERNAL -> NativeSensitivity.INTERNAL
                Sensitivity.PRIVATE -> NativeSensitivity.PRIVATE
            },
        privateTensors = privateTensors.toList(),
        objective =
            when (objective) {
                Objective.LATENCY -> NativeObjective.LATENCY
                Objective.ENERGY -> NativeObjective.ENERGY
                Objective.DATA -> NativeObjective.DATA
                Objective.BALANCED -> NativeObjective.BALANCED
            },
        risk =
            when (risk) {
                Risk.NEUTRAL -> NativeRisk.NEUTRAL
                Risk.MODERATE -> NativeRisk.MODERATE
                Risk.AVERSE -> NativeRisk.AVERSE
            },
        hedge = hedge,
        timeoutNs = timeout?.toNanoseconds(),
        outputs = outputs,
        offline =
            when (offline) {
                OfflineBehavior.FAIL -> NativeOfflineBehavior.FAIL
                OfflineBehavior.RUN_LOCALLY -> NativeOfflineBehavior.RUN_LOCALLY
            },
        endpoint = endpoint,
        tag = tag,
    )

/** Nanoseconds of a timeout; a negative one is over. */
internal fun Duration.toNanoseconds(): ULong = inWholeNanoseconds.coerceAtLeast(0).toULong()

internal fun LoadOptions.toNative(timeout: Duration?) =
    NativeLoadOptions(
        limits =
            NativeLimits(
                modelBytes = limits.modelBytes.toCount("modelBytes"),
                nodes = limits.nodes.toCount("nodes"),
                tensorBytes = limits.tensorBytes.toCount("tensorBytes"),
                inputs = limits.inputs.toCount("inputs"),
            ),
        name = name,
        sha256 = sha256,
        plans = plans?.toLong().toCount("plans")?.toUInt(),
        manifest = splits?.toNative(),
        timeoutNs = timeout?.toNanoseconds(),
    )

private fun SplitManifest.toNative() =
    NativeManifest(
        when (source) {
            is SplitManifest.Source.Path -> NativeManifestSource.File(source.file.path)
            is SplitManifest.Source.Text -> NativeManifestSource.Text(source.json)
        },
        publicKey,
        maxRelativeError,
    )

internal fun CacheOptions.toNative() = NativeCacheOptions(folder.path, maxBytes.toCount("maxBytes"))

internal fun Endpoint.toNative() =
    NativeEndpoint(
        name = name,
        url = url,
        trusted = isTrusted,
        wire =
            when (wire) {
                WireFormat.AUTO -> NativeWireFormat.AUTO
                WireFormat.BINARY -> NativeWireFormat.BINARY
                WireFormat.JSON -> NativeWireFormat.JSON
            },
        token =
            when (token) {
                null -> null
                is EndpointToken.Fixed -> NativeEndpointToken.Fixed(token.value)
                is EndpointToken.Provided -> NativeEndpointToken.Provided(HostTokenProvider(token.provider))
            },
        tls = NativeTls(tls.trustAnchorsPem, tls.clientCertificatePem, tls.clientKeyPem),
        models = models,
        maxRequestBytes = maxRequestBytes.toCount("maxRequestBytes"),
        maxAnswerBytes = maxAnswerBytes.toCount("maxAnswerBytes"),
        connectTimeoutMs = connectTimeout?.toMilliseconds(),
        timeoutMs = timeout?.toMilliseconds(),
    )

/** Milliseconds of a timeout, rounded up so that a short one is not none; a negative one is over. */
private fun Duration.toMilliseconds(): ULong {
    val whole = inWholeMilliseconds.coerceAtLeast(0)
    return (if (whole.milliseconds < this && whole < Long.MAX_VALUE) whole + 1 else whole).toULong()
}

private fun Long?.toCount(what: String): ULong? {
    if (this != null && this < 0) throw invalidArgument("$what is $this, expected nought or more")
    return this?.toULong()
}
