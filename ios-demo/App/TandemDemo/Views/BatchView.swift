import DemoModel
import SwiftUI
import Tandem

/// The screen Batch.
struct BatchView: View {
    @Bindable var model: BatchModel
    @Environment(\.scenePhase) private var phase
    @SceneStorage("batch") private var kept = Data()

    var body: some View {
        NavigationStack {
            List {
                Section("What to run") {
                    Stepper("Rounds: \(model.rounds)", value: $model.rounds, in: 1...1000)
                    ModePicker(mode: $model.mode)
                }
                .disabled(model.isRunning)
                Section {
                    if model.isRunning {
                        Button("Cancel", role: .cancel) { model.cancel() }
                    } else {
                        Button("Read all pictures") { model.start() }
                    }
                }
                if let progress = model.progress { result(progress) }
            }
            .navigationTitle("Batch")
        }
        .task { if !model.isRunning { model.restore(kept) } }
        .onChange(of: phase) { if phase != .active { kept = model.snapshot } }
    }

    private func result(_ progress: BatchProgress) -> some View {
        Section("Result") {
            ProgressView("\(progress.done) of \(progress.total) pictures", value: progress.fraction)
            if let end = model.end { Text(words(end)) }
            LabeledContent("Right", value: progress.accuracy.map(Words.share) ?? "–")
            LabeledContent("Pictures a second", value: progress.throughput.map(Words.number) ?? "–")
            ForEach(progress.places.sorted { $0.value > $1.value }, id: \.key) { placement, count in
                LabeledContent(Words.placement(placement), value: "\(count)")
            }
        }
    }

    private func words(_ end: BatchModel.End) -> String {
        switch end {
        case .finished: "All pictures were read."
        case .cancelled: "Stopped."
        case .failed(let why): why
        }
    }
}
