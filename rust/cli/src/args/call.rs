//! Options of one run.

use std::time::Duration;

use clap::{Args, ValueEnum};
use tandem::{CancellationToken, InferenceMode, Objective, OfflineBehavior, RunOptions, Sensitivity};

use super::values;

/// What every run takes.
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    /// How long each run may take: 250ms, 2s
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    timeout: Option<Duration>,

    /// The output to compute; repeat for more, all without it
    #[arg(long = "output", value_name = "NAME")]
    outputs: Vec<String>,

    /// A word of your own, sent as the request's id
    #[arg(long, value_name = "WORD")]
    tag: Option<String>,
}

impl CallArgs {
    /// These options, stopped by `token`.
    pub(crate) fn options(&self, token: &CancellationToken) -> RunOptions {
        RunOptions {
            timeout: self.timeout,
            outputs: self.outputs.clone(),
            tag: self.tag.clone(),
            token: token.clone(),
            ..RunOptions::default()
        }
    }
}

/// What decides where a run happens.
#[derive(Args, Debug)]
#[command(next_help_heading = "Where it runs")]
pub(crate) struct PolicyArgs {
    /// Where the run may happen
    #[arg(long, value_enum, default_value_t)]
    mode: ModeChoice,

    /// How far the data may travel
    #[arg(long, value_enum, default_value_t)]
    sensitivity: SensitivityChoice,

    /// What a run in mode auto should be best at
    #[arg(long, value_enum, default_value_t)]
    objective: ObjectiveChoice,

    /// What happens when the cloud was chosen and cannot be reached
    #[arg(long, value_enum, default_value_t)]
    offline: OfflineChoice,

    /// A tensor that never leaves the device, nor anything computed from it: an input, an output or, with --manifest, any
    /// inside the graph; repeat for more
    #[arg(long = "private-tensor", value_name = "NAME")]
    private_tensors: Vec<String>,

    /// Begin on this device too where the endpoint takes long; the first answer wins
    #[arg(long)]
    hedge: bool,
}

impl PolicyArgs {
    /// `options` with this policy.
    pub(crate) fn apply(&self, options: RunOptions) -> RunOptions {
        RunOptions {
            mode: self.mode.into(),
            sensitivity: self.sensitivity.into(),
            objective: self.objective.into(),
            offline: self.offline.into(),
            private_tensors: self.private_tensors.clone(),
            hedge: self.hedge,
            ..options
        }
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident for $target:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant),* }

        impl From<$name> for $target {
            fn from(choice: $name) -> Self {
                match choice { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

choice! {
    /// Where a run may happen.
    ModeChoice for InferenceMode {
        /// The planner decides
        #[default]
        Auto,
        /// On this device; in the cloud where the device cannot
        PreferOnDevice,
        /// In the cloud; on this device where the cloud cannot
        PreferInCloud,
        /// On this device or not at all
        OnlyOnDevice,
        /// In the cloud or not at all
        OnlyInCloud,
    }
}

choice! {
    /// How far the data of a run may travel.
    SensitivityChoice for Sensitivity {
        /// To any endpoint
        #[default]
        Public,
        /// To trusted endpoints over TLS only
        Internal,
        /// Nowhere: it never leaves the device
        Private,
    }
}

choice! {
    /// What a run should be best at.
    ObjectiveChoice for Objective {
        /// The earliest answer
        Latency,
        /// The least energy
        Energy,
        /// The fewest bytes sent
        Data,
        /// A weighing of all three
        #[default]
        Balanced,
    }
}

choice! {
    /// What a run does without a network.
    OfflineChoice for OfflineBehavior {
        /// Fail
        Fail,
        /// Run on this device, where the mode allows it
        #[default]
        RunLocally,
    }
}
