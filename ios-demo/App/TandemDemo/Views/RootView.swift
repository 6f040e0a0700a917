import DemoModel
import SwiftUI

/// All screens, and what holds for all of them.
struct RootView: View {
    let models: DemoModels
    @SceneStorage("screen") private var screen = Screen.draw

    enum Screen: String {
        case draw, plan, batch, settings
    }

    var body: some View {
        Group {
            switch models.session.state {
            case .loading: ProgressView("Loading the model")
            case .failed(let why):
                ContentUnavailableView("No model", systemImage: "xmark.octagon", description: Text(why))
            case .ready: tabs
            }
        }
        .task { await models.session.start() }
    }

    private var tabs: some View {
        TabView(selection: $screen) {
            DrawView(model: models.draw)
                .tabItem { Label("Draw", systemImage: "scribble.variable") }
                .tag(Screen.draw)
            PlanView(model: models.plan)
                .tabItem { Label("Plan", systemImage: "chart.bar.xaxis") }
                .tag(Screen.plan)
            BatchView(model: models.batch)
                .tabItem { Label("Batch", systemImage: "square.stack.3d.up") }
                .tag(Screen.batch)
            SettingsView(model: models.settings)
                .tabItem { Label("Settings", systemImage: "gearshape") }
                .tag(Screen.settings)
        }
        .safeAreaInset(edge: .top) {
            if let notice = models.session.notice { Notice(text: notice) }
        }
    }
}

/// A line above every screen.
struct Notice: View {
    let text: String

    var body: some View {
        Label(text, systemImage: "wifi.slash")
            .font(.footnote)
            .frame(maxWidth: .infinity, alignment: .leading)
            .padding()
            .background(.bar)
            .accessibilityAddTraits(.updatesFrequently)
    }
}
