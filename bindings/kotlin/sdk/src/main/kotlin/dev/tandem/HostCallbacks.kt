package dev.tandem

import com.sun.jna.Native
import dev.tandem.ffi.HostFailure
import dev.tandem.ffi.DeviceState as NativeDeviceState
import dev.tandem.ffi.DeviceStateProvider as NativeDeviceStateProvider
import dev.tandem.ffi.LogLevel as NativeLogLevel
import dev.tandem.ffi.LogSink as NativeLogSink
import dev.tandem.ffi.TokenProvider as NativeTokenProvider

/** A token provider as the native library calls it. */
internal class HostTokenProvider(
    private val provider: TokenProvider,
) : NativeTokenProvider {
    override fun token(refresh: Boolean): String = callback { provider.token(refresh) }
}

/** A provider of the device's state as the native library calls it. */
internal class HostDeviceStateProvider(
    private val provider: DeviceStateProvider,
) : NativeDeviceStateProvider {
    override fun deviceState(): NativeDeviceState = callback { provider.deviceState().toNative() }
}

/** A log sink as the native library calls it. */
internal class HostLogSink(
    private val sink: LogSink,
) : NativeLogSink {
    override fun log(
        level: NativeLogLevel,
        target: String,
        message: String,
    ) = callback { sink.log(level.toPublic(), target, message) }
}

/** Runs what the app implements. Nothing that it throws may cross into native code but as a [HostFailure]. */
private inline fun <T> callback(block: () -> T): T {
    if (!attached.get()) {
        // Otherwise JNA attaches the thread for every callback and detaches it again, at three times the cost.
        Native.detach(false)
        attached.set(true)
    }
    return try {
        block()
    } catch (failure: Throwable) {
        throw HostFailure.Failed(failure.message ?: failure.javaClass.name)
    }
}

/** Whether this thread stays attached to the JVM between callbacks. */
private val attached =
    object : ThreadLocal<Boolean>() {
        override fun initialValue() = false
    }

internal fun LogLevel.toNative(): NativeLogLevel =
    when (this) {
        LogLevel.ERROR -> NativeLogLevel.ERROR
        LogLevel.WARN -> NativeLogLevel.WARN
        LogLevel.INFO -> NativeLogLevel.INFO
        LogLevel.DEBUG -> NativeLogLevel.DEBUG
        LogLevel.TRACE -> NativeLogLevel.TRACE
    }

private fun NativeLogLevel.toPublic(): LogLevel =
    when (this) {
        NativeLogLevel.ERROR -> LogLevel.ERROR
        NativeLogLevel.WARN -> LogLevel.WARN
        NativeLogLevel.INFO -> LogLevel.INFO
        NativeLogLevel.DEBUG -> LogLevel.DEBUG
        NativeLogLevel.TRACE -> LogLevel.TRACE
    }
