public enum HorizontalAlignment: Sendable { case leading, center, trailing }
public enum VerticalAlignment: Sendable { case top, center, bottom }
public enum Alignment: Sendable { case leading, center, trailing }
public enum VerticalEdge: Sendable { case top, bottom }
public enum ContentMode: Sendable { case fit, fill }

public struct Group<Content: View>: Leaf {
    let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }
    public var nodes: [Node] { render(content) }
}

public struct VStack<Content: View>: Leaf {
    let content: Content
    public init(alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content)
    {
        self.content = content()
    }
    public var nodes: [Node] { [Node("stack", "", render(content))] }
}

public struct HStack<Content: View>: Leaf {
    let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }
    public var nodes: [Node] { [Node("stack", "", render(content))] }
}

public struct ZStack<Content: View>: Leaf {
    let content: Content
    public init(alignment: Alignment = .center, @ViewBuilder content: () -> Content) { self.content = content() }
    public var nodes: [Node] { [Node("stack", "", render(content))] }
}

public struct Spacer: Leaf {
    public init() {}
    public var nodes: [Node] { [] }
}

public struct List<Content: View>: Leaf {
    let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }
    public var nodes: [Node] { [Node("list", "", render(content))] }
}

public struct Form<Content: View>: Leaf {
    let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }
    public var nodes: [Node] { [Node("form", "", render(content))] }
}

public struct Section: Leaf {
    public let nodes: [Node]
    public init(_ title: String, @ViewBuilder content: () -> some View) {
        nodes = [Node("section", title, render(content()))]
    }
    public init(@ViewBuilder content: () -> some View) {
        nodes = [Node("section", "", render(content()))]
    }
    public init(
        @ViewBuilder content: () -> some View, @ViewBuilder header: () -> some View,
        @ViewBuilder footer: () -> some View
    ) {
        nodes = [Node("section", words(header()), render(content()) + render(footer()))]
    }
}

public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: Leaf {
    let data: Data
    let id: (Data.Element) -> ID
    let content: (Data.Element) -> Content
    public init(_ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content)
    {
        (self.data, self.content) = (data, content)
        self.id = { $0[keyPath: id] }
    }
    public var nodes: [Node] {
        precondition(Set(data.map(id)).count == data.count, "two rows have one id")
        return data.flatMap { render(content($0)) }
    }
}

extension ForEach where Data.Element: Identifiable, ID == Data.Element.ID {
    public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content) {
        self.init(data, id: \.id, content: content)
    }
}

public struct NavigationStack<Content: View>: Leaf {
    let content: Content
    public init(@ViewBuilder root: () -> Content) { content = root() }
    public var nodes: [Node] { [Node("navigation", "", render(content))] }
}

public struct TabView<Choice: Hashable, Content: View>: Leaf {
    let selection: Binding<Choice>
    let content: Content
    public init(selection: Binding<Choice>?, @ViewBuilder content: () -> Content) {
        guard let selection else { fatalError("tabs without a selection") }
        (self.selection, self.content) = (selection, content())
    }
    public var nodes: [Node] { [Node("tabs", "\(selection.wrappedValue)", render(content))] }
}

public struct GeometryProxy: Sendable {
    public let size = CGSize(width: 320, height: 320)
}

public struct GeometryReader<Content: View>: Leaf {
    let content: Content
    public init(@ViewBuilder content: @escaping (GeometryProxy) -> Content) { self.content = content(GeometryProxy()) }
    public var nodes: [Node] { render(content) }
}
