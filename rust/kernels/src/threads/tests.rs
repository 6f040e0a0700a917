use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread::ThreadId;

use super::*;

/// Shares `units` over the current pool and tells which threads had some.
fn threads_of(units: usize, products: usize) -> HashSet<ThreadId> {
    let seen = Mutex::new(HashSet::new());
    share(units, products, |_| {
        seen.lock().unwrap().insert(thread::current().id());
    });
    seen.into_inner().unwrap()
}

#[test]
fn every_unit_is_done_once() {
    let threads = Threads::with_grain(3, 1);
    for units in 0..40 {
        let done: Vec<AtomicUsize> = (0..units).map(|_| AtomicUsize::new(0)).collect();
        threads.run(|| {
            share(units, 1000, |range| {
                for unit in range {
                    done[unit].fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{units}: {done:?}");
    }
}

#[test]
fn parts_run_at_the_same_time() {
    let threads = Threads::with_grain(3, 1);
    // Nobody gets past it but three at once.
    let barrier = Barrier::new(3);
    let seen = threads.run(|| {
        let seen = Mutex::new(HashSet::new());
        share(3, 3, |range| {
            assert_eq!(range.len(), 1);
            barrier.wait();
            seen.lock().unwrap().insert(thread::current().id());
        });
        seen.into_inner().unwrap()
    });
    assert_eq!(seen.len(), 3);
    assert!(seen.contains(&thread::current().id()));
}

#[test]
fn little_work_stays_on_one_thread() {
    let threads = Threads::with_grain(4, 100);
    let own = HashSet::from([thread::current().id()]);
    threads.run(|| {
        assert_eq!(threads_of(8, 199), own);
        assert_eq!([available(199), available(200), available(399), available(10_000)], [1, 2, 3, 4]);
    });
    assert_eq!(available(10_000), 1);
    assert_eq!(threads_of(8, 10_000), own);
}

#[test]
fn one_thread_starts_no_other() {
    let one = Threads::new(1);
    one.run(|| assert_eq!(threads_of(8, usize::MAX), HashSet::from([thread::current().id()])));
    assert!(one.helpers.get().is_none());
    let two = Threads::new(2);
    assert!(two.helpers.get().is_none());
    two.run(|| ());
    assert_eq!(two.helpers.get().map(Vec::len), Some(1));
    assert_eq!([Threads::new(0).count(), Threads::new(usize::MAX).count()], [1, Threads::MOST]);
}

#[test]
fn a_panic_of_any_part_reaches_the_caller_and_the_pool_goes_on() {
    let threads = Threads::with_grain(3, 1);
    for bad in 0..6 {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            threads.run(|| share(6, 6, |range| assert!(!range.contains(&bad), "part {bad}")));
        }));
        let panic = outcome.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), &format!("part {bad}"));
        // Neither the pool nor what this thread knows of it is left behind.
        assert_eq!(available(1000), 1);
        threads.run(|| assert_eq!(available(1000), 3));
    }
}

#[test]
fn parts_are_not_cut_again() {
    let threads = Threads::with_grain(2, 1);
    threads.run(|| {
        share(2, 2, |_| {
            assert_eq!(available(1000), 1);
            assert_eq!(threads_of(8, 8), HashSet::from([thread::current().id()]));
        });
    });
}

#[test]
fn several_runs_share_the_helpers() {
    let threads = Threads::with_grain(3, 1);
    let rounds = if cfg!(miri) { 3 } else { 300 };
    thread::scope(|scope| {
        for seed in 0..4 {
            let threads = &threads;
            scope.spawn(move || {
                for round in 0..rounds {
                    let mut out = vec![0; 50];
                    threads.run(|| {
                        share_rows(&mut out, 5, 1000, |first, rows| {
                            rows.iter_mut()
                                .enumerate()
                                .for_each(|(index, to)| *to = first * 5 + index + seed + round);
                        });
                    });
                    assert!(out.iter().enumerate().all(|(index, &value)| value == index + seed + round));
                }
            });
        }
    });
}

#[test]
fn one_range_for_each_thread_where_they_are_to_be_few() {
    let ranges = |units: usize, products: usize| {
        let seen = Mutex::new(Vec::new());
        divide(units, products, |range| seen.lock().unwrap().push(range));
        let mut seen = seen.into_inner().unwrap();
        seen.sort_by_key(|range: &Range<usize>| range.start);
        seen
    };
    Threads::with_grain(3, 10).run(|| {
        assert_eq!(ranges(7, 1000), [0..3, 3..5, 5..7]);
        assert_eq!(ranges(7, 29), [0..4, 4..7]);
        assert_eq!(ranges(2, 1000), [0..1, 1..2]);
    });
    assert_eq!(ranges(7, 1000), std::slice::from_ref(&(0..7)));
}

#[test]
fn helpers_begin_where_the_owner_ends() {
    let seen = Mutex::new(Vec::new());
    let work = |part| seen.lock().unwrap().push(part);
    let order = |run: &dyn Fn(&Job<'_>)| {
        let job = Job::new(4, &work);
        run(&job);
        job.finish();
        std::mem::take(&mut *seen.lock().unwrap())
    };
    assert_eq!(order(&|job| job.work()), [0, 1, 2, 3]);
    // SAFETY: the offer goes before the job, which nobody else works on.
    assert_eq!(order(&|job| unsafe { job.offer() }.join().work()), [3, 2, 1, 0]);
}

#[test]
fn helpers_go_where_the_fewest_are() {
    let work = |_| ();
    let jobs = [Job::new(2, &work), Job::new(2, &work), Job::new(2, &work)];
    // SAFETY: the offers go before the jobs, and nobody works on them.
    let mut state =
        State { offered: jobs.iter().map(|job| unsafe { job.offer() }).collect(), ..State::default() };
    let joined: Vec<_> = (0..4).map_while(|_| state.join()).collect();
    let helpers: Vec<usize> = state.offered.iter().map(Offer::helpers).collect();
    assert_eq!(helpers, [2, 1, 1]);
    for one in joined {
        one.work();
    }
    // All parts are taken.
    assert!(state.join().is_none());
    state.offered.clear();
    jobs.iter().for_each(Job::finish);
}
