public struct Text: Leaf {
    let text: String
    public init(_ text: String) { self.text = text }
    public var nodes: [Node] { [Node("text", text)] }
    public func fontWeight(_ weight: Font.Weight?) -> Text { self }
    public func monospacedDigit() -> Text { self }
}

public struct Label: Leaf {
    let text: String
    public init(_ title: String, systemImage: String) { text = title }
    public var nodes: [Node] { [Node("label", text)] }
}

public enum ButtonRole: Sendable { case destructive, cancel }

public struct Button: Leaf {
    let title: String
    let action: @MainActor () -> Void
    public init(_ title: String, role: ButtonRole? = nil, action: @escaping @MainActor () -> Void) {
        (self.title, self.action) = (title, action)
    }
    public init(
        _ title: String, systemImage: String, role: ButtonRole? = nil, action: @escaping @MainActor () -> Void
    ) {
        (self.title, self.action) = (title, action)
    }
    public var nodes: [Node] { [Node("button", title, action: action)] }
}

public struct Toggle: Leaf {
    let title: String
    let isOn: Binding<Bool>
    public init(_ title: String, isOn: Binding<Bool>) { (self.title, self.isOn) = (title, isOn) }
    public var nodes: [Node] { [Node("toggle", title, set: { if let on = $0 as? Bool { isOn.wrappedValue = on } })] }
}

public struct Slider<Name: View>: Leaf {
    let value: Binding<Double>
    let range: ClosedRange<Double>
    let name: Name
    public init(value: Binding<Double>, in range: ClosedRange<Double>, @ViewBuilder label: () -> Name) {
        (self.value, self.range, name) = (value, range, label())
    }
    public var nodes: [Node] {
        precondition(range.contains(value.wrappedValue), "a slider at \(value.wrappedValue)")
        return [Node("slider", words(name), set: { if let to = $0 as? Double { value.wrappedValue = to } })]
    }
}

public struct Stepper: Leaf {
    let title: String
    let value: Binding<Int>
    public init(_ title: String, value: Binding<Int>, in range: ClosedRange<Int>) {
        (self.title, self.value) = (title, value)
    }
    public var nodes: [Node] { [Node("stepper", title, set: { if let to = $0 as? Int { value.wrappedValue = to } })] }
}

public struct Picker<Choice: Hashable, Content: View>: Leaf {
    let title: String
    let selection: Binding<Choice>
    let content: Content
    public init(_ title: String, selection: Binding<Choice>, @ViewBuilder content: () -> Content) {
        (self.title, self.selection, self.content) = (title, selection, content())
    }
    public var nodes: [Node] {
        [Node("picker", title, render(content), set: { if let to = $0 as? Choice { selection.wrappedValue = to } })]
    }
}

public struct TextField: Leaf {
    let title: String
    let text: Binding<String>
    public init(_ title: String, text: Binding<String>, prompt: Text?) { (self.title, self.text) = (title, text) }
    public var nodes: [Node] { [Node("field", title, set: { if let to = $0 as? String { text.wrappedValue = to } })] }
}

public struct SecureField: Leaf {
    let title: String
    let text: Binding<String>
    public init(_ title: String, text: Binding<String>) { (self.title, self.text) = (title, text) }
    public var nodes: [Node] { [Node("field", title, set: { if let to = $0 as? String { text.wrappedValue = to } })] }
}

public struct TextEditor: Leaf {
    let text: Binding<String>
    public init(text: Binding<String>) { self.text = text }
    public var nodes: [Node] { [Node("field", set: { if let to = $0 as? String { text.wrappedValue = to } })] }
}

public struct ProgressView: Leaf {
    let title: String
    let value: Double?
    public init(_ title: String) { (self.title, value) = (title, nil) }
    public init(_ title: String, value: Double?) {
        precondition((0...1).contains(value ?? 0), "progress of \(value ?? 0)")
        (self.title, self.value) = (title, value)
    }
    public var nodes: [Node] { [Node("progress", title)] }
}

public struct LabeledContent: Leaf {
    let title: String
    let value: String
    public init(_ title: String, value: String) { (self.title, self.value) = (title, value) }
    public var nodes: [Node] { [Node("labeled", "\(title): \(value)")] }
}

public struct ContentUnavailableView: Leaf {
    let text: String
    public init(_ title: String, systemImage: String, description: Text?) {
        text = "\(title): \(description?.text ?? "")"
    }
    public var nodes: [Node] { [Node("unavailable", text)] }
}
