//! What every request of a server sees.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::body::{Budget, Reader};
use crate::execution::{Job, execute};
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
                work(served, jobs);
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
            work(served, vec![job]);
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
fn work(served: &Served, jobs: Vec<Job>) {
    if catch_unwind(AssertUnwindSafe(|| execute(served, jobs))).is_err() {
        log::error!("a run of model {:?} panicked", served.name);
    }
}
