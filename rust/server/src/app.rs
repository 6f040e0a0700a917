//! What every request of a server sees.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::body::{Budget, Reader};
use crate::execution::{Job, execute, execute_one};
use crate::pool::{NotTaken, Pool};
use crate::repository::Repository;
use crate::served::Served;
use crate::{ServerConfig, ServerError};

/// What every request of a server sees.
pub(crate) struct App {
    pub(crate) repository: Arc<Repository>,
    pub(crate) pool: Pool<Job>,
    pub(crate) reader: Reader,
    stopping: AtomicBool,
}

impl App {
    /// Loads the models and starts the compute threads.
    pub(crate) fn start(config: &ServerConfig) -> Result<Self, ServerError> {
        let repository = Arc::new(Repository::load(config)?);
        let policies: Vec<_> = repository.served().iter().map(|served| served.policy.clone()).collect();
        let models = repository.clone();
        let work = move |lane: usize, jobs: Vec<Job>| {
            if let Some(served) = models.served().get(lane) {
                contain(served, || execute(served, jobs, Instant::now()));
            }
        };
        let pool = Pool::start(policies, config.compute_threads, work).map_err(ServerError::Threads)?;
        let reader = Reader {
            limit: config.max_body_bytes,
            patience: config.idle_timeout,
            budget: Budget::new(config.max_buffered_bytes),
        };
        Ok(Self { repository, pool, reader, stopping: AtomicBool::new(false) })
    }

    /// Has a job done: by a compute thread, or at once where it is so short that handing it over would take longer.
    pub(crate) fn submit(&self, lane: usize, served: &Served, job: Job) -> Result<(), NotTaken> {
        if job.is_quick(served) && self.pool.is_free() {
            let taken = job.queued;
            contain(served, || execute_one(served, job, taken));
            return Ok(());
        }
        self.pool.submit(lane, job)
    }

    /// From now on the server says that it is not ready.
    pub(crate) fn begin_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Does jobs of one model. After a panic their replies are dropped with them, which tells the callers.
fn contain(served: &Served, work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        log::error!("a run of model {:?} panicked", served.name);
    }
}
