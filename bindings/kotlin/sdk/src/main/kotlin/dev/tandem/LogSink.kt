package dev.tandem

/** How much a log record matters. */
public enum class LogLevel {
    /** Something failed. */
    ERROR,

    /** Something is not as it should be, and went on. */
    WARN,

    /** What happens, seldom. */
    INFO,

    /** What happens, in detail. */
    DEBUG,

    /** What happens, in every detail. */
    TRACE,
}

/** Takes log records. */
public fun interface LogSink {
    /**
     * Takes one record: its level, the module that it comes from, and its text. Called on any thread, any number at once;
     * must not call Tandem. What it throws is dropped.
     */
    public fun log(
        level: LogLevel,
        target: String,
        message: String,
    )
}
