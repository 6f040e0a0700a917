import DemoModel
import SwiftUI

/// Where a finger draws.
struct DigitCanvas: View {
    let model: DrawModel
    @State private var isDown = false

    var body: some View {
        GeometryReader { place in
            Canvas { context, size in
                for stroke in model.drawing.strokes {
                    context.stroke(
                        path(of: stroke, in: size), with: .color(.primary),
                        style: StrokeStyle(lineWidth: size.width / 12, lineCap: .round, lineJoin: .round))
                }
            }
            .background(.quinary, in: RoundedRectangle(cornerRadius: 16))
            .gesture(
                DragGesture(minimumDistance: 0)
                    .onChanged { touch in
                        let (width, height) = (place.size.width, place.size.height)
                        model.touch(
                            Drawing.Point(x: touch.location.x / width, y: touch.location.y / height), isNew: !isDown)
                        isDown = true
                    }
                    .onEnded { _ in
                        isDown = false
                        model.read()
                    }
            )
        }
        .aspectRatio(1, contentMode: .fit)
        .accessibilityElement()
        .accessibilityLabel("Drawing area")
        .accessibilityValue(model.drawing.isEmpty ? "Empty" : "Strokes: \(model.drawing.strokes.count)")
        .accessibilityHint("Draw one digit with a finger.")
        .accessibilityAddTraits(.allowsDirectInteraction)
    }

    private func path(of stroke: [Drawing.Point], in size: CGSize) -> Path {
        func place(_ point: Drawing.Point) -> CGPoint {
            CGPoint(x: point.x * size.width, y: point.y * size.height)
        }
        return Path { path in
            path.move(to: place(stroke[0]))
            // A dot is a line to itself, with round ends.
            for point in stroke.count > 1 ? stroke.dropFirst() : stroke[...] { path.addLine(to: place(point)) }
        }
    }
}
