//! Split runs over links that die, and who may see the data of a run.

use std::time::{Duration, Instant};

use tandem::{
    Endpoint, EndpointTls, ErrorCode, InferenceMode, NamedTensors, OfflineBehavior, Placement,
    PlannerSettings, ProbeSettings, RunOptions, Runtime, Secret, Sensitivity, Tensor,
};
use tandem_server::TlsConfig;
use tandem_testkit::faults::{Authority, Validity};
use tandem_testkit::link::{Death, Direction, LinkOptions, Relay};

use crate::split_world::{World, fast_link, inputs, median};

#[test]
fn a_link_that_dies_anywhere_in_a_split_request_costs_no_answer() {
    const ROUNDS: usize = 100;
    let world = World::new(NamedTensors::clone, None);
    let relay = Relay::start(world.server.address(), fast_link());
    let placement = world.split();
    let model = world.load(world.always_split(&relay, Duration::from_millis(50)));
    let run = |options: &RunOptions| {
        let begun = Instant::now();
        let prediction = model.run(&world.inputs, options).unwrap();
        (prediction, begun.elapsed())
    };

    // Asks what the endpoint takes, makes the halves, and then tells how many bytes a request is.
    run(&RunOptions::default());
    let (up, down) = (relay.sent(Direction::Up), relay.sent(Direction::Down));
    let mut healthy = Vec::new();
    for _ in 0..ROUNDS {
        let (prediction, time) = run(&RunOptions::default());
        assert_eq!(prediction.decision.placement, placement);
        world.check(&prediction.outputs, &"healthy");
        healthy.push(time);
    }
    let of =
        |before: u64, direction| usize::try_from((relay.sent(direction) - before) / ROUNDS as u64).unwrap();
    let (up, down) = (of(up, Direction::Up), of(down, Direction::Down));
    assert!(up > 1000, "{up} bytes");

    let (mut answered, mut lines) = (0, Vec::new());
    for tenth in 0..10 {
        // Five points on the way up, the last after the last byte, and five on the way down.
        let (direction, bytes) = match tenth {
            0..5 => (Direction::Up, up * tenth / 4),
            _ => (Direction::Down, (down * (tenth - 5) / 5).max(1)),
        };
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            relay.kill_after(direction, bytes, Death::Reset);
            let (prediction, time) = run(&RunOptions::default());
            world.check(&prediction.outputs, &format!("reset {direction:?} after {bytes} bytes"));
            answered += 1;
            times.push(time);
            relay.heal();
        }
        lines.push(format!("reset {direction:?} after {bytes} bytes: {:?}", median(times)));
    }
    assert_eq!(answered, 10 * ROUNDS);
    println!("{up} bytes up, {down} down; healthy {:?}\n{}", median(healthy), lines.join("\n"));

    // A link that falls silent tells nobody: where no hedge does, the deadline ends the waiting.
    for (direction, bytes) in [(Direction::Up, up / 2), (Direction::Up, up), (Direction::Down, down / 2)] {
        relay.kill_after(direction, bytes, Death::Silence);
        let (prediction, _) =
            run(&RunOptions { timeout: Some(Duration::from_secs(2)), ..RunOptions::default() });
        assert_eq!(prediction.decision.placement, Placement::OnDevice);
        world.check(&prediction.outputs, &format!("silence {direction:?} after {bytes} bytes"));
        relay.heal();
    }
}

