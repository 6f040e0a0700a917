use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tandem_core::Interrupt;

use super::*;

fn key(size: usize) -> PlanKey {
    PlanKey { inputs: vec![InputKey { shape: vec![size], value: None }] }
}

/// Asks for the plan of `size`; gives whether it had to be made.
fn made(plans: &Plans<usize>, size: usize) -> bool {
    let mut made = false;
    let plan = plans.get(key(size), &Control::default(), |_| {
        made = true;
        Ok(size)
    });
    assert_eq!(plan.as_deref(), Ok(&size));
    made
}

#[test]
fn the_least_recently_used_plan_goes_first() {
    let plans = Plans::new(2);
    assert!(made(&plans, 1));
    assert!(made(&plans, 2));
    assert!(!made(&plans, 1));
    assert!(made(&plans, 3));
    assert!(!made(&plans, 1));
    assert!(made(&plans, 2));
}

#[test]
fn there_is_room_for_one_plan_at_least() {
    let plans = Plans::new(0);
    assert!(made(&plans, 1));
    assert!(!made(&plans, 1));
}

#[test]
fn keys_differ_by_shape_and_by_value() {
    let value = |value: i64| Tensor::from_vec([1], vec![value]).ok();
    let input = |shape: usize, value| InputKey { shape: vec![shape], value };
    assert_ne!(input(1, value(1)), input(1, value(2)));
    assert_ne!(input(1, value(1)), input(2, value(1)));
    assert_eq!(input(1, value(1)), input(1, value(1)));
}

#[test]
fn many_threads_that_want_one_plan_make_it_once() {
    let plans = Plans::new(4);
    let (count, barrier) = (AtomicUsize::new(0), Barrier::new(16));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                let plan = plans.get(key(1), &Control::default(), |_| {
                    thread::sleep(Duration::from_millis(20));
                    Ok(count.fetch_add(1, Ordering::SeqCst))
                });
                assert_eq!(plan.as_deref(), Ok(&0));
            });
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn another_key_is_served_while_one_is_being_made() {
    let plans = Plans::new(4);
    let (started, finish) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            plans.get(key(1), &Control::default(), |_| {
                started.wait();
                finish.wait();
                Ok(1)
            })
        });
        started.wait();
        assert!(made(&plans, 2));
        finish.wait();
    });
    assert!(!made(&plans, 1));
}

#[test]
fn a_waiter_leaves_when_it_is_cancelled_or_late() {
    let plans = Plans::new(4);
    let (started, finish) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            plans.get(key(1), &Control::default(), |_| {
                started.wait();
                finish.wait();
                Ok(1)
            })
        });
        started.wait();
        let late =
            Control { deadline: Some(Instant::now() + Duration::from_millis(5)), ..Control::default() };
        let answer = plans.get(key(1), &late, |_| Ok(2));
        assert_eq!(answer, Err(Fault::Interrupted(Interrupt::DeadlineExceeded)));
        let control = Control::default();
        let token = control.token.clone();
        let plans = &plans;
        let waiter = scope.spawn(move || plans.get(key(1), &control, |_| Ok(2)));
        token.cancel();
        assert_eq!(waiter.join().unwrap(), Err(Fault::Interrupted(Interrupt::Cancelled)));
        finish.wait();
    });
}

#[test]
fn after_a_failure_the_next_one_tries_again() {
    let plans = Plans::new(4);
    let failed = plans.get(key(1), &Control::default(), |_| Err(Fault::Internal("no".to_owned())));
    assert_eq!(failed, Err(Fault::Internal("no".to_owned())));
    assert!(made(&plans, 1));
}
