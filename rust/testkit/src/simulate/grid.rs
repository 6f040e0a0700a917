//! The grid on which the planner is held against the oracle: models, rates, delays, servers, loads.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::{CostPlanner, Error, ModelCosts, NetworkKind, Objective};

use super::{Driver, Policy, SimulatedModel, Turn, World, WorldOptions};
use crate::traces::{LinkState, Trace};

/// How busy the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// It has nothing else to do.
    Idle,
    /// Other work takes half of it: everything takes twice as long.
    Busy,
}

impl Load {
    /// How much longer the device takes.
    pub const fn factor(self) -> f64 {
        match self {
            Self::Idle => 1.0,
            Self::Busy => 2.0,
        }
    }
}

/// One point of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell<'a> {
    /// The model.
    pub model: &'a SimulatedModel,
    /// Both ways, in Mbit/s.
    pub rate_mbps: f64,
    /// The round trip, in milliseconds.
    pub delay_ms: f64,
    /// How many times faster the server is than the idle device.
    pub server_speed: f64,
    /// How busy the device is.
    pub load: Load,
}

/// The grid: every model with every rate, delay, server and load.
#[derive(Clone, Debug)]
pub struct Grid {
    /// In Mbit/s.
    pub rates_mbps: Vec<f64>,
    /// Round trips in milliseconds.
    pub delays_ms: Vec<f64>,
    /// Times as fast as the idle device.
    pub server_speeds: Vec<f64>,
    /// How busy the device is.
    pub loads: Vec<Load>,
}

impl Default for Grid {
    fn default() -> Self {
        Self {
            rates_mbps: vec![0.5, 2.0, 10.0, 50.0, 200.0],
            delays_ms: vec![5.0, 40.0, 150.0],
            server_speeds: vec![0.5, 2.0, 8.0],
            loads: vec![Load::Idle, Load::Busy],
        }
    }
}

impl Grid {
    /// Its points for these models.
    pub fn cells<'a>(&self, models: &'a [SimulatedModel]) -> Vec<Cell<'a>> {
        let mut cells = Vec::new();
        for model in models {
            for &rate_mbps in &self.rates_mbps {
                for &delay_ms in &self.delays_ms {
                    for &server_speed in &self.server_speeds {
                        for &load in &self.loads {
                            cells.push(Cell { model, rate_mbps, delay_ms, server_speed, load });
                        }
                    }
                }
            }
        }
        cells
    }
}

impl Cell<'_> {
    /// Its point as text: `resnet 10 Mbit/s 40 ms 2x idle`.
    pub fn label(&self) -> String {
        let load = match self.load {
            Load::Idle => "idle",
            Load::Busy => "busy",
        };
        let Self { model, rate_mbps, delay_ms, server_speed, .. } = self;
        format!("{} {rate_mbps} Mbit/s {delay_ms} ms {server_speed}x {load}", model.name)
    }

    /// The link of this point.
    pub fn link(&self) -> LinkState {
        LinkState::new(self.rate_mbps * 1e6, Duration::from_secs_f64(self.delay_ms / 1e3))
    }

    /// What the planner is told of the model.
    pub fn costs(&self) -> ModelCosts {
        self.model.costs("cloud")
    }

    /// Its world over that link: rates and round trips that wander by some percent, computations by 3 %.
    pub fn world(&self, trace: Arc<Trace>, seed: u64) -> World {
        World::new(WorldOptions {
            trace,
            kind: NetworkKind::Wifi,
            load: self.load.factor(),
            device_seconds: self.model.device_ms / 1e3,
            server_seconds: self.model.server_seconds() / self.server_speed,
            jitter: 0.03,
            queue: 5e-4,
            server_timing: true,
            tls: true,
            timeout: 10.0,
            seed,
        })
    }

    /// Serves `count` requests, one second apart.
    pub fn run(
        &self,
        policy: Policy,
        planner: CostPlanner,
        objective: Objective,
        count: usize,
        seed: u64,
    ) -> Result<Vec<Turn>, Error> {
        let trace = Arc::new(Trace::around(self.link(), 0.05, 0.05, seed));
        let world = self.world(trace, seed);
        let mut driver = Driver::new(policy, world, self.costs(), NetworkKind::Wifi, Duration::from_secs(1))
            .with_planner(planner)
            .with_objective(objective);
        (0..count).map(|_| driver.serve()).collect()
    }
}

#[cfg(test)]
mod tests;
