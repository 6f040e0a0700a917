/// The models of all screens over one session.
@MainActor
public final class DemoModels {
    /// The runtime and the model behind all screens.
    public let session: DemoSession
    /// The screen Draw.
    public let draw: DrawModel
    /// The screen Plan.
    public let plan: PlanModel
    /// The screen Batch.
    public let batch: BatchModel
    /// The screen Settings.
    public let settings: SettingsModel

    /// Screens over that session.
    public init(session: DemoSession) {
        self.session = session
        draw = DrawModel(session: session)
        plan = PlanModel(session: session)
        batch = BatchModel(session: session)
        settings = SettingsModel(session: session)
    }
}
