//! The server answers what the device answers, for every model and element type, in both forms.

use tandem::{LoadOptions, RunOptions, Runtime};
use tandem_core::{DType, NamedTensors};
use tandem_testkit::agreement::{disagreement, floats};
use tandem_testkit::models::{Suite, catalog};
use tandem_wire::{Form, InferRequest, InferResponse};

use crate::http::Answer;
use crate::world::{Repository, Running};

const TOLERANCE: f64 = 1e-5;

fn send(world: &Running, model: &str, inputs: &NamedTensors, form: Form) -> Answer {
    let request = InferRequest { inputs: inputs.clone(), default_form: form, ..InferRequest::default() };
    world.connect().post_payload(&format!("/v2/models/{model}/infer"), &request.encode(form).unwrap())
}

fn ask(world: &Running, model: &str, inputs: &NamedTensors, form: Form) -> NamedTensors {
    let answer = send(world, model, inputs, form);
    assert_eq!(answer.status, 200, "{model}: {}", String::from_utf8_lossy(&answer.body));
    let length = answer.header("inference-header-content-length").map(|length| length.parse().unwrap());
    assert_eq!(length.is_some(), form == Form::Binary, "{model}");
    InferResponse::decode(&answer.body.into(), length).unwrap().outputs
}

fn assert_agree(what: &str, device: &NamedTensors, server: &NamedTensors) {
    assert_eq!(disagreement(device, server, TOLERANCE), None, "{what}");
}

#[test]
fn device_and_server_agree_on_every_test_model_in_both_forms() {
    let entries: Vec<_> =
        catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test).collect();
    let mut repository = Repository::new();
    for entry in &entries {
        repository = repository.with(entry.name(), 1, &entry.model().unwrap());
    }
    let world = repository.serve();
    let runtime = Runtime::builder().build().unwrap();
    let mut compared = 0;
    for entry in &entries {
        let name = entry.name();
        let model = runtime.load(world.repository.model(name, 1), &LoadOptions::default()).unwrap();
        let info = model.info();
        let has_f16 = info.inputs.iter().chain(&info.outputs).any(|tensor| tensor.dtype == DType::F16);
        for seed in 0..2 {
            let inputs = entry.inputs(&entry.model().unwrap(), seed).unwrap();
            let device = match model.predict(&inputs, &RunOptions::default()) {
                Ok(prediction) => prediction.outputs,
                Err(error) => {
                    let answer = send(&world, name, &inputs, Form::Binary);
                    assert!(answer.status >= 400, "{name}: the device says {error}");
                    continue;
                }
            };
            assert_agree(name, &device, &ask(&world, name, &inputs, Form::Binary));
            compared += 1;
            let finite = device.iter().filter_map(|(_, tensor)| floats(tensor)).flatten().all(f64::is_finite);
            if !has_f16 && finite {
                assert_agree(name, &device, &ask(&world, name, &inputs, Form::Json));
                compared += 1;
            }
        }
    }
    assert!(compared >= 3 * entries.len(), "{compared} of {}", entries.len());
}
