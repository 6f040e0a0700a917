//! What a compute thread does with jobs: decode, run, encode, reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tandem_core::{CancelRegistration, CancellationToken, Error, ModelInfo, NamedTensors, RunOptions};
use tandem_wire::{InferRequest, Payload, ResponseHead, encode_response, row_as_scalar};
use tokio::sync::oneshot;

use crate::batching;
use crate::body::Received;
use crate::refusal::Refusal;
use crate::served::Served;
use crate::stats::Times;

/// A request whose body has come, and where its answer goes.
pub(crate) struct Job {
    pub(crate) body: Received,
    /// The value of the header that says where the JSON ends.
    pub(crate) header_length: Option<usize>,
    pub(crate) queued: Instant,
    /// Cancelled once nobody waits for the answer.
    pub(crate) token: CancellationToken,
    pub(crate) reply: oneshot::Sender<Result<Answered, Refusal>>,
}

impl Job {
    /// Whether this is likely done before another thread would have it: the model has been quick with such bodies, there
    /// is little JSON to read, and nothing says that it is to wait for others.
    pub(crate) fn is_quick(&self, served: &Served) -> bool {
        const MOST_JSON: usize = 8 << 10;
        let bytes = self.body.bytes.len();
        self.header_length.unwrap_or(bytes) <= MOST_JSON
            && served.policy.takes_at_once()
            && served.pace.is_quick(bytes)
    }
}

/// An answer and what it took.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) payload: Payload,
    pub(crate) times: Times,
}

/// A job that has been decoded and fits the model.
struct Request {
    job: Job,
    message: InferRequest,
    /// The outputs wanted; empty is all of them.
    wanted: Vec<String>,
    /// Rows of all inputs; `None` where they have no common number.
    rows: Option<usize>,
    times: Times,
}

/// Tells how long one thing after the other took, with one look at the clock for each.
struct Laps(Instant);

impl Laps {
    /// Time since the last lap.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.saturating_duration_since(std::mem::replace(&mut self.0, now))
    }
}

/// Answers every job. They were taken at `taken`.
pub(crate) fn execute(served: &Served, jobs: Vec<Job>, taken: Instant) {
    let mut laps = Laps(taken);
    let jobs = match <[Job; 1]>::try_from(jobs) {
        Ok([job]) => return execute_one(served, job, taken),
        Err(jobs) => jobs,
    };
    let mut groups: Vec<Vec<Request>> = Vec::new();
    for job in jobs {
        if let Some(request) = prepare(served, job, taken, &mut laps) {
            match groups.iter_mut().find(|group| group.first().is_some_and(|first| request.joins(first))) {
                Some(group) => group.push(request),
                None => groups.push(vec![request]),
            }
        }
    }
    for group in groups {
        for batch in batches(served, group) {
            run_batch(served, batch, &mut laps);
        }
    }
}

/// Answers one job, taken at `taken`.
pub(crate) fn execute_one(served: &Served, job: Job, taken: Instant) {
    let mut laps = Laps(taken);
    if let Some(request) = prepare(served, job, taken, &mut laps) {
        run_alone(served, request, &mut laps);
    }
}

/// Decodes a job; answers it at once where it does not fit.
fn prepare(served: &Served, job: Job, taken: Instant, laps: &mut Laps) -> Option<Request> {
    let mut times = Times { queue: taken.saturating_duration_since(job.queued), ..Times::default() };
    if job.token.is_cancelled() {
        served.stats.lock().failed(&times);
        return None;
    }
    let decoded = decode(served, &job);
    times.input = laps.lap();
    match decoded {
        Ok((message, wanted)) => {
            let rows = batching::rows(&message.inputs);
            Some(Request { job, message, wanted, rows, times })
        }
        Err(refusal) => {
            served.stats.lock().failed(&times);
            reply(job.reply, Err(refusal));
            None
        }
    }
}