/// A hundred split runs each over a link that falls silent at one of ten points, ended by a hedge.
#[test]
fn a_link_that_falls_silent_anywhere_in_a_split_request_costs_no_answer() {
    const ROUNDS: usize = 100;
    let world = World::new(NamedTensors::clone, None);
    let (up, down) = world.request_bytes();
    let point = |tenth: usize| match tenth {
        0..5 => (Direction::Up, up * tenth / 4),
        _ => (Direction::Down, (down * (tenth - 5) / 5).max(1)),
    };
    // Nearly all of the time is waiting, so the points wait side by side.
    let silent = |tenth: usize| {
        let (direction, bytes) = point(tenth);
        let relay = Relay::start(world.server.address(), fast_link());
        let model = world.load(world.always_split(&relay, Duration::from_millis(20)));
        model.run(&world.inputs, &RunOptions::default()).unwrap();
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            relay.kill_after(direction, bytes, Death::Silence);
            let timeout = Some(Duration::from_mins(1));
            let begun = Instant::now();
            let prediction = model
                .run(&world.inputs, &RunOptions { hedge: true, timeout, ..RunOptions::default() })
                .unwrap();
            times.push(begun.elapsed());
            assert_eq!(prediction.decision.placement, Placement::OnDevice);
            world.check(&prediction.outputs, &format!("silence {direction:?} after {bytes} bytes"));
            relay.heal();
        }
        let answered = times.len();
        println!("silence {direction:?} after {bytes} bytes: {:?} with a hedge after 20 ms", median(times));
        answered
    };
    let answered: usize = std::thread::scope(|scope| {
        let silent = &silent;
        let threads: Vec<_> = (0..10).map(|tenth| scope.spawn(move || silent(tenth))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(answered, 10 * ROUNDS);
}

/// Bytes that are found nowhere else.
const MARK: [u8; 8] = *b"\x3dPRIVATE";

/// Inputs of the mark and nothing else.
fn marked(inputs: &NamedTensors) -> NamedTensors {
    let tensor = |tensor: &Tensor| {
        let bytes: Vec<u8> = MARK.into_iter().cycle().take(tensor.byte_len()).collect();
        Tensor::from_bytes(tensor.dtype(), tensor.shape().to_vec(), &bytes).unwrap()
    };
    NamedTensors::new(inputs.iter().map(|(name, value)| (name, tensor(value)))).unwrap()
}

/// Options that let nobody have the tensor `private`, or only the trusted endpoint: every mode, label and offline behaviour in
/// turn.
fn labelled(round: usize, private: &str) -> RunOptions {
    const MODES: [InferenceMode; 5] = [
        InferenceMode::Auto,
        InferenceMode::PreferOnDevice,
        InferenceMode::PreferInCloud,
        InferenceMode::OnlyOnDevice,
        InferenceMode::OnlyInCloud,
    ];
    let (sensitivity, private_tensors) = match round % 3 {
        0 => (Sensitivity::Private, vec![]),
        1 => (Sensitivity::Internal, vec![]),
        _ => (Sensitivity::Public, vec![private.to_owned()]),
    };
    let trusted = sensitivity == Sensitivity::Internal && round.is_multiple_of(2);
    RunOptions {
        mode: MODES[round % MODES.len()],
        sensitivity,
        private_tensors,
        offline: if round.is_multiple_of(2) { OfflineBehavior::RunLocally } else { OfflineBehavior::Fail },
        hedge: round.is_multiple_of(4),
        endpoint: trusted.then(|| "trusted".to_owned()),
        timeout: Some(Duration::from_secs(20)),
        ..RunOptions::default()
    }
}

#[test]
fn nobody_on_the_wire_sees_what_a_label_keeps_from_them() {
    const RUNS: usize = 1000;
    let authority = Authority::new();
    let identity = authority.issue("localhost", Validity::Current);
    let tls = TlsConfig { certificate: identity.certificate.clone().into(), key: Secret::new(&identity.key) };
    let secure = World::new(marked, Some(tls));
    let clear = World::new(marked, None);
    let recorded = || LinkOptions { record: true, ..fast_link() };
    let untrusted = Relay::start(clear.server.address(), recorded());
    let clear_text = Relay::start(clear.server.address(), recorded());
    let trusted = Relay::start(secure.server.address(), recorded());
    let relays = [&untrusted, &clear_text, &trusted];
    let https = format!("https://localhost:{}", trusted.address().port());
    let anchors = EndpointTls { trust_anchors: Some(authority.pem().into()), ..EndpointTls::default() };
    let endpoint = |name: &str, url: String, trusted| Endpoint {
        trusted,
        tls: anchors.clone(),
        timeout: Duration::from_secs(5),
        ..Endpoint::new(name, url)
    };
    // A probe that an earlier run has set off carries zeros, and would count as bytes of the run that is looked at.
    let probes = ProbeSettings { enabled: false, ..ProbeSettings::default() };
    let settings = PlannerSettings { probes, ..PlannerSettings::default() };
    let runtime = || {
        Runtime::builder()
            .planner_settings(settings)
            .endpoint(endpoint("untrusted", untrusted.url(), false))
            .endpoint(endpoint("clear_text", clear_text.url(), true))
            .endpoint(endpoint("trusted", https.clone(), true))
    };
    let model = secure.load(runtime());
    // The input, and a tensor inside the graph that crosses.
    let private = [secure.inputs.names().next().unwrap().to_owned(), secure.crossing()];
    let up = |relay: &Relay| relay.sent(Direction::Up);
    let mut outcomes = [0_usize; 3];
    for round in 0..RUNS {
        // A public run now and then keeps connections open and estimates fresh: what a slip would use.
        if round.is_multiple_of(50) {
            let inputs = inputs(7);
            for endpoint in ["untrusted", "clear_text", "trusted"] {
                let there = RunOptions { endpoint: Some(endpoint.to_owned()), ..RunOptions::default() };
                // The link was reset a moment ago, and a connection that is kept may learn of it only now.
                if let Err(error) = model.offload(&inputs, &there) {
                    assert_eq!(error.code(), ErrorCode::RemoteFailed, "{error}");
                }
            }
        }
        let options = labelled(round, &private[round / 3 % 2]);
        let internal = options.sensitivity == Sensitivity::Internal;
        match round % 7 {
            // A point that is not reached would wait for a later run.
            5 if internal => trusted.kill_after(Direction::Up, round * 97 % 5000, Death::Reset),
            6 => trusted.kill(Death::Reset),
            _ => {}
        }
        let before = relays.map(up);
        let result = match round % 11 {
            10 => model.offload(&secure.inputs, &options),
            _ => model.run(&secure.inputs, &options),
        };
        let after = relays.map(up);
        assert_eq!(before[..2], after[..2], "{options:?} sent bytes to an endpoint that must not have them");
        if !internal {
            assert_eq!(before[2], after[2], "{options:?} sent bytes");
        }
        let outcome = match result {
            Ok(prediction) => {
                secure.check(&prediction.outputs, &format!("{options:?}"));
                usize::from(prediction.decision.placement != Placement::OnDevice)
            }
            Err(error) => {
                let expected = [ErrorCode::PolicyDenied, ErrorCode::Offline, ErrorCode::RemoteFailed];
                assert!(expected.contains(&error.code()), "{options:?}: {error}");
                2
            }
        };
        outcomes[outcome] += 1;
        if trusted.death().is_some() {
            trusted.heal();
            // Connections that are kept learn that they are over.
            std::thread::sleep(Duration::from_millis(20));
        }
        trusted.heal();
    }
    for relay in relays {
        let crossed = [Direction::Up, Direction::Down].map(|direction| relay.recorded(direction)).concat();
        assert!(!crossed.is_empty());
        assert!(!crossed.windows(MARK.len()).any(|window| window == MARK), "the mark crossed in clear text");
    }
    let [here, there, refused] = outcomes;
    println!("{RUNS} runs: {here} on the device, {there} over TLS, {refused} refused");
    assert!(here > 100 && there > 20 && refused > 100);
}
