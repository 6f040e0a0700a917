import DemoModel
import SwiftUI
import Tandem

/// The screen Plan.
struct PlanView: View {
    @Bindable var model: PlanModel
    @Environment(\.scenePhase) private var phase
    @SceneStorage("plan") private var kept = Data()

    var body: some View {
        NavigationStack {
            List {
                circumstances
                Section("What the planner would do") {
                    if let problem = model.problem { Label(problem, systemImage: "exclamationmark.triangle") }
                    ForEach(model.rows) { CandidateView(row: $0) }
                }
                Section {
                    if model.isMeasuring {
                        ProgressView("Measuring")
                    } else {
                        Button("Measure here and there") { model.measure() }
                    }
                }
            }
            .navigationTitle("Plan")
        }
        .task {
            model.restore(kept)
            model.appear()
        }
        .task(id: model.circumstances) { await model.update() }
        .onChange(of: phase) { if phase != .active { kept = model.snapshot } }
    }

    private var circumstances: some View {
        Section("If it were so") {
            Picker("Network", selection: $model.circumstances.link) {
                ForEach(Link.allCases, id: \.self) { Text(Words.link($0)).tag($0) }
            }
            NamedSlider(
                name: "Link speed", text: Words.rate(model.circumstances.megabits),
                position: $model.circumstances.linkPosition)
            NamedSlider(
                name: "Server time", text: "\(Words.number(model.circumstances.serverLoad)) × as learned",
                position: $model.circumstances.loadPosition)
            NamedSlider(
                name: "Battery", text: Words.share(model.circumstances.battery), position: $model.circumstances.battery)
            Picker("Wanted", selection: $model.circumstances.objective) {
                ForEach(Objective.allCases, id: \.self) { Text(Words.objective($0)).tag($0) }
            }
        }
    }
}

/// A slider under its name and value.
struct NamedSlider: View {
    let name: String
    let text: String
    @Binding var position: Double

    var body: some View {
        VStack(alignment: .leading) {
            LabeledContent(name, value: text).accessibilityHidden(true)
            Slider(value: $position, in: 0...1) { Text(name) }
                .accessibilityValue(text)
        }
    }
}

/// A candidate as a bar over its numbers.
struct CandidateView: View {
    let row: CandidateRow

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            BarRow(
                title: Words.placement(row.placement),
                value: row.predicted.map { Words.time($0.latency.p50) } ?? "unknown",
                fraction: row.fraction, isChosen: row.isChosen)
            if let predicted = row.predicted {
                Text(
                    "90 %: \(Words.time(predicted.latency.p05)) to \(Words.time(predicted.latency.p95)) · "
                        + "\(Words.energy(predicted.energyJoules)) · "
                        + "\(Words.bytes(predicted.bytesUp + predicted.bytesDown))")
            }
            Label(row.isChosen ? "Chosen: \(row.reason)" : row.reason, systemImage: symbol)
        }
        .font(.footnote)
        .opacity(row.isAllowed ? 1 : 0.6)
        .accessibilityElement(children: .combine)
    }

    private var symbol: String {
        row.isChosen ? "checkmark.circle.fill" : row.isAllowed ? "circle" : "nosign"
    }
}