fn decode(served: &Served, job: &Job) -> Result<(InferRequest, Vec<String>), Refusal> {
    let info = served.model.info();
    let body = &job.body.bytes;
    let mut message = match (job.header_length, info.inputs.as_slice()) {
        (Some(0), [input]) => InferRequest::decode_raw(body, input)?,
        (Some(0), inputs) => {
            let count = inputs.len();
            return Err(Refusal::bad_request(format!(
                "a body without JSON is one tensor, the model has {count} inputs"
            )));
        }
        (header_length, _) => InferRequest::decode(body, header_length)?,
    };
    if info.inputs.iter().any(|input| input.shape.as_ref().is_some_and(Vec::is_empty)) {
        message.inputs = with_scalars(info, message.inputs)?;
    }
    info.check_inputs(&message.inputs).map_err(Error::from)?;
    let names: Vec<String> = message.outputs.iter().map(|output| output.name.clone()).collect();
    // Who names none wants all, as the model does.
    let wanted = match names.as_slice() {
        [] => Vec::new(),
        names => info.wanted_outputs(names).map_err(Error::from)?,
    };
    if let Some(limit) = served.max_rows {
        for (name, tensor) in message.inputs.iter() {
            if let Some(&rows) = tensor.shape().first().filter(|&&rows| rows > limit) {
                return Err(Refusal::bad_request(format!(
                    "input {name:?} has a batch of {rows}, the model's max_batch_size is {limit}"
                )));
            }
        }
    }
    Ok((message, wanted))
}

/// The inputs, with scalars where the model takes scalars and rows of one came.
fn with_scalars(info: &ModelInfo, inputs: NamedTensors) -> Result<NamedTensors, Refusal> {
    let inputs = inputs.into_iter().map(|(name, tensor)| {
        let tensor = match info.input(&name) {
            Some(input) => row_as_scalar(&tensor, input),
            None => tensor,
        };
        (name, tensor)
    });
    Ok(NamedTensors::new(inputs).map_err(Error::from)?)
}

impl Request {
    fn joins(&self, other: &Self) -> bool {
        self.rows.is_some()
            && other.rows.is_some()
            && self.wanted == other.wanted
            && batching::fit_together(&self.message.inputs, &other.message.inputs)
    }
}

/// Cuts a group into runs whose rows make up one of the model's sizes; what does not is run alone.
fn batches(served: &Served, group: Vec<Request>) -> Vec<Vec<Request>> {
    let Some(gathering) = &served.policy.gathering else {
        return group.into_iter().map(|request| vec![request]).collect();
    };
    let mut rest = group;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let mut rows = 0_usize;
        let mut count = 1;
        for (index, request) in rest.iter().enumerate() {
            rows = request.rows.map_or(usize::MAX, |more| more.saturating_add(rows));
            if gathering.sizes.contains(&rows) {
                count = index + 1;
            }
            if gathering.sizes.last().is_none_or(|&largest| rows >= largest) {
                break;
            }
        }
        let after = rest.split_off(count);
        batches.push(std::mem::replace(&mut rest, after));
    }
    batches
}

/// Runs requests together. Where that fails each is run alone, so that none suffers for another.
fn run_batch(served: &Served, mut batch: Vec<Request>, laps: &mut Laps) {
    if batch.len() > 1 {
        match run_together(served, &batch, laps) {
            Ok((parts, time)) => return finish_all(served, batch, parts, time, laps),
            Err(reason) => log::debug!("a batch of model {:?} is run one by one: {reason}", served.name),
        }
    }
    for request in batch.drain(..) {
        run_alone(served, request, laps);
    }
}

fn run_alone(served: &Served, mut request: Request, laps: &mut Laps) {
    let result = run(served, &request.message.inputs, &request.wanted, &request.job.token);
    let time = laps.lap();
    match result {
        Ok(outputs) => finish_all(served, vec![request], vec![outputs], time, laps),
        Err(error) => {
            request.times.infer = time;
            served.stats.lock().failed(&request.times);
            reply(request.job.reply, Err(error.into()));
        }
    }
}

