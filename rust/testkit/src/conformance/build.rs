//! Words to write cases with.

use tandem_core::{DeviceState, ErrorCode, InferenceMode, Placement, Reason, Sensitivity, Tensor};

use super::{Before, Call, Case, Considered, Expect, Load, NamedValues, Options};

/// A model of the repository that the server serves.
pub(super) fn served(model: &str) -> String {
    format!("repository/{model}/1/model.onnx")
}

/// A case that loads `model` and calls it; what is to come of it follows.
///
/// A served file is called `model.onnx`, so it is loaded under the name that the server knows: its folder's.
pub(super) fn case(name: &str, model: impl Into<String>, call: Call) -> Case {
    let model = model.into();
    let folder = model.strip_prefix("repository/").and_then(|path| path.split('/').next());
    Case {
        name: name.to_owned(),
        load: Load { name: folder.map(str::to_owned), ..Load::default() },
        model,
        device: None,
        before: None,
        call,
        options: Options::default(),
        inputs: Vec::new(),
        expect: Expect::default(),
    }
}

impl Case {
    pub(super) fn load(mut self, load: Load) -> Self {
        self.load = load;
        self
    }

    pub(super) fn before(mut self, before: Before) -> Self {
        self.before = Some(before);
        self
    }

    pub(super) fn input(mut self, name: &str, tensor: &Tensor) -> Self {
        self.inputs.push(NamedValues::new(name, tensor));
        self
    }

    pub(super) fn endpoint(mut self, endpoint: &str) -> Self {
        self.options.endpoint = Some(endpoint.to_owned());
        self
    }

    pub(super) fn mode(mut self, mode: InferenceMode) -> Self {
        self.options.mode = mode;
        self
    }

    pub(super) fn sensitivity(mut self, sensitivity: Sensitivity) -> Self {
        self.options.sensitivity = sensitivity;
        self
    }

    pub(super) fn device(mut self, device: DeviceState) -> Self {
        self.device = Some(device);
        self
    }

    pub(super) fn private_tensor(mut self, name: &str) -> Self {
        self.options.private_tensors.push(name.to_owned());
        self
    }

    /// What must be among the candidates.
    pub(super) fn considers(mut self, placement: Placement, allowed: bool, reason: Reason) -> Self {
        self.expect.candidates.push(Considered { placement, allowed, reason });
        self
    }

    /// Where it runs, or what a plan tries first, whatever the reason.
    pub(super) fn first(mut self, placement: Placement) -> Self {
        self.expect.placement = Some(placement);
        self
    }

    /// Why there.
    pub(super) fn because(mut self, reason: Reason) -> Self {
        self.expect.reason = Some(reason);
        self
    }

    pub(super) fn wanted(mut self, outputs: &[&str]) -> Self {
        self.options.outputs = outputs.iter().map(ToString::to_string).collect();
        self
    }

    pub(super) fn gives(mut self, name: &str, tensor: &Tensor) -> Self {
        self.expect.outputs.push(NamedValues::new(name, tensor));
        self
    }

    pub(super) fn within(mut self, tolerance: f64) -> Self {
        self.expect.tolerance = tolerance;
        self
    }

    pub(super) fn on_device(mut self, reason: Reason) -> Self {
        self.expect.placement = Some(Placement::OnDevice);
        self.expect.reason = Some(reason);
        self
    }

    pub(super) fn in_cloud(mut self, endpoint: &str, reason: Reason) -> Self {
        self.expect.placement = Some(Placement::InCloud { endpoint: endpoint.into() });
        self.expect.reason = Some(reason);
        self
    }

    pub(super) fn fails(mut self, code: ErrorCode, says: &[&str]) -> Self {
        self.expect.error = Some(code);
        self.expect.says = says.iter().map(ToString::to_string).collect();
        self
    }
}
