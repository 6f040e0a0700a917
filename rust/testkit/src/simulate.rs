//! A world in virtual time for the planner: a link, a server and a device that take no real time.
//!
//! The planner and its estimates are the real ones; only what they are told took place is made up, by formulas and from a
//! seed. Beside the planner run the same requests an oracle that knows what each placement will take, the cloud alone and
//! the device alone, each in a world of its own.

mod grid;
mod models;
mod policy;
mod world;

pub use grid::{Cell, Grid, Load};
pub use models::{ModelError, SimulatedCut, SimulatedModel, models_from_json};
pub use policy::{Driver, Policy, Turn};
pub use world::{Measured, World, WorldOptions};
