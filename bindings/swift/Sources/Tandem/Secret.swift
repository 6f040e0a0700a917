/// Text that is never shown: not by `print`, not by `dump`, not in an error.
public struct Secret: Sendable, Hashable {
    let text: String

    /// Wraps the text.
    public init(_ text: String) {
        self.text = text
    }
}

extension Secret: CustomStringConvertible, CustomReflectable {
    /// Always `Secret(..)`.
    public var description: String { "Secret(..)" }

    /// Without children, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
