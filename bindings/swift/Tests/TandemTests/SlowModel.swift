import Foundation

@testable import Tandem

/// A model that takes far longer to load than a test waits: a chain of sums of `x`, f32 `[1]`, with itself.
enum SlowModel {
    static func chain(of length: Int) -> ModelSource {
        let graph = message { graph in
            for step in 1...length {
                graph.message(1) { node in
                    node.text(1, step == 1 ? "x" : "step\(step - 1)")
                    node.text(1, "x")
                    node.text(2, step == length ? "y" : "step\(step)")
                    node.text(4, "Add")
                }
            }
            graph.text(2, "slow")
            graph.message(11) { $0.value("x") }
            graph.message(12) { $0.value("y") }
        }
        let model = message { model in
            model.number(1, 8)
            model.bytes(7, graph)
            model.message(8) { $0.number(2, 17) }
        }
        return .bytes(model)
    }

    fileprivate static func message(_ fields: (inout Protobuf) -> Void) -> Data {
        var writer = Protobuf()
        fields(&writer)
        return writer.data
    }
}

/// As much of protocol buffers as an ONNX file takes.
private struct Protobuf {
    var data = Data()

    mutating func number(_ field: Int, _ value: Int) {
        varint(field << 3)
        varint(value)
    }

    mutating func bytes(_ field: Int, _ value: Data) {
        varint(field << 3 | 2)
        varint(value.count)
        data.append(value)
    }

    mutating func text(_ field: Int, _ value: String) {
        bytes(field, Data(value.utf8))
    }

    mutating func message(_ field: Int, _ fields: (inout Protobuf) -> Void) {
        bytes(field, SlowModel.message(fields))
    }

    /// A `ValueInfoProto`.
    mutating func value(_ name: String) {
        text(1, name)
        message(2) { type in
            type.message(1) { tensor in
                tensor.number(1, 1)
                tensor.message(2) { shape in shape.message(1) { $0.number(1, 1) } }
            }
        }
    }

    private mutating func varint(_ value: Int) {
        var rest = UInt(value)
        while rest > 0x7f {
            data.append(UInt8(rest & 0x7f | 0x80))
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}