fn run_together(
    served: &Served,
    batch: &[Request],
    laps: &mut Laps,
) -> Result<(Vec<NamedTensors>, Duration), String> {
    let inputs: Vec<&NamedTensors> = batch.iter().map(|request| &request.message.inputs).collect();
    let rows: Vec<usize> = batch.iter().filter_map(|request| request.rows).collect();
    let wanted = batch.first().map(|request| request.wanted.as_slice()).unwrap_or_default();
    let whole = batching::concatenate(&inputs).map_err(|error| error.to_string())?;
    let tokens: Vec<&CancellationToken> = batch.iter().map(|request| &request.job.token).collect();
    let (token, _registrations) = all_cancelled(&tokens);
    laps.lap();
    let outputs = run(served, &whole, wanted, &token).map_err(|error| error.to_string())?;
    let time = laps.lap();
    let parts =
        batching::split(&outputs, &rows).ok_or("an output has another number of rows than the inputs")?;
    Ok((parts, time))
}

/// A token that is cancelled once all of `tokens` are: one caller who leaves does not stop the others' run.
fn all_cancelled(tokens: &[&CancellationToken]) -> (CancellationToken, Vec<CancelRegistration>) {
    let together = CancellationToken::new();
    let left = Arc::new(AtomicUsize::new(tokens.len()));
    let register = |token: &&CancellationToken| {
        let (together, left) = (together.clone(), left.clone());
        token.on_cancel(move || {
            if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                together.cancel();
            }
        })
    };
    let registrations = tokens.iter().map(register).collect();
    (together, registrations)
}

fn run(
    served: &Served,
    inputs: &NamedTensors,
    wanted: &[String],
    token: &CancellationToken,
) -> Result<NamedTensors, Error> {
    let options = RunOptions { outputs: wanted.to_vec(), token: token.clone(), ..RunOptions::default() };
    served.model.predict(inputs, &options).map(|prediction| prediction.outputs)
}

/// Encodes and replies to every request of one run. What is counted is counted before anybody hears of it.
fn finish_all(
    served: &Served,
    batch: Vec<Request>,
    parts: Vec<NamedTensors>,
    time: Duration,
    laps: &mut Laps,
) {
    let mut rows = 0;
    let mut run = Times { infer: time, ..Times::default() };
    let alone = batch.len() == 1;
    let mut answers = Vec::with_capacity(batch.len());
    for (request, outputs) in batch.into_iter().zip(parts) {
        let head = ResponseHead {
            model_name: Some(&served.name),
            model_version: Some(&served.version_text),
            id: request.message.id.as_deref(),
        };
        let payload = encode_response(head, &outputs, |name| request.message.form_of(name));
        let times = Times { infer: time, output: laps.lap(), ..request.times };
        run.input += times.input;
        run.output += times.output;
        if alone {
            served.pace.note(request.job.body.bytes.len(), times.input + times.infer + times.output);
        }
        let counted = served.counted_rows(request.rows);
        rows += counted;
        answers.push((request.job.reply, payload, counted, times));
    }
    let mut counters = served.stats.lock();
    for (_, payload, rows, times) in &answers {
        match payload {
            Ok(_) => counters.succeeded(*rows, times),
            Err(_) => counters.failed(times),
        }
    }
    counters.executed(rows, &run);
    drop(counters);
    for (to, payload, _, times) in answers {
        reply(to, payload.map(|payload| Answered { payload, times }).map_err(Refusal::from));
    }
}

/// Replies. Whoever waited may have gone: then there is nobody to tell.
fn reply(to: oneshot::Sender<Result<Answered, Refusal>>, answer: Result<Answered, Refusal>) {
    let _gone = to.send(answer).is_err();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_run_is_cancelled_by_the_last_caller_who_leaves() {
        let callers: [CancellationToken; 3] = Default::default();
        callers[1].cancel();
        let (together, _registrations) = all_cancelled(&callers.each_ref());
        assert!(!together.is_cancelled());
        callers[0].cancel();
        callers[0].cancel();
        assert!(!together.is_cancelled());
        callers[2].cancel();
        assert!(together.is_cancelled());
    }
}
