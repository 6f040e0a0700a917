//! Whose turn it is: a bounded queue per lane, lanes in turn. Pure: time comes in as an argument.
//!
//! A lane is what waits for one version of a model. A free thread takes from the lane whose turn it is, one job or, on a
//! lane that puts jobs together, as many as are its share; the lane then goes to the end of the line.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How jobs of a lane wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LanePolicy {
    /// Jobs that may wait.
    pub(crate) capacity: usize,
    /// How jobs are put together; `None` is one by one.
    pub(crate) gathering: Option<Gathering>,
}

impl LanePolicy {
    /// Whether a job that comes alone is to be taken at once.
    pub(crate) fn takes_at_once(&self) -> bool {
        self.gathering.as_ref().is_none_or(|it| it.delay.is_zero() && !it.fills)
    }
}

/// How jobs are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gathering {
    /// The sizes above 1 to which jobs are put together, ascending; at least one.
    pub(crate) sizes: Vec<usize>,
    /// How long the first job may wait for others.
    pub(crate) delay: Duration,
    /// Whether a job waits even while no other does.
    pub(crate) waits_alone: bool,
    /// Whether the sizes are to be reached whenever enough jobs wait, or jobs are shared out among the threads.
    pub(crate) fills: bool,
}

impl Gathering {
    /// The largest size that `jobs` jobs make up, 1 where they make up none.
    pub(crate) fn size_within(&self, jobs: usize) -> usize {
        self.sizes.iter().copied().rfind(|&size| size <= jobs).unwrap_or(1)
    }
}

struct Lane<J> {
    policy: LanePolicy,
    jobs: VecDeque<(Instant, J)>,
}

/// What a free thread is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn<J> {
    /// These jobs of that lane.
    Work(usize, Vec<J>),
    /// Nothing before this moment.
    Wait(Instant),
    /// Nothing.
    Idle,
}

/// Jobs that wait, by lane.
pub(crate) struct Schedule<J> {
    lanes: Vec<Lane<J>>,
    /// The lanes that have jobs, the next one first. Each at most once.
    line: VecDeque<usize>,
    threads: usize,
}

impl<J> Schedule<J> {
    pub(crate) fn new(policies: impl IntoIterator<Item = LanePolicy>, threads: usize) -> Self {
        let lanes = policies.into_iter().map(|policy| Lane { policy, jobs: VecDeque::new() });
        Self { lanes: lanes.collect(), line: VecDeque::new(), threads: threads.max(1) }
    }

    /// Adds a job that came at `now`. Gives it back where the lane is full.
    pub(crate) fn push(&mut self, lane: usize, job: J, now: Instant) -> Result<(), J> {
        let Some(waiting) = self.lanes.get_mut(lane) else {
            return Err(job);
        };
        if waiting.jobs.len() >= waiting.policy.capacity {
            return Err(job);
        }
        waiting.jobs.push_back((now, job));
        if waiting.jobs.len() == 1 {
            self.line.push_back(lane);
        }
        Ok(())
    }

    /// What a thread that is free at `now` is to do.
    pub(crate) fn next(&mut self, now: Instant) -> Turn<J> {
        let mut earliest: Option<Instant> = None;
        for place in 0..self.line.len() {
            let lane = self.line[place];
            match self.lanes[lane].due(now, self.threads) {
                Due::Now(count) => {
                    self.line.remove(place);
                    let jobs = &mut self.lanes[lane].jobs;
                    let taken = jobs.drain(..count.min(jobs.len())).map(|(_, job)| job).collect();
                    if !jobs.is_empty() {
                        self.line.push_back(lane);
                    }
                    return Turn::Work(lane, taken);
                }
                Due::At(moment) => {
                    earliest = Some(earliest.map_or(moment, |earliest| earliest.min(moment)));
                }
            }
        }
        earliest.map_or(Turn::Idle, Turn::Wait)
    }

    /// Jobs that wait on a lane.
    pub(crate) fn depth(&self, lane: usize) -> usize {
        self.lanes.get(lane).map_or(0, |lane| lane.jobs.len())
    }
}

enum Due {
    Now(usize),
    At(Instant),
}

impl<J> Lane<J> {
    fn due(&self, now: Instant, threads: usize) -> Due {
        let (Some(gathering), Some((first, _))) = (&self.policy.gathering, self.jobs.front()) else {
            return Due::Now(1);
        };
        let waiting = self.jobs.len();
        let full = gathering.sizes.last().is_some_and(|&largest| waiting >= largest);
        if full || (gathering.fills && gathering.sizes.contains(&waiting)) {
            return Due::Now(gathering.size_within(waiting));
        }
        if gathering.waits_alone || waiting > 1 {
            let due = *first + gathering.delay;
            if now < due {
                return Due::At(due);
            }
        }
        let share = if gathering.fills { waiting } else { waiting.div_ceil(threads) };
        Due::Now(gathering.size_within(share))
    }
}

#[cfg(test)]
mod tests;
