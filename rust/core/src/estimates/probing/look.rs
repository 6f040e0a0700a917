//! Looks: bare probes that cost next to nothing, so that a link that has become good is noticed within some requests.

use crate::estimates::{Estimates, LinkNow, Probe, ProbeCharge, ProbeWork, moment, network, seconds};
use crate::number::float;
use crate::planner::{ExchangeEnergy, transfer};
use crate::{DeviceState, EndpointView, NetworkKind, Plan, PlanRequest, PlannerSettings};

/// Bytes of a bare request and of its answer, heads included.
const BYTES: f64 = 400.0;
/// Bytes of padding: they tell 2 Mbit/s from 10, cost a third of what the radio's tail does, and fit every server's limit on
/// the head of a request.
const PADDING: u64 = 4 << 10;

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
        let requests = self.budget.requests().saturating_sub(probing.looked_after);
        let waited = probing.looked.is_none_or(|at| {
            now - at >= seconds(settings.probes.look_interval) && requests >= settings.probes.look_requests
        });
        if !free || !waited || chosen.placement.endpoint() == Some(name) || probing.is_stepping(now) {
            return None;
        }
        let link = self.link(name, device, now)?;
        super::could_win(name, plan).then(|| self.asking(endpoint, 0, &link, settings, device))?
    }

    /// The look with padding that should follow a bare one at once, where the rate is the question: of the two one tells the
    /// round trip, the other what the padding took beside it.
    pub(super) fn padded_look(
        &self,
        endpoint: &EndpointView,
        settings: &PlannerSettings,
        request: &PlanRequest<'_>,
        plan: &Plan,
    ) -> Option<Probe> {
        let link = self.link(&endpoint.name, request.device, moment(request.now))?;
        let asked = super::could_win_at_a_better_rate(&endpoint.name, plan, &link);
        asked.then(|| self.asking(endpoint, PADDING, &link, settings, request.device))?
    }

    /// A bare question to the endpoint with so many bytes of nothing, where looks may still take its joules.
    fn asking(
        &self,
        endpoint: &EndpointView,
        padding: u64,
        link: &LinkNow,
        settings: &PlannerSettings,
        device: &DeviceState,
    ) -> Option<Probe> {
        let handshakes = if link.connected { 0.0 } else { transfer::handshakes(endpoint.tls) };
        let bytes_up = BYTES + float(padding);
        let look = ExchangeEnergy {
            asleep: false,
            setup: handshakes * link.rtt,
            upload: transfer::upload(bytes_up, link.rtt, link.up, transfer::INITIAL_WINDOW).seconds,
            wait: link.rtt,
            download: 0.0,
            bytes_up,
            bytes_down: BYTES,
            gap: link.idle,
        };
        let joules = look.joules(&settings.energy, settings.energy.radio(device.network));
        let affords = self.budget.affords(&settings.probes, joules);
        let (work, charge) = (ProbeWork::Look { padding }, ProbeCharge::Joules(joules));
        affords.then(|| Probe { endpoint: endpoint.name.clone(), work, charge })
    }
}
