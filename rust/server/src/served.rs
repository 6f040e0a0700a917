//! One version of a model that is served.

use tandem::Model;
use tandem_core::{Dimension, LoadOptions, ModelInfo, ModelSource, RunOptions};

use crate::batching::probe;
use crate::pace::Pace;
use crate::repository::ModelConfig;
use crate::schedule::{Gathering, LanePolicy};
use crate::stats::Stats;
use crate::{ServerConfig, ServerError};

/// Plans that are kept beside those of the sizes to which requests are put together.
const OTHER_PLANS: usize = 8;

/// One version of a model that is served.
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) version: u64,
    /// The version as answers say it.
    pub(crate) version_text: String,
    pub(crate) model: Model,
    /// Rows a request may have; `None` where the configuration does not say.
    pub(crate) max_rows: Option<usize>,
    pub(crate) policy: LanePolicy,
    pub(crate) stats: Stats,
    pub(crate) pace: Pace,
}

impl Served {
    /// How many inferences a request counts for: its rows, where the model is one whose rows are inferences.
    pub(crate) fn counted_rows(&self, rows: Option<usize>) -> usize {
        let has_batches = self.max_rows.is_some() || self.policy.gathering.is_some();
        rows.filter(|_| has_batches).unwrap_or(1)
    }
}

/// Loads models with what the server is told.
pub(crate) struct Loader<'a> {
    runtime: tandem::Runtime,
    server: &'a ServerConfig,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(server: &'a ServerConfig) -> Result<Self, ServerError> {
        Ok(Self { runtime: tandem::Runtime::builder().threads(server.run_threads).build()?, server })
    }

    /// Loads one version. An error is the reason why it is not served.
    pub(crate) fn load(
        &self,
        name: &str,
        version: u64,
        source: impl Into<ModelSource>,
        config: Option<&ModelConfig>,
    ) -> Result<Served, String> {
        let rows = match config {
            Some(config) => config.max_batch_size,
            None => self.server.max_batch_size,
        };
        let options = LoadOptions {
            limits: self.server.limits,
            name: Some(name.to_owned()),
            plans: OTHER_PLANS + rows.clamp(1, 1 << 20).ilog2() as usize,
            ..LoadOptions::default()
        };
        let model = self.runtime.load(source, &options).map_err(|error| error.to_string())?;
        let gathering = match config {
            Some(config) => {
                config.check_model(model.info())?;
                configured(config, self.server)
            }
            None => self.found_out(name, &model),
        };
        let capacity =
            config.and_then(|config| config.dynamic_batching.max_queue).unwrap_or(self.server.queue_capacity);
        warm_up(&model, gathering.as_ref());
        Ok(Served {
            name: name.to_owned(),
            version,
            version_text: version.to_string(),
            max_rows: config.map(|config| config.max_batch_size).filter(|&rows| rows > 0),
            policy: LanePolicy { capacity, gathering },
            stats: Stats::default(),
            pace: Pace::default(),
            model,
        })
    }

    /// How requests are put together where nobody has said: only where the first sizes of all inputs and outputs are
    /// one symbol, and a trial shows that rows do not depend on each other.
    fn found_out(&self, name: &str, model: &Model) -> Option<Gathering> {
        if self.server.max_batch_size < 2 || !shares_first_symbol(model.info()) {
            return None;
        }
        match probe::try_rows(model) {
            Ok(()) => Some(Gathering {
                sizes: doubling(self.server.max_batch_size),
                delay: self.server.batch_delay,
                waits_alone: false,
                fills: false,
            }),
            Err(reason) => {
                log::info!("requests for model {name:?} are not put together: {reason}");
                None
            }
        }
    }
}

fn configured(config: &ModelConfig, server: &ServerConfig) -> Option<Gathering> {
    let batching = &config.dynamic_batching;
    if config.max_batch_size.min(server.max_batch_size) < 2 {
        return None;
    }
    let preferred: Vec<usize> = batching
        .preferred
        .iter()
        .copied()
        .filter(|&size| (2..=config.max_batch_size).contains(&size))
        .collect();
    let fills = !preferred.is_empty();
    Some(Gathering {
        sizes: if fills { preferred } else { doubling(config.max_batch_size) },
        delay: batching.max_delay.unwrap_or(server.batch_delay),
        waits_alone: batching.max_delay.is_some(),
        fills,
    })
}

/// 2, 4, 8 and so on up to `most`, and `most` itself: few sizes, because the engine prepares a plan for each.
fn doubling(most: usize) -> Vec<usize> {
    let doubled = std::iter::successors(Some(2_usize), |size| size.checked_mul(2));
    let mut sizes: Vec<usize> = doubled.take_while(|&size| size < most).collect();
    sizes.push(most);
    sizes
}

fn shares_first_symbol(info: &ModelInfo) -> bool {
    let mut first = info.inputs.iter().chain(&info.outputs).map(|tensor| {
        match tensor.shape.as_ref().and_then(|shape| shape.first()) {
            Some(Dimension::Symbol(symbol)) => Some(symbol),
            _ => None,
        }
    });
    match first.next().flatten() {
        Some(symbol) => !info.inputs.is_empty() && first.all(|other| other == Some(symbol)),
        None => false,
    }
}

/// Prepares the plans that requests will need, as far as their shapes are known.
fn warm_up(model: &Model, gathering: Option<&Gathering>) {
    let sizes: &[usize] = gathering.map_or(&[], |gathering| &gathering.sizes);
    for &rows in [1].iter().chain(sizes) {
        let Some(inputs) = probe::fixed_inputs(model.info(), rows) else {
            return;
        };
        if let Err(error) = model.warm_up(&inputs, &RunOptions::default()) {
            log::debug!("model {:?} was not warmed up: {error}", model.info().name);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_double_up_to_the_largest() {
        assert_eq!(doubling(8), [2, 4, 8]);
        assert_eq!(doubling(10), [2, 4, 8, 10]);
        assert_eq!(doubling(2), [2]);
        assert_eq!(doubling(3), [2, 3]);
    }
}
