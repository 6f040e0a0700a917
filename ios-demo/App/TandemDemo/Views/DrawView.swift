import DemoModel
import SwiftUI
import Tandem

/// The screen Draw.
struct DrawView: View {
    @Bindable var model: DrawModel
    @Environment(\.scenePhase) private var phase
    @SceneStorage("draw") private var kept = Data()

    var body: some View {
        NavigationStack {
            VStack(spacing: 0) {
                DigitCanvas(model: model)
                    .frame(maxWidth: 280, maxHeight: 280)
                    .padding()
                List {
                    answer
                    choices
                }
            }
            .navigationTitle("Draw a digit")
            .toolbar {
                Button("Clear", systemImage: "trash", role: .destructive) { model.clear() }
                    .disabled(model.drawing.isEmpty)
            }
        }
        .task { if model.drawing.isEmpty { model.restore(kept) } }
        .onChange(of: phase) { if phase != .active { kept = model.snapshot } }
        .onChange(of: model.mode) { model.read() }
        .onChange(of: model.sensitivity) { model.read() }
    }

    @ViewBuilder private var answer: some View {
        if let reading = model.reading {
            Section("Answer") {
                Text("\(reading.digit)")
                    .font(.largeTitle.bold())
                    .accessibilityLabel("The digit is \(reading.digit)")
                ForEach(reading.probabilities.indices, id: \.self) { digit in
                    let share = Double(reading.probabilities[digit])
                    BarRow(
                        title: "\(digit)", value: Words.share(share), fraction: share, isChosen: digit == reading.digit)
                }
            }
            Section("Where and why") {
                LabeledContent("Place", value: Words.placement(reading.decision.placement))
                LabeledContent("Because", value: Words.reason(reading.decision.reason))
                if let cause = reading.decision.fallbackCause { LabeledContent("After", value: cause) }
            }
            Section("Time") {
                LabeledContent("Total", value: Words.time(reading.total))
                ForEach(reading.phases) { LabeledContent($0.name, value: Words.time($0.duration)) }
            }
        } else if let problem = model.problem {
            Section("Answer") { Label(problem, systemImage: "exclamationmark.triangle") }
        } else {
            Section("Answer") { Text(model.isReading ? "Reading…" : "Draw a digit above.").foregroundStyle(.secondary) }
        }
    }

    private var choices: some View {
        Section("How to run") {
            ModePicker(mode: $model.mode)
            Picker("Data", selection: $model.sensitivity) {
                ForEach(Sensitivity.allCases, id: \.self) { Text(Words.sensitivity($0)).tag($0) }
            }
        }
    }
}

/// The choice of a mode.
struct ModePicker: View {
    @Binding var mode: InferenceMode

    var body: some View {
        Picker("Mode", selection: $mode) {
            ForEach(InferenceMode.allCases, id: \.self) { Text(Words.mode($0)).tag($0) }
        }
    }
}
