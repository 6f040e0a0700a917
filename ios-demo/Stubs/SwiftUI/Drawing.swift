public protocol ShapeStyle {}
public struct TintShapeStyle: ShapeStyle {}
public struct HierarchicalShapeStyle: ShapeStyle {}
public struct Material: ShapeStyle {}
public struct AnyShapeStyle: ShapeStyle {
    public init(_ style: some ShapeStyle) {}
}
public struct Color: ShapeStyle {
    public static var primary: Color { Color() }
}
extension ShapeStyle where Self == TintShapeStyle {
    public static var tint: TintShapeStyle { TintShapeStyle() }
}
extension ShapeStyle where Self == HierarchicalShapeStyle {
    public static var secondary: HierarchicalShapeStyle { HierarchicalShapeStyle() }
    public static var quaternary: HierarchicalShapeStyle { HierarchicalShapeStyle() }
    public static var quinary: HierarchicalShapeStyle { HierarchicalShapeStyle() }
}
extension ShapeStyle where Self == Material {
    public static var bar: Material { Material() }
}

public struct Font: Sendable {
    public enum Weight: Sendable { case regular, bold }
    public static var largeTitle: Font { Font() }
    public static var footnote: Font { Font() }
    public func bold() -> Font { self }
    public func monospaced() -> Font { self }
}

@MainActor @preconcurrency
public protocol Shape: View {}
extension Shape {
    public func fill(_ style: some ShapeStyle) -> some View { EmptyView() }
}
public struct Capsule: Shape, Leaf {
    public init() {}
    public var nodes: [Node] { [] }
}
public struct RoundedRectangle: Shape, Leaf {
    public init(cornerRadius: CGFloat) {}
    public var nodes: [Node] { [] }
}

public struct Path {
    fileprivate(set) var points: [CGPoint] = []
    public init(_ draw: (inout Path) -> Void) { draw(&self) }
    public mutating func move(to point: CGPoint) { points.append(point) }
    public mutating func addLine(to point: CGPoint) { points.append(point) }
}

public enum LineCap { case round }
public enum LineJoin { case round }
public struct StrokeStyle {
    public init(lineWidth: CGFloat, lineCap: LineCap, lineJoin: LineJoin) {}
}

public struct GraphicsContext {
    public struct Shading {
        public static func color(_ color: Color) -> Shading { Shading() }
    }
    fileprivate(set) var lines = 0
    public mutating func stroke(_ path: Path, with shading: Shading, style: StrokeStyle) {
        lines += max(0, path.points.count - 1)
    }
}

public struct Canvas: Leaf {
    let renderer: (inout GraphicsContext, CGSize) -> Void
    public init(renderer: @escaping (inout GraphicsContext, CGSize) -> Void) { self.renderer = renderer }
    public var nodes: [Node] {
        var context = GraphicsContext()
        renderer(&context, CGSize(width: 320, height: 320))
        return [Node("canvas", "lines: \(context.lines)")]
    }
}

public struct DragGesture {
    public struct Value {
        public let location: CGPoint
    }
    fileprivate(set) var changed: (Value) -> Void = { _ in }
    fileprivate(set) var ended: (Value) -> Void = { _ in }
    public init(minimumDistance: CGFloat) {}
    public func onChanged(_ action: @escaping (Value) -> Void) -> DragGesture {
        var gesture = self
        gesture.changed = action
        return gesture
    }
    public func onEnded(_ action: @escaping (Value) -> Void) -> DragGesture {
        var gesture = self
        gesture.ended = action
        return gesture
    }
    /// A finger comes down at the first of these places, moves along the others, and lifts at the last.
    func drag(_ places: [CGPoint]) {
        for place in places { changed(Value(location: place)) }
        if let last = places.last { ended(Value(location: last)) }
    }
}
