//! Work in parts, and how several threads take them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

use super::{LOOK_OUT, look_out};

/// Work in parts, on the stack of the thread that waits for it.
pub(super) struct Job<'a> {
    work: &'a (dyn Fn(usize) + Sync),
    parts: usize,
    /// How many parts are taken: from the first on by the owner, from the last on, times [`LAST`], by helpers. So a thread gets parts
    /// that lie where it had those of the job before, and finds what it wrote then in its own cache.
    taken: AtomicUsize,
    /// Helpers inside.
    helpers: AtomicUsize,
    /// What the first part that panicked had to say.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    owner: Thread,
}

/// One of the last parts, in what counts those that are taken: more than a pool of the most threads makes.
const LAST: usize = 1 << 16;

/// A job that helpers may join. It lies in a pool's list, under its lock, as long as the job lives and no longer.
#[derive(Debug)]
pub(super) struct Offer(*const Job<'static>);

// SAFETY: all that a job has is made for several threads, and whoever has an offer may reach it, as `Job::offer` demands.
unsafe impl Send for Offer {}

/// A job with its helper counted in, so that it lives until [`Joined::work`] is done.
pub(super) struct Joined(*const Job<'static>);

impl<'a> Job<'a> {
    pub(super) fn new(parts: usize, work: &'a (dyn Fn(usize) + Sync)) -> Self {
        let (taken, helpers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { work, parts, taken, helpers, panic: Mutex::default(), owner: thread::current() }
    }

    /// # Safety
    ///
    /// The offer must be gone before [`Job::finish`] is called, and that before the job goes. Between the two, no further
    /// helper may join.
    pub(super) unsafe fn offer(&self) -> Offer {
        Offer(std::ptr::from_ref(self).cast())
    }

    /// Takes parts, the first that is left each time, until none is.
    pub(super) fn work(&self) {
        self.take(1, |[first, _]| first);
    }

    /// Takes parts, the last that is left each time, until none is.
    fn help(&self) {
        self.take(LAST, |[_, last]| self.parts - 1 - last);
    }

    fn take(&self, one: usize, part: impl Fn([usize; 2]) -> usize) {
        loop {
            let taken = split(self.taken.fetch_add(one, Ordering::Relaxed));
            if taken[0] + taken[1] >= self.parts {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.work)(part(taken)))) {
                self.taken.store(self.parts, Ordering::Relaxed);
                let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
                match *first {
                    None => *first = Some(panic),
                    // Its destructor may panic, which must not happen while helpers are inside.
                    Some(_) => std::mem::forget(panic),
                }
            }
        }
    }

    /// Waits until nobody is inside; goes on with a part's panic. The job stays where it is: helpers know it by its place.
    pub(super) fn finish(&self) {
        let done = || self.helpers.load(Ordering::Acquire) == 0;
        let start = Instant::now();
        while !done() {
            if !look_out(done) && start.elapsed() > LOOK_OUT {
                thread::park();
            }
        }
        let panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

/// How many are taken, of the first and of the last.
fn split(taken: usize) -> [usize; 2] {
    [taken % LAST, taken / LAST]
}

impl Offer {
    fn job(&self) -> &Job<'static> {
        // SAFETY: the job lives as long as its offer.
        unsafe { &*self.0 }
    }

    pub(super) fn is(&self, job: &Job<'_>) -> bool {
        std::ptr::eq(self.0, std::ptr::from_ref(job).cast())
    }

    /// Whether there are parts that nobody has taken.
    pub(super) fn is_open(&self) -> bool {
        let [first, last] = split(self.job().taken.load(Ordering::Relaxed));
        first + last < self.job().parts
    }

    pub(super) fn helpers(&self) -> usize {
        self.job().helpers.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self) -> Joined {
        self.job().helpers.fetch_add(1, Ordering::Relaxed);
        Joined(self.0)
    }
}

impl Joined {
    /// Takes parts until none is left, then leaves.
    pub(super) fn work(self) {
        // SAFETY: its owner waits for those inside, until the last line that touches it, which counts us out.
        let owner = unsafe {
            (*self.0).help();
            let owner = (*self.0).owner.clone();
            let left = (*self.0).helpers.fetch_sub(1, Ordering::Release);
            (left == 1).then_some(owner)
        };
        if let Some(owner) = owner {
            owner.unpark();
        }
    }
}
