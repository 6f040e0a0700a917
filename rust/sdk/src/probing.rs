//! What is asked of endpoints beside a run: probes over zeros, where their answer could change the next decision, and a
//! server's own counts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tandem_core::{
    CancellationToken, Control, CountsQuestion, DType, DeviceState, Endpoint, ModelCosts, ModelInfo,
    NamedTensors, Probe, ProbeObservation, ProbeWork, RemoteError, RemoteRequest, RemoteTiming, RunOptions,
    Tensor, TensorInfo,
};

use crate::costs::{Sizes, shape};
use crate::model::Shared;

/// A probe is given up after this time: an endpoint that takes longer is worth nothing to the planner.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a probe needs to know of the run beside which it is sent.
pub(crate) struct Occasion {
    pub(crate) options: RunOptions,
    pub(crate) costs: Arc<ModelCosts>,
    pub(crate) device: DeviceState,
    /// The sizes of the run's inputs.
    pub(crate) sizes: Sizes,
}

/// What is asked.
pub(crate) enum Question {
    /// An exchange that tells what the endpoint and the way there are worth.
    Probe(Probe),
    /// What the endpoint counted.
    Counts(CountsQuestion),
}

/// Asks on a thread of its own, where nothing else is being asked. Nobody waits for it; closing the model ends it.
pub(crate) fn send(shared: &Arc<Shared>, question: Question, occasion: Occasion) {
    if shared.parts.probing.swap(true, Ordering::AcqRel) {
        return;
    }
    let token = CancellationToken::child_of([&shared.closing]);
    let work = shared.clone();
    let spawned = thread::Builder::new().name("tandem-probe".to_owned()).spawn(move || {
        // The flag goes down however the probe ends.
        let _over = Over(&work);
        let control = Control { token, deadline: Instant::now().checked_add(PATIENCE) };
        match question {
            Question::Probe(probe) => perform(&work, probe, &occasion, &control),
            Question::Counts(question) => count(&work, &question, &occasion, &control),
        }
    });
    if spawned.is_err() {
        shared.parts.probing.store(false, Ordering::Release);
    }
}

struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.parts.probing.store(false, Ordering::Release);
    }
}

/// Sends the probe, and at once what its answer asks for: while the radio is awake that costs least.
fn perform(shared: &Shared, probe: Probe, occasion: &Occasion, control: &Control) {
    let mut next = Some(probe);
    while let Some(probe) = next {
        let Ok(endpoint) = shared.parts.endpoints.get(&probe.endpoint) else { return };
        let result = ask(shared, &probe, occasion, endpoint, control);
        if control.token.is_cancelled() {
            return;
        }
        if let Err(error) = &result {
            log::debug!("a probe of endpoint {:?} failed: {error}", endpoint.name);
        }
        let timing = result.ok();
        shared.parts.learning.with(|estimates, now| {
            let (costs, device, tls, timing) =
                (&*occasion.costs, &occasion.device, endpoint.is_tls(), timing.as_ref());
            estimates.observe_probe(&ProbeObservation { probe: &probe, costs, device, tls, timing }, now);
        });
        next = shared.follow_up(&probe, &occasion.options, &occasion.costs, &occasion.device);
    }
}

fn count(shared: &Shared, question: &CountsQuestion, occasion: &Occasion, control: &Control) {
    let parts = &shared.parts;
    let (Ok(endpoint), Some(remote)) = (parts.endpoints.get(&question.endpoint), &parts.remote) else {
        return;
    };
    let tail = |id: &str| shared.splits.as_ref()?.cut(id).map(|cut| &cut.remote);
    let served = question.cut.as_ref().map_or(Some(&shared.info), |id| tail(id));
    let Some(served) = served else { return };
    match remote.counts(endpoint, served, control) {
        Ok(counts) => parts.learning.with(|estimates, now| {
            estimates.observe_counts(question, &occasion.costs, counts.as_ref(), now);
        }),
        Err(error) => log::debug!("endpoint {:?} was asked for its counts: {error}", endpoint.name),
    }
}

fn ask(
    shared: &Shared,
    probe: &Probe,
    occasion: &Occasion,
    endpoint: &Endpoint,
    control: &Control,
) -> Result<RemoteTiming, RemoteError> {
    let remote = shared.parts.remote.as_ref().ok_or(RemoteError::NoEndpoint)?;
    let over = |model: &ModelInfo| {
        let inputs = zeros(&model.inputs, &occasion.sizes)
            .ok_or_else(|| RemoteError::Internal { detail: "a size of the model is not known".to_owned() })?;
        let wanted = model.wanted_outputs(&[])?;
        let request = RemoteRequest { endpoint, model, inputs: &inputs, wanted: &wanted, id: None };
        remote.infer(&request, control).map(|answer| answer.timing)
    };
    match &probe.work {
        ProbeWork::Whole => over(&shared.info),
        ProbeWork::Tail { cut } => {
            let cut = shared.splits.as_ref().and_then(|splits| splits.cut(cut));
            let cut =
                cut.ok_or_else(|| RemoteError::Internal { detail: "there is no such cut".to_owned() })?;
            over(&cut.remote)
        }
        work => {
            let padding = if let ProbeWork::Look { padding } = work { *padding } else { 0 };
            if let Some(timing) = remote.look(endpoint, padding, control)? {
                return Ok(timing);
            }
            // The first may have to connect; the second tells the round trip alone.
            let connecting = Instant::now();
            remote.is_ready(endpoint, control)?;
            let asked = Instant::now();
            remote.is_ready(endpoint, control)?;
            let wait = asked.elapsed();
            let connect = asked.duration_since(connecting).saturating_sub(wait);
            Ok(RemoteTiming { connect, wait, ..RemoteTiming::default() })
        }
    }
}

/// Tensors of zeros and empty texts; `None` where a size is not known.
fn zeros(infos: &[TensorInfo], sizes: &Sizes) -> Option<NamedTensors> {
    let mut tensors = NamedTensors::default();
    for info in infos {
        let shape = shape(info, sizes)?;
        let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))?;
        let tensor = match info.dtype {
            DType::String => Tensor::from_strings(shape, vec![String::new(); count]),
            dtype => Tensor::from_bytes(dtype, shape, &vec![0; count.checked_mul(dtype.size()?)?]),
        };
        tensors.push(&info.name, tensor.ok()?).ok()?;
    }
    Some(tensors)
}
