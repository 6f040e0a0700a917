import DemoModel
import SwiftUI

/// The screen Settings.
struct SettingsView: View {
    @Bindable var model: SettingsModel

    var body: some View {
        NavigationStack {
            Form {
                Section {
                    TextField("Address", text: $model.draft.address, prompt: Text("https://models.example.com"))
                        .textContentType(.URL)
                        .keyboardType(.URL)
                        .textInputAutocapitalization(.never)
                        .autocorrectionDisabled()
                    SecureField("Token", text: $model.token)
                    Toggle("Trusted with internal data", isOn: $model.draft.isTrusted)
                } header: {
                    Text("Endpoint")
                } footer: {
                    Text("A server of the Open Inference Protocol v2. Without one, everything runs on this device.")
                }
                Section("Trust anchors (PEM)") {
                    TextEditor(text: $model.draft.trustAnchors)
                        .font(.footnote.monospaced())
                        .frame(minHeight: 80)
                        .autocorrectionDisabled()
                        .accessibilityLabel("Trust anchors in PEM form")
                }
                Section {
                    Button("Test connection") { model.test() }
                        .disabled(model.isBusy || model.draft.address.isEmpty)
                    Button("Save") { model.keep() }
                        .disabled(model.isBusy || !model.isChanged)
                    if model.isBusy { ProgressView("Working") }
                    if let outcome = model.outcome { outcomeLabel(outcome) }
                }
            }
            .navigationTitle("Settings")
        }
        .task { model.appear() }
    }

    private func outcomeLabel(_ outcome: SettingsModel.Outcome) -> some View {
        switch outcome {
        case .ready(let time): Label("Ready, after \(Words.time(time))", systemImage: "checkmark.circle")
        case .notReady: Label("It answers, and is not ready.", systemImage: "hourglass")
        case .kept: Label("Saved", systemImage: "checkmark.circle")
        case .failed(let why): Label(why, systemImage: "exclamationmark.triangle")
        }
    }
}
