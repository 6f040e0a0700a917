/// Reads and writes a value that somebody else owns.
@propertyWrapper @dynamicMemberLookup @MainActor
public struct Binding<Value> {
    let get: () -> Value
    let set: (Value) -> Void

    public var wrappedValue: Value {
        get { get() }
        nonmutating set { set(newValue) }
    }
    public var projectedValue: Binding<Value> { self }

    public subscript<Part>(dynamicMember path: WritableKeyPath<Value, Part>) -> Binding<Part> {
        Binding<Part>(get: { wrappedValue[keyPath: path] }, set: { wrappedValue[keyPath: path] = $0 })
    }
}

@MainActor
private final class Box<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
}

@propertyWrapper @MainActor
public struct State<Value> {
    private let box: Box<Value>
    public init(wrappedValue: Value) { box = Box(wrappedValue) }
    public var wrappedValue: Value {
        get { box.value }
        nonmutating set { box.value = newValue }
    }
    public var projectedValue: Binding<Value> { Binding(get: { box.value }, set: { box.value = $0 }) }
}

@propertyWrapper @dynamicMemberLookup @MainActor
public struct Bindable<Value: AnyObject> {
    public let wrappedValue: Value
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    public var projectedValue: Bindable<Value> { self }
    public subscript<Part>(dynamicMember path: ReferenceWritableKeyPath<Value, Part>) -> Binding<Part> {
        Binding(get: { wrappedValue[keyPath: path] }, set: { wrappedValue[keyPath: path] = $0 })
    }
}

/// What scenes keep; tests empty it and look into it.
@MainActor public var sceneStorage: [String: Any] = [:]

@propertyWrapper @MainActor
public struct SceneStorage<Value> {
    private let key: String
    private let initial: Value
    public init(wrappedValue: Value, _ key: String) where Value == Data { (self.key, initial) = (key, wrappedValue) }
    public init(wrappedValue: Value, _ key: String) where Value: RawRepresentable, Value.RawValue == String {
        (self.key, initial) = (key, wrappedValue)
    }
    public var wrappedValue: Value {
        get { sceneStorage[key] as? Value ?? initial }
        nonmutating set { sceneStorage[key] = newValue }
    }
    public var projectedValue: Binding<Value> { Binding(get: { wrappedValue }, set: { wrappedValue = $0 }) }
}

@propertyWrapper @MainActor
public struct ScaledMetric {
    public let wrappedValue: Double
    public init(wrappedValue: Double) { self.wrappedValue = wrappedValue }
}

public enum ScenePhase: Sendable { case background, inactive, active }

@MainActor
public struct EnvironmentValues {
    public var scenePhase = ScenePhase.active
    public init() {}
}

/// The environment of all views; tests change it.
@MainActor public var environment = EnvironmentValues()

@propertyWrapper @MainActor
public struct Environment<Value> {
    private let path: KeyPath<EnvironmentValues, Value>
    public init(_ path: KeyPath<EnvironmentValues, Value>) { self.path = path }
    public var wrappedValue: Value { environment[keyPath: path] }
}
