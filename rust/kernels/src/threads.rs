//! Threads that share the work of one kernel.
//!
//! Whoever runs a kernel inside of [`Threads::run`] offers its parts to the helpers of that pool, takes parts itself until
//! none is left, and waits for those that helpers took. So nobody ever waits for a helper that has not begun, and a pool
//! that is busy with other runs costs nothing. Parts write places of their own and compute each number as one thread
//! would: the result is the same bit for bit.

mod disjoint;
mod job;

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub(crate) use disjoint::Disjoint;
use job::{Job, Offer};

/// Multiply-adds of the smallest part worth another thread: some microseconds, several times what it costs to hand it over.
const GRAIN: usize = 1 << 18;

/// How long a thread looks out for what comes next before it sleeps: about what waking it would cost.
const LOOK_OUT: Duration = Duration::from_micros(100);

/// Parts for each thread, where there is work enough: one that comes late finds fewer left.
const PARTS: usize = 3;

thread_local! {
    /// The pool that this thread's kernels share their work with.
    static CURRENT: Cell<Option<Arc<Pool>>> = const { Cell::new(None) };
}

/// A pool of threads, one of which is always the caller's own.
///
/// Its helpers start with the first run and sleep while there is none. They end when the pool is dropped, which waits for them.
/// Any number of threads may run in it at once; helpers go where the fewest are.
///
/// ```
/// use tandem_kernels::{InstructionSet, Threads, softmax};
///
/// let threads = Threads::new(2);
/// let (x, mut out) = (vec![1.0; 1 << 16], vec![0.0; 1 << 16]);
/// threads.run(|| softmax(InstructionSet::best(), 256, &x, &mut out))?;
/// # Ok::<(), tandem_kernels::KernelError>(())
/// ```
#[derive(Debug)]
pub struct Threads {
    pool: Arc<Pool>,
    helpers: OnceLock<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Pool {
    /// The caller and its helpers.
    count: usize,
    grain: usize,
    state: Mutex<State>,
    wake: Condvar,
    /// Counts what was offered: looked at without the lock.
    offers: AtomicUsize,
    /// Runs under way. While there is none, no helper looks out.
    runs: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// What is open to helpers; each is taken out by whoever offered it.
    offered: Vec<Offer>,
    sleeping: usize,
    closed: bool,
}

impl Threads {
    /// The most threads of a pool.
    pub const MOST: usize = 64;

    /// A pool of `count` threads, the caller's own included: at least one, at most [`MOST`](Self::MOST). With one, kernels run
    /// as they do without a pool, and no thread is ever started.
    pub fn new(count: usize) -> Self {
        Self::with_grain(count, GRAIN)
    }

    /// As [`Threads::new`], with parts of at least `grain` multiply-adds each, or what takes as long. A kernel with less than
    /// two such parts stays on one thread.
    pub fn with_grain(count: usize, grain: usize) -> Self {
        let pool = Pool {
            count: count.clamp(1, Self::MOST),
            grain: grain.max(1),
            state: Mutex::default(),
            wake: Condvar::new(),
            offers: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
        };
        Self { pool: Arc::new(pool), helpers: OnceLock::new() }
    }

    /// Its threads, the caller's own included.
    pub fn count(&self) -> usize {
        self.pool.count
    }

    /// Does `work` on this thread; kernels that it runs share their parts with the helpers. Where the system gives no more
    /// threads, there are fewer helpers. A panic in a helper goes on in the caller.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.pool.count == 1 {
            return work();
        }
        self.helpers.get_or_init(|| start_helpers(&self.pool));
        let _run = Run::begin(&self.pool);
        work()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.pool.lock().closed = true;
        self.pool.wake.notify_all();
        for helper in self.helpers.take().into_iter().flatten() {
            // A helper has no panic to tell of: those of its work went to whoever offered it.
            let _ = helper.join();
        }
    }
}

fn start_helpers(pool: &Arc<Pool>) -> Vec<JoinHandle<()>> {
    let start = |index: usize| {
        let pool = pool.clone();
        thread::Builder::new().name(format!("tandem-{index}")).spawn(move || pool.help())
    };
    (1..pool.count).map_while(|index| start(index).ok()).collect()
}

/// The time in which a thread's kernels use a pool.
struct Run<'a> {
    pool: &'a Pool,
    before: Option<Arc<Pool>>,
}

impl<'a> Run<'a> {
    fn begin(pool: &'a Arc<Pool>) -> Self {
        pool.runs.fetch_add(1, Ordering::Relaxed);
        Self { pool, before: CURRENT.replace(Some(pool.clone())) }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
        self.pool.runs.fetch_sub(1, Ordering::Relaxed);
    }
}

