import SwiftUI

/// A name, a bar and a value, which grow with the text.
struct BarRow: View {
    let title: String
    let value: String
    let fraction: Double
    let isChosen: Bool

    @ScaledMetric private var height = 8.0

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            HStack {
                Text(title).fontWeight(isChosen ? .bold : .regular)
                Spacer()
                Text(value).monospacedDigit().foregroundStyle(.secondary)
            }
            GeometryReader { place in
                ZStack(alignment: .leading) {
                    Capsule().fill(.quaternary)
                    Capsule().fill(isChosen ? AnyShapeStyle(.tint) : AnyShapeStyle(.secondary))
                        .frame(width: place.size.width * min(max(fraction, 0), 1))
                }
            }
            .frame(height: height)
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(title)
        .accessibilityValue(value)
        .accessibilityAddTraits(isChosen ? .isSelected : [])
    }
}
