//! The plans of a model: a few, the least recently used goes first.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tandem_core::{Control, Tensor};

use crate::fault::Fault;

/// What a plan was made for, input by input in the model's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlanKey {
    pub(crate) inputs: Vec<InputKey>,
}

/// What a plan knows of one input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InputKey {
    pub(crate) shape: Vec<usize>,
    /// The value, where it decides shapes.
    pub(crate) value: Option<Tensor>,
}

/// Plans by key. Each is made once, by whoever wants it first, while others run.
#[derive(Debug)]
pub(crate) struct Plans<P> {
    capacity: usize,
    /// The least recently used first.
    slots: Mutex<Vec<Slot<P>>>,
    /// Told when a plan was made, or its making given up.
    changed: Arc<Changed>,
}

#[derive(Debug)]
struct Slot<P> {
    key: PlanKey,
    /// `None` while it is being made.
    plan: Option<Arc<P>>,
}

/// A condition with a count, so that no change is missed between looking and waiting.
#[derive(Debug, Default)]
struct Changed {
    count: Mutex<u64>,
    condition: Condvar,
}

impl Changed {
    fn count(&self) -> u64 {
        *lock(&self.count)
    }

    fn tell(&self) {
        *lock(&self.count) += 1;
        self.condition.notify_all();
    }

    /// Waits until the count is no longer `seen`, or until the deadline.
    fn wait(&self, seen: u64, deadline: Option<Instant>) {
        let count = lock(&self.count);
        match deadline {
            None => drop(self.condition.wait_while(count, |count| *count == seen)),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                drop(self.condition.wait_timeout_while(count, left, |count| *count == seen));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P> Plans<P> {
    /// Room for `capacity` plans, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), slots: Mutex::new(Vec::new()), changed: Arc::default() }
    }

    /// The plan for `key`; `make` makes it where there is none.
    pub(crate) fn get(
        &self,
        key: PlanKey,
        control: &Control,
        make: impl FnOnce(&PlanKey) -> Result<P, Fault>,
    ) -> Result<Arc<P>, Fault> {
        loop {
            control.check(Instant::now())?;
            let seen = self.changed.count();
            match self.look_up(&key) {
                Found::Ready(plan) => return Ok(plan),
                Found::Ours => return self.fill(key, make),
                Found::Making => {
                    let changed = self.changed.clone();
                    let _registration = control.token.on_cancel(move || changed.tell());
                    self.changed.wait(seen, control.deadline);
                }
            }
        }
    }

    /// Adds a plan.
    pub(crate) fn add(&self, key: PlanKey, plan: P) {
        lock(&self.slots).push(Slot { key, plan: Some(Arc::new(plan)) });
    }

    /// What `read` gives of a plan at hand whose key `fits`. Makes none, waits for none, and counts as no use.
    pub(crate) fn peek<T>(
        &self,
        fits: impl Fn(&PlanKey) -> bool,
        read: impl Fn(&P) -> Option<T>,
    ) -> Option<T> {
        let slots = lock(&self.slots);
        slots.iter().filter(|slot| fits(&slot.key)).find_map(|slot| read(slot.plan.as_ref()?))
    }

    fn look_up(&self, key: &PlanKey) -> Found<P> {
        let mut slots = lock(&self.slots);
        let Some(index) = slots.iter().position(|slot| slot.key == *key) else {
            slots.push(Slot { key: key.clone(), plan: None });
            return Found::Ours;
        };
        let slot = slots.remove(index);
        let found = slot.plan.clone().map_or(Found::Making, Found::Ready);
        slots.push(slot);
        found
    }

    fn fill(&self, key: PlanKey, make: impl FnOnce(&PlanKey) -> Result<P, Fault>) -> Result<Arc<P>, Fault> {
        let outcome = make(&key).map(Arc::new);
        let mut slots = lock(&self.slots);
        slots.retain(|slot| slot.plan.is_some() || slot.key != key);
        if let Ok(plan) = &outcome {
            slots.push(Slot { key, plan: Some(plan.clone()) });
            let ready = slots.iter().filter(|slot| slot.plan.is_some()).count();
            for _ in self.capacity..ready {
                if let Some(oldest) = slots.iter().position(|slot| slot.plan.is_some()) {
                    slots.remove(oldest);
                }
            }
        }
        drop(slots);
        self.changed.tell();
        outcome
    }
}

enum Found<P> {
    Ready(Arc<P>),
    /// Nobody has made it: it is ours to make.
    Ours,
    /// Somebody else is making it.
    Making,
}

#[cfg(test)]
mod tests;
