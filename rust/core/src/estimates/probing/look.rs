//! Looks: bare probes that cost next to nothing, so that a link that has become good is noticed within some requests.

use crate::estimates::{Estimates, Probe, ProbeCharge, ProbeWork, moment, network, seconds};
use crate::planner::{ExchangeEnergy, transfer};
use crate::{Candidate, EndpointView, NetworkKind, Plan, PlanRequest, PlannerSettings};

/// Bytes of a bare request and of its answer, heads included.
const BYTES: f64 = 400.0;

impl Estimates {
    /// The look at `endpoint` that should be sent now, where nothing else is.
    ///
    /// Only where runs do not use the endpoint, where any link that is good enough would change that, over networks on
    /// which a look wakes no radio and costs no money, and within a share of what the runs themselves take.
    pub(super) fn look(
        &self,
        endpoint: &EndpointView,
        settings: &PlannerSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
    ) -> Option<Probe> {
        let (now, device, name) = (moment(request.now), request.device, &*endpoint.name);
        let free = matches!(device.network, NetworkKind::Wifi | NetworkKind::Ethernet)
            && device.metered != Some(true);
        let chosen = plan.chosen()?;
        let probing = self.probing.get(name, network(device))?;
        let waited = probing.looked.is_none_or(|at| now - at >= seconds(settings.probes.look_interval));
        if !free || !waited || chosen.placement.endpoint() == Some(name) || probing.is_stepping(now) {
            return None;
        }
        // The very best link: nothing but the server's time is left.
        let bar = super::bar(plan)?;
        let flips = |one: &Candidate| {
            one.predicted.is_some_and(|one| one.parts.head + one.parts.encode + one.parts.server < bar)
        };
        let link = self.link(name, device, now)?;
        let handshakes = if link.connected { 0.0 } else { transfer::handshakes(endpoint.tls) };
        let look = ExchangeEnergy {
            asleep: false,
            setup: handshakes * link.rtt,
            upload: 0.0,
            wait: 2.0 * link.rtt,
            download: 0.0,
            bytes_up: 2.0 * BYTES,
            bytes_down: 2.0 * BYTES,
            gap: link.idle,
        };
        let joules = look.joules(&settings.energy, settings.energy.radio(device.network));
        let worth = super::at(name, plan).any(flips) && self.budget.affords(&settings.probes, joules);
        let charge = ProbeCharge::Joules(joules);
        worth.then(|| Probe { endpoint: endpoint.name.clone(), work: ProbeWork::Ready, charge })
    }
}
