extension Duration {
    /// A duration that crossed the boundary as nanoseconds.
    init(nanoseconds: UInt64) {
        self = .nanoseconds(Int64(clamping: nanoseconds))
    }

    /// Whole nanoseconds, never below 0, and the largest number where there are more.
    var wholeNanoseconds: UInt64 { whole(perSecond: 1_000_000_000) }

    /// Whole milliseconds, never below 0, and the largest number where there are more.
    var wholeMilliseconds: UInt64 { whole(perSecond: 1000) }

    private func whole(perSecond units: UInt64) -> UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let rest = UInt64(attoseconds) / (1_000_000_000_000_000_000 / units)
        let (product, overflows) = UInt64(seconds).multipliedReportingOverflow(by: units)
        let (sum, carries) = product.addingReportingOverflow(rest)
        return overflows || carries ? .max : sum
    }
}
