/// A view whose nodes were changed.
public struct Modified: Leaf {
    public let nodes: [Node]
}

public struct AccessibilityTraits: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let isSelected = AccessibilityTraits(rawValue: 1)
    public static let allowsDirectInteraction = AccessibilityTraits(rawValue: 2)
    public static let updatesFrequently = AccessibilityTraits(rawValue: 4)
}
public enum AccessibilityChildBehavior: Sendable { case ignore, combine }
public enum TextInputAutocapitalization: Sendable { case never }
public enum UIKeyboardType: Sendable { case URL }
public enum UITextContentType: Sendable { case URL }

extension View {
    private func with(_ change: (Node) -> Void) -> Modified {
        let nodes = render(self)
        for node in nodes { change(node) }
        return Modified(nodes: nodes)
    }

    /// One node around this view's, which stands for them.
    private func wrapped(_ kind: String, _ change: (Node) -> Void) -> Modified {
        let node = Node(kind, "", render(self))
        change(node)
        return Modified(nodes: [node])
    }

    public func accessibilityLabel(_ label: String) -> some View { with { $0.label = label } }
    public func accessibilityValue(_ value: String) -> some View { with { $0.value = value } }
    public func accessibilityHint(_ hint: String) -> some View { self }
    public func accessibilityHidden(_ isHidden: Bool) -> some View { with { $0.isHidden = isHidden } }
    public func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View { self }
    public func accessibilityElement(children: AccessibilityChildBehavior = .ignore) -> some View {
        wrapped("element") { $0.label = children == .combine ? words(self) : nil }
    }

    public func disabled(_ isDisabled: Bool) -> some View {
        with { for node in $0.all where isDisabled { node.isDisabled = true } }
    }
    public func task(_ work: @escaping @MainActor () async -> Void) -> some View {
        wrapped("task") { $0.tasks = [work] }
    }
    public func task<ID: Equatable>(id: ID, _ work: @escaping @MainActor () async -> Void) -> some View {
        wrapped("task") { $0.tasks = [work] }
    }
    public func onChange<Value: Equatable>(of value: Value, _ action: @escaping () -> Void) -> some View {
        wrapped("change") { node in
            node.text = "\(Value.self)"
            node.action = action
        }
    }
    public func gesture(_ gesture: DragGesture) -> some View {
        with { $0.set = { if let places = $0 as? [CGPoint] { gesture.drag(places) } } }
    }
    public func tabItem(@ViewBuilder _ label: () -> some View) -> some View {
        let name = words(label())
        return wrapped("tab") { $0.text = name }
    }
    public func navigationTitle(_ title: String) -> some View { wrapped("titled") { $0.text = title } }
    public func toolbar(@ViewBuilder content: () -> some View) -> some View {
        let items = render(content())
        return wrapped("toolbar") { $0.children += items }
    }
    public func safeAreaInset(edge: VerticalEdge, @ViewBuilder content: () -> some View) -> some View {
        let inset = render(content())
        return wrapped("inset") { $0.children += inset }
    }

    public func tag(_ value: some Hashable) -> some View { self }
    public func font(_ font: Font?) -> some View { self }
    public func foregroundStyle(_ style: some ShapeStyle) -> some View { self }
    public func background(_ style: some ShapeStyle) -> some View { self }
    public func background(_ style: some ShapeStyle, in shape: some Shape) -> some View { self }
    public func padding() -> some View { self }
    public func opacity(_ opacity: Double) -> some View { self }
    public func aspectRatio(_ ratio: CGFloat?, contentMode: ContentMode) -> some View { self }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil) -> some View { self }
    public func frame(
        minHeight: CGFloat? = nil, maxWidth: CGFloat? = nil, maxHeight: CGFloat? = nil, alignment: Alignment = .center
    ) -> some View { self }
    public func textContentType(_ type: UITextContentType?) -> some View { self }
    public func keyboardType(_ type: UIKeyboardType) -> some View { self }
    public func textInputAutocapitalization(_ way: TextInputAutocapitalization?) -> some View { self }
    public func autocorrectionDisabled(_ isDisabled: Bool = true) -> some View { self }
}