/// While it lives, this thread has no pool: parts are not cut any further.
struct Apart(Option<Arc<Pool>>);

impl Drop for Apart {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// What reading and writing so many elements once costs, in multiply-adds.
pub(crate) fn moves(elements: usize) -> usize {
    elements.saturating_mul(16)
}

/// How many threads a kernel of so many multiply-adds may use.
pub(crate) fn available(products: usize) -> usize {
    let apart = Apart(CURRENT.take());
    apart.0.as_ref().map_or(1, |pool| pool.count.min(products / pool.grain).max(1))
}

/// Does `work` for all of `units`, which take `products` multiply-adds together, in ranges that threads share.
pub(crate) fn share(units: usize, products: usize, work: impl Fn(Range<usize>) + Sync) {
    share_parts(PARTS, units, products, work);
}

/// As [`share`], with one range for each thread: where a range more costs work more.
pub(crate) fn divide(units: usize, products: usize, work: impl Fn(Range<usize>) + Sync) {
    share_parts(1, units, products, work);
}

fn share_parts(each: usize, units: usize, products: usize, work: impl Fn(Range<usize>) + Sync) {
    let apart = Apart(CURRENT.take());
    let parts = apart.0.as_ref().map_or(1, |pool| (pool.count * each).min(products / pool.grain).min(units));
    match &apart.0 {
        Some(pool) if parts > 1 => {
            pool.share(parts, &|part| work(even(units, parts, &(part..part + 1))));
        }
        _ => {
            drop(apart);
            work(0..units);
        }
    }
}

/// Some of so many parts of `count` things, which differ by one at most: the larger come first.
pub(crate) fn even(count: usize, parts: usize, own: &Range<usize>) -> Range<usize> {
    let (size, larger) = (count / parts, count % parts);
    let start = |part: usize| part * size + part.min(larger);
    start(own.start)..start(own.end)
}

/// [`share`] over rows of a slice: `work` gets the first row's index and the rows.
pub(crate) fn share_rows<T: Send>(
    out: &mut [T],
    row: usize,
    products: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let rows = out.len() / row.max(1);
    let out = Disjoint::new(out);
    share(rows, products, |range| {
        // SAFETY: the rows of a range are inside, and those of no other.
        work(range.start, unsafe { out.range(range.start * row..range.end * row) });
    });
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        let job = Job::new(parts, work);
        let mut state = self.lock();
        // SAFETY: it is withdrawn, and everybody inside waited for, before `job` goes: nothing between panics.
        state.offered.push(unsafe { job.offer() });
        let woken = state.sleeping.min(parts - 1);
        drop(state);
        self.offers.fetch_add(1, Ordering::Release);
        for _ in 0..woken {
            self.wake.notify_one();
        }
        job.work();
        self.lock().offered.retain(|offer| !offer.is(&job));
        job.finish();
    }

    /// What a helper does all its life.
    fn help(&self) {
        let mut state = self.lock();
        while !state.closed {
            let Some(offer) = state.join() else {
                state = self.wait(state);
                continue;
            };
            drop(state);
            offer.work();
            state = self.lock();
        }
    }

    /// Waits for an offer: awake for a short time while somebody runs, asleep from then on.
    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let seen = self.offers.load(Ordering::Acquire);
        drop(state);
        let start = Instant::now();
        while self.runs.load(Ordering::Relaxed) > 0 && start.elapsed() < LOOK_OUT {
            if look_out(|| self.offers.load(Ordering::Acquire) != seen) {
                return self.lock();
            }
        }
        let mut state = self.lock();
        // What was offered before the lock was taken is in the list, what comes after wakes us.
        if !state.closed && !state.offered.iter().any(Offer::is_open) {
            state.sleeping += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleeping -= 1;
        }
        state
    }
}

impl State {
    /// Joins the offer that the fewest help with; the one that waits longest, of several.
    fn join(&mut self) -> Option<job::Joined> {
        let open = self.offered.iter().filter(|offer| offer.is_open());
        open.min_by_key(|offer| offer.helpers()).map(Offer::join)
    }
}

/// Looks whether something is so for about a microsecond, then lets others have the core.
fn look_out(so: impl Fn() -> bool) -> bool {
    for _ in 0..64 {
        if so() {
            return true;
        }
        std::hint::spin_loop();
    }
    thread::yield_now();
    false
}

#[cfg(test)]
mod tests;
