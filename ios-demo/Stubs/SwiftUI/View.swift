// As much of SwiftUI as the demo uses, so that Linux compiles its views and tests run their bodies. Signatures follow
// Apple's documentation; that Apple's compiler agrees has not been tried. Instead of drawing, views give a tree of nodes.
@_exported import Foundation

/// A part of the screen.
@MainActor @preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

/// A view without parts of its own: it gives nodes itself.
@MainActor @preconcurrency
public protocol Leaf: View where Body == Never {
    var nodes: [Node] { get }
}

extension Leaf {
    public var body: Never { return fatalError("a leaf has no body") }
}

extension Never: View {
    public typealias Body = Never
    public var body: Never { return fatalError("never") }
}

/// What a view is made of, for tests.
@MainActor
public final class Node {
    public let kind: String
    public var text: String
    public var label: String?
    public var value: String?
    public var isDisabled = false
    public var isHidden = false
    public var children: [Node]
    /// What a tap, a change or an appearance does.
    public var action: (() -> Void)?
    /// Sets the value of a control.
    public var set: ((Any) -> Void)?
    public var tasks: [() async -> Void] = []

    init(
        _ kind: String, _ text: String = "", _ children: [Node] = [], action: (() -> Void)? = nil,
        set: ((Any) -> Void)? = nil
    ) {
        (self.kind, self.text, self.children, self.action, self.set) = (kind, text, children, action, set)
    }

    /// This node and all below it.
    public var all: [Node] { [self] + children.flatMap(\.all) }
}

/// The nodes of a view.
@MainActor
public func render(_ view: some View) -> [Node] {
    if let leaf = view as? any Leaf { return leaf.nodes }
    return render(view.body)
}

/// The texts of some views, as one.
@MainActor
func words(_ view: some View) -> String {
    render(view).flatMap(\.all).map(\.text).filter { !$0.isEmpty }.joined(separator: " ")
}

@resultBuilder
public enum ViewBuilder {
    @MainActor public static func buildBlock<each Part: View>(_ part: repeat each Part) -> Parts {
        var nodes: [Node] = []
        repeat nodes += render(each part)
        return Parts(nodes: nodes)
    }
    @MainActor public static func buildExpression<Part: View>(_ part: Part) -> Part { part }
    @MainActor public static func buildOptional(_ part: Parts?) -> Parts { part ?? Parts(nodes: []) }
    @MainActor public static func buildEither(first part: Parts) -> Parts { part }
    @MainActor public static func buildEither(second part: Parts) -> Parts { part }
}

/// Views beside each other.
public struct Parts: Leaf {
    public let nodes: [Node]
}

public struct EmptyView: Leaf {
    public init() {}
    public var nodes: [Node] { [] }
}
