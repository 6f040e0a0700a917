//! Stand-ins for the ports of the core, for tests of what lies above them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::{
    Candidate, Control, Endpoint, Engine, Error, Interrupt, LoadError, LoadOptions, LocalModel, ModelInfo,
    ModelSource, NamedTensors, Placement, Plan, PlanRequest, Planner, Profile, Reason, Remote, RemoteAnswer,
    RemoteError, RemoteRequest, RemoteTiming, RunError,
};

/// A planner that gives the order that it is told, whatever it is asked.
#[derive(Debug, Default)]
pub struct FixedPlanner {
    order: Mutex<Vec<Placement>>,
    hedge_after: Option<Duration>,
}

impl FixedPlanner {
    /// A planner that gives this order.
    pub fn new(order: impl IntoIterator<Item = Placement>) -> Self {
        Self { order: Mutex::new(order.into_iter().collect()), hedge_after: None }
    }

    /// The same with a moment at which a hedged run begins on the device too.
    pub fn hedge_after(self, time: Duration) -> Self {
        Self { hedge_after: Some(time), ..self }
    }

    /// Changes the order.
    pub fn set_order(&self, order: impl IntoIterator<Item = Placement>) {
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = order.into_iter().collect();
    }
}

impl Planner for FixedPlanner {
    fn plan(&self, _: &PlanRequest<'_>) -> Result<Plan, Error> {
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let candidate = |placement: &Placement| Candidate {
            placement: placement.clone(),
            allowed: true,
            reason: Reason::Best,
            predicted: None,
        };
        let candidates = order.iter().map(candidate).collect();
        Ok(Plan { order, candidates, hedge_after: self.hedge_after })
    }
}

/// A client that answers from a script and counts how often it is called, and for which endpoint.
#[derive(Default)]
pub struct ScriptedRemote {
    script: Mutex<VecDeque<Result<NamedTensors, RemoteError>>>,
    called: Mutex<Vec<String>>,
}

impl ScriptedRemote {
    /// A client that gives these results one after the other.
    pub fn new(script: impl IntoIterator<Item = Result<NamedTensors, RemoteError>>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into_iter().collect()), called: Mutex::default() })
    }

    /// The names of the endpoints that were called, in order.
    pub fn called(&self) -> Vec<String> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Remote for ScriptedRemote {
    fn infer(&self, request: &RemoteRequest<'_>, _: &Control) -> Result<RemoteAnswer, RemoteError> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner).push(request.endpoint.name.clone());
        let next = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let outputs =
            next.unwrap_or(Err(RemoteError::Internal { detail: "the script is over".to_owned() }))?;
        Ok(RemoteAnswer { outputs, timing: RemoteTiming::default() })
    }

    fn is_ready(&self, _: &Endpoint, _: &Control) -> Result<bool, RemoteError> {
        Ok(true)
    }
}

/// A model whose runs take longer: after each it waits for what `rest` makes of the time that the run took.
pub fn slow_model(
    model: Arc<dyn LocalModel>,
    rest: impl Fn(Duration) -> Duration + Send + Sync + 'static,
) -> Arc<dyn LocalModel> {
    Arc::new(SlowModel { model, rest })
}

struct SlowModel<F> {
    model: Arc<dyn LocalModel>,
    rest: F,
}

impl<F: Fn(Duration) -> Duration + Send + Sync> LocalModel for SlowModel<F> {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn run(
        &self,
        inputs: &NamedTensors,
        wanted: &[String],
        control: &Control,
    ) -> Result<NamedTensors, RunError> {
        let begun = Instant::now();
        let outputs = self.model.run(inputs, wanted, control);
        std::thread::sleep((self.rest)(begun.elapsed()));
        outputs
    }

    fn profile(&self, inputs: &NamedTensors, control: &Control) -> Result<Profile, RunError> {
        self.model.profile(inputs, control)
    }

    fn warm_up(&self, inputs: &NamedTensors, control: &Control) -> Result<(), RunError> {
        self.model.warm_up(inputs, control)
    }
}

/// An engine whose one model loads or runs until it is stopped, or fails as it is told.
pub struct FakeEngine {
    model: Arc<FakeModel>,
    /// Counts the loads under way, where they take until they are stopped.
    loading: Option<Running>,
}

struct FakeModel {
    info: ModelInfo,
    failure: Option<RunError>,
    running: Running,
}

/// How many runs, or loads, have begun.
#[derive(Clone, Default)]
pub struct Running(Arc<(AtomicUsize, Mutex<()>, Condvar)>);

impl Running {
    /// Waits until `count` have begun; `false` where that took more than ten seconds.
    pub fn wait_for(&self, count: usize) -> bool {
        let (runs, lock, changed) = &*self.0;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed
            .wait_timeout_while(guard, Duration::from_secs(10), |()| runs.load(Ordering::SeqCst) < count);
        waited.is_ok_and(|(_, timeout)| !timeout.timed_out())
    }

    fn begin(&self) {
        let (runs, lock, changed) = &*self.0;
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        runs.fetch_add(1, Ordering::SeqCst);
        changed.notify_all();
    }
}

impl FakeEngine {
    /// An engine whose model runs until it is stopped, and what tells how many runs are under way.
    pub fn endless(info: ModelInfo) -> (Arc<Self>, Running) {
        let running = Running::default();
        let model = Arc::new(FakeModel { info, failure: None, running: running.clone() });
        (Arc::new(Self { model, loading: None }), running)
    }

    /// An engine whose model loads until it is stopped, and what tells how many loads have begun.
    pub fn loading(info: ModelInfo) -> (Arc<Self>, Running) {
        let loading = Running::default();
        let model = Arc::new(FakeModel { info, failure: None, running: Running::default() });
        (Arc::new(Self { model, loading: Some(loading.clone()) }), loading)
    }

    /// An engine whose model fails every run.
    pub fn failing(info: ModelInfo, failure: RunError) -> Arc<Self> {
        let model = Arc::new(FakeModel { info, failure: Some(failure), running: Running::default() });
        Arc::new(Self { model, loading: None })
    }
}

impl Engine for FakeEngine {
    fn load(&self, _: &ModelSource, options: &LoadOptions) -> Result<Arc<dyn LocalModel>, LoadError> {
        let Some(loading) = &self.loading else {
            return Ok(self.model.clone());
        };
        loading.begin();
        let control = Control::starting(Instant::now(), options.timeout, options.token.clone());
        Err(until_stopped(&control).into())
    }
}

impl FakeModel {
    fn end(&self, control: &Control) -> RunError {
        self.running.begin();
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        until_stopped(control).into()
    }
}

fn until_stopped(control: &Control) -> Interrupt {
    loop {
        if let Err(interrupt) = control.check(Instant::now()) {
            return interrupt;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl LocalModel for FakeModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(&self, _: &NamedTensors, _: &[String], control: &Control) -> Result<NamedTensors, RunError> {
        Err(self.end(control))
    }

    fn profile(&self, _: &NamedTensors, control: &Control) -> Result<Profile, RunError> {
        Err(self.end(control))
    }

    fn warm_up(&self, _: &NamedTensors, control: &Control) -> Result<(), RunError> {
        Err(self.end(control))
    }
}
