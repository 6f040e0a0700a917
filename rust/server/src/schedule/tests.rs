use super::*;

fn single(capacity: usize) -> LanePolicy {
    LanePolicy { capacity, gathering: None }
}

fn gathering(delay: Duration) -> Gathering {
    Gathering { sizes: vec![2, 4, 8], delay, waits_alone: false, fills: false }
}

fn lane(gathering: Gathering) -> LanePolicy {
    LanePolicy { capacity: 100, gathering: Some(gathering) }
}

fn push(schedule: &mut Schedule<usize>, lane: usize, jobs: usize, now: Instant) {
    for job in 0..jobs {
        schedule.push(lane, job, now).unwrap();
    }
}

fn taken(schedule: &mut Schedule<usize>, now: Instant) -> (usize, usize) {
    match schedule.next(now) {
        Turn::Work(lane, jobs) => (lane, jobs.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_lane_gives_the_job_back() {
    let now = Instant::now();
    let mut schedule = Schedule::new([single(2)], 1);
    push(&mut schedule, 0, 2, now);
    assert_eq!(schedule.push(0, 7, now), Err(7));
    assert_eq!(schedule.depth(0), 2);
    assert_eq!(schedule.next(now), Turn::Work(0, vec![0]));
    assert_eq!(schedule.push(0, 7, now), Ok(()));
}

#[test]
fn lanes_are_served_in_turn_however_much_waits_on_one() {
    let now = Instant::now();
    let mut schedule = Schedule::new([single(100), single(100), single(100)], 1);
    push(&mut schedule, 0, 50, now);
    push(&mut schedule, 2, 2, now);
    push(&mut schedule, 1, 1, now);
    let lanes: Vec<_> = (0..7).map(|_| taken(&mut schedule, now).0).collect();
    assert_eq!(lanes, [0, 2, 1, 0, 2, 0, 0]);
}

#[test]
fn jobs_of_a_lane_leave_in_the_order_in_which_they_came() {
    let now = Instant::now();
    let mut schedule = Schedule::new([lane(gathering(Duration::ZERO))], 1);
    push(&mut schedule, 0, 5, now);
    assert_eq!(schedule.next(now), Turn::Work(0, vec![0, 1, 2, 3]));
    assert_eq!(schedule.next(now), Turn::Work(0, vec![4]));
    assert_eq!(schedule.next(now), Turn::Idle);
}

#[test]
fn what_waits_is_shared_among_the_threads() {
    let now = Instant::now();
    let mut schedule = Schedule::new([lane(gathering(Duration::ZERO))], 2);
    push(&mut schedule, 0, 6, now);
    // Half of six is three, of which two make a size; then half of four, and so on.
    let sizes: Vec<_> = (0..4).map(|_| taken(&mut schedule, now).1).collect();
    assert_eq!(sizes, [2, 2, 1, 1]);
}

#[test]
fn a_lone_job_does_not_wait_for_others() {
    let now = Instant::now();
    let mut schedule = Schedule::new([lane(gathering(Duration::from_millis(5)))], 1);
    push(&mut schedule, 0, 1, now);
    assert_eq!(taken(&mut schedule, now), (0, 1));
}

#[test]
fn two_jobs_wait_for_more_until_the_delay_is_over() {
    let (now, delay) = (Instant::now(), Duration::from_millis(5));
    let mut schedule = Schedule::new([lane(gathering(delay)), single(9)], 1);
    push(&mut schedule, 0, 2, now);
    assert_eq!(schedule.next(now), Turn::Wait(now + delay));
    // Another lane does not wait with them.
    push(&mut schedule, 1, 1, now);
    assert_eq!(taken(&mut schedule, now), (1, 1));
    assert_eq!(taken(&mut schedule, now + delay), (0, 2));
}

#[test]
fn the_largest_size_does_not_wait() {
    let now = Instant::now();
    let mut schedule = Schedule::new([lane(gathering(Duration::from_secs(5)))], 4);
    push(&mut schedule, 0, 9, now);
    assert_eq!(taken(&mut schedule, now), (0, 8));
}

#[test]
fn preferred_sizes_are_filled_and_waited_for() {
    let (now, delay) = (Instant::now(), Duration::from_millis(5));
    let filling = Gathering { sizes: vec![3, 6], delay, waits_alone: true, fills: true };
    let mut schedule = Schedule::new([lane(filling)], 2);
    push(&mut schedule, 0, 1, now);
    assert_eq!(schedule.next(now), Turn::Wait(now + delay));
    push(&mut schedule, 0, 2, now);
    assert_eq!(taken(&mut schedule, now), (0, 3));
    push(&mut schedule, 0, 5, now);
    assert_eq!(schedule.next(now), Turn::Wait(now + delay));
    let later = now + delay;
    let sizes: Vec<_> = (0..3).map(|_| taken(&mut schedule, later).1).collect();
    assert_eq!(sizes, [3, 1, 1]);
}
