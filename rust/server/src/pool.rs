//! The compute threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::schedule::{LanePolicy, Schedule, Turn};

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// As many jobs as may wait on its lane are waiting.
    Full,
    /// The pool is stopping.
    Stopping,
}

struct State<J> {
    schedule: Schedule<J>,
    open: bool,
}

struct Shared<J> {
    state: Mutex<State<J>>,
    /// Jobs that wait on all lanes: written under the lock, read without it.
    waiting: AtomicUsize,
    wake: Condvar,
}

/// A fixed number of threads that work off a [`Schedule`].
pub(crate) struct Pool<J> {
    shared: Arc<Shared<J>>,
    /// Closed once every thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl<J: Send + 'static> Pool<J> {
    /// Starts the threads. Each calls `work` with jobs of one lane; `work` must not panic.
    pub(crate) fn start(
        policies: impl IntoIterator<Item = LanePolicy>,
        threads: usize,
        work: impl Fn(usize, Vec<J>) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let state = State { schedule: Schedule::new(policies, threads), open: true };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), waiting: AtomicUsize::new(0), wake: Condvar::new() });
        let work = Arc::new(work);
        let (alive, ended) = channel();
        // Made before the threads: where one cannot be started, dropping the pool ends the others.
        let pool = Self { shared, ended: Mutex::new(ended) };
        for number in 0..threads.max(1) {
            let (shared, work, alive): (_, _, Sender<()>) =
                (pool.shared.clone(), work.clone(), alive.clone());
            thread::Builder::new().name(format!("tandem-compute-{number}")).spawn(move || {
                while let Some((lane, jobs)) = shared.next() {
                    work(lane, jobs);
                }
                drop(alive);
            })?;
        }
        Ok(pool)
    }

    /// Queues a job. Gives back why where it was not taken.
    pub(crate) fn submit(&self, lane: usize, job: J) -> Result<(), NotTaken> {
        let mut state = self.shared.lock();
        if !state.open {
            return Err(NotTaken::Stopping);
        }
        state.schedule.push(lane, job, Instant::now()).map_err(|_| NotTaken::Full)?;
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Whether nothing waits, on any lane. May be out of date as soon as it is told.
    pub(crate) fn is_free(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) == 0
    }

    /// Jobs that wait on a lane.
    pub(crate) fn depth(&self, lane: usize) -> usize {
        self.shared.lock().schedule.depth(lane)
    }

    /// Takes no more jobs, and waits until those there are done, for at most `patience`. Whether they are.
    pub(crate) fn stop(&self, patience: Duration) -> bool {
        self.shared.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(ended.recv_timeout(patience), Err(RecvTimeoutError::Disconnected))
    }
}

impl<J> Drop for Pool<J> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<J> Shared<J> {
    /// The next jobs, once there are some; `None` once the pool is stopping and nothing waits.
    fn next(&self) -> Option<(usize, Vec<J>)> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state = match state.schedule.next(now) {
                Turn::Work(lane, jobs) => {
                    self.waiting.fetch_sub(jobs.len(), Ordering::Relaxed);
                    return Some((lane, jobs));
                }
                Turn::Wait(moment) => {
                    let wait = self.wake.wait_timeout(state, moment.saturating_duration_since(now));
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                Turn::Idle if !state.open => return None,
                Turn::Idle => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn close(&self) {
        self.lock().open = false;
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(capacity: usize) -> LanePolicy {
        LanePolicy { capacity, gathering: None }
    }

    #[test]
    fn every_job_is_done_before_the_pool_ends() {
        let done = Arc::new(AtomicUsize::new(0));
        let counter = done.clone();
        let pool = Pool::start([lane(10_000), lane(10_000)], 3, move |_, jobs: Vec<()>| {
            counter.fetch_add(jobs.len(), Ordering::SeqCst);
        })
        .unwrap();
        thread::scope(|scope| {
            for caller in 0..4 {
                let pool = &pool;
                scope.spawn(move || (0..500).for_each(|_| pool.submit(caller % 2, ()).unwrap()));
            }
        });
        assert!(pool.stop(Duration::from_mins(1)));
        assert_eq!(done.load(Ordering::SeqCst), 2000);
        assert_eq!(pool.submit(0, ()), Err(NotTaken::Stopping));
    }

    #[test]
    fn what_does_not_fit_is_refused_at_once() {
        let (started, wait_started) = channel();
        let (release, wait_release) = channel::<()>();
        let wait_release = Mutex::new(wait_release);
        let pool = Pool::start([lane(1)], 1, move |_, _: Vec<()>| {
            started.send(()).unwrap();
            wait_release.lock().unwrap().recv().unwrap();
        })
        .unwrap();
        pool.submit(0, ()).unwrap();
        wait_started.recv().unwrap();
        pool.submit(0, ()).unwrap();
        assert_eq!(pool.submit(0, ()), Err(NotTaken::Full));
        assert_eq!(pool.depth(0), 1);
        assert!(!pool.is_free());
        assert!(!pool.stop(Duration::from_millis(1)), "a job still runs");
        release.send(()).unwrap();
        release.send(()).unwrap();
        assert!(pool.stop(Duration::from_mins(1)));
        assert!(pool.is_free());
    }
}
