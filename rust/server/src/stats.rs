//! What is counted of one version of a model, in the form in which Triton tells it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Batch sizes that are told apart: callers choose them.
const MOST_BATCH_SIZES: usize = 256;

/// How often something happened and how long it took in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) ns: u64,
}

impl Tally {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.ns = self.ns.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// How long the parts of one request took on the compute threads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Waiting for a thread and for others to be put together with.
    pub(crate) queue: Duration,
    /// Making tensors from the body.
    pub(crate) input: Duration,
    /// The model itself.
    pub(crate) infer: Duration,
    /// Making the answer's body.
    pub(crate) output: Duration,
}

impl Times {
    fn total(&self) -> Duration {
        self.queue + self.input + self.infer + self.output
    }
}

#[derive(Clone, Debug, Default, Serialize)]
struct InferenceStats {
    success: Tally,
    fail: Tally,
    queue: Tally,
    compute_input: Tally,
    compute_infer: Tally,
    compute_output: Tally,
    cache_hit: Tally,
    cache_miss: Tally,
}

#[derive(Clone, Copy, Debug, Default)]
struct BatchTallies {
    input: Tally,
    infer: Tally,
    output: Tally,
}

/// The statistics of one batch size.
#[derive(Clone, Debug, Serialize)]
struct BatchStats {
    batch_size: usize,
    compute_input: Tally,
    compute_infer: Tally,
    compute_output: Tally,
}

/// The statistics of one version of a model: an element of `model_stats`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ModelStats {
    name: String,
    version: String,
    /// Milliseconds since 1970.
    last_inference: u64,
    /// Rows of requests that succeeded.
    inference_count: u64,
    /// Runs of the model.
    execution_count: u64,
    inference_stats: InferenceStats,
    response_stats: BTreeMap<String, Tally>,
    batch_stats: Vec<BatchStats>,
    memory_usage: Vec<Tally>,
}

/// Upper bounds of the buckets of a request's duration, in seconds.
pub(crate) const DURATION_BOUNDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds of the buckets of a run's rows.
pub(crate) const ROW_BOUNDS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// How many values fell below each of `N` bounds, how many there were and their sum.
#[derive(Clone, Debug)]
pub(crate) struct Histogram<const N: usize> {
    /// Not cumulative; the last holds what is above every bound.
    pub(crate) buckets: [u64; N],
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { buckets: [0; N], count: 0, sum: 0.0 }
    }
}

impl<const N: usize> Histogram<N> {
    fn add(&mut self, bounds: &[f64; N], value: f64) {
        if let Some(bucket) = bounds.iter().position(|&bound| value <= bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum += value;
    }
}

/// What Prometheus is told beside the numbers of [`ModelStats`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Exposed {
    /// Answers by HTTP status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) durations: Histogram<{ DURATION_BOUNDS.len() }>,
    pub(crate) rows: Histogram<{ ROW_BOUNDS.len() }>,
}

/// What has been counted.
#[derive(Default)]
pub(crate) struct Recorded {
    last_inference: u64,
    inference_count: u64,
    execution_count: u64,
    inference: InferenceStats,
    batches: BTreeMap<usize, BatchTallies>,
    exposed: Exposed,
}

impl Recorded {
    /// One run of the model over `rows` rows.
    pub(crate) fn executed(&mut self, rows: usize, times: &Times) {
        self.execution_count += 1;
        if self.batches.len() < MOST_BATCH_SIZES || self.batches.contains_key(&rows) {
            let batch = self.batches.entry(rows).or_default();
            batch.input.add(times.input);
            batch.infer.add(times.infer);
            batch.output.add(times.output);
        }
        #[allow(clippy::cast_precision_loss, reason = "rows of a run are far below 2^52")]
        self.exposed.rows.add(&ROW_BOUNDS, rows as f64);
    }

    /// One request that was computed, whether its run was shared or not.
    pub(crate) fn succeeded(&mut self, rows: usize, times: &Times) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_inference = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.inference_count = self.inference_count.saturating_add(rows as u64);
        let inference = &mut self.inference;
        inference.success.add(times.total());
        inference.queue.add(times.queue);
        inference.compute_input.add(times.input);
        inference.compute_infer.add(times.infer);
        inference.compute_output.add(times.output);
    }

    /// One request that was not.
    pub(crate) fn failed(&mut self, times: &Times) {
        self.inference.fail.add(times.total());
    }

    /// One answer, whatever it was, and how long it took from the request's head on.
    pub(crate) fn answered(&mut self, status: u16, time: Duration) {
        *self.exposed.statuses.entry(status).or_default() += 1;
        self.exposed.durations.add(&DURATION_BOUNDS, time.as_secs_f64());
    }
}

/// The counters of one version of a model.
#[derive(Default)]
pub(crate) struct Stats(Mutex<Recorded>);

impl Stats {
    /// The counters, to add to. Others wait for as long as this is held.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn exposed(&self) -> Exposed {
        self.lock().exposed.clone()
    }

    pub(crate) fn snapshot(&self, name: &str, version: u64) -> ModelStats {
        let recorded = self.lock();
        let batch_stats = recorded.batches.iter().map(|(&batch_size, batch)| BatchStats {
            batch_size,
            compute_input: batch.input,
            compute_infer: batch.infer,
            compute_output: batch.output,
        });
        ModelStats {
            name: name.to_owned(),
            version: version.to_string(),
            last_inference: recorded.last_inference,
            inference_count: recorded.inference_count,
            execution_count: recorded.execution_count,
            inference_stats: recorded.inference.clone(),
            response_stats: BTreeMap::new(),
            batch_stats: batch_stats.collect(),
            memory_usage: Vec::new(),
        }
    }
}
