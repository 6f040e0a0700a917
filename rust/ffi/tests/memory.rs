//! Memory over many predictions, as a host makes them. A program of its own, so that nothing else allocates beside it.

#![cfg(any(target_os = "linux", target_os = "android"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod support;

use tandem_ffi::{CancelToken, DType, DenseInput, TensorSpec};
use tandem_testkit::models::vision::{VisionConfig, mobilenet_v2};
use tandem_testkit::usage::emulated;

use support::{load_options, options, runtime};

/// Predictions between two looks at the memory.
const BATCH: u32 = 500;
/// Not looked at: plans, arenas and an emulator's translations are made in these.
const WARM_UP: u32 = 1_000;
/// What memory may grow by for each prediction, in bytes: a tenth of one intermediate tensor of the network.
const ALLOWED: f64 = 200.0;

/// Bytes of memory that the process has, as the system counts them.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() * 1024.0
}

/// The slope of the straight line that fits the points best.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.iter().map(|_| 1.0).sum::<f64>();
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    covariance / variance
}

/// Predicts `batches` times `BATCH` times, each time gives `keep` the input, and tells by how many bytes memory grew
/// for each prediction.
fn growth(batches: u32, mut keep: impl FnMut(&[u8])) -> f64 {
    let (runtime, options) = (runtime(), options());
    let side: u16 = if emulated() { 16 } else { 32 };
    let config = VisionConfig { resolution: side.into(), ..VisionConfig::small() };
    let network = mobilenet_v2(&config).unwrap();
    let model = runtime.load_bytes(&network.encode_bytes(), load_options(), &CancelToken::new()).unwrap();
    let shape = vec![1, 3, side.into(), side.into()];
    let input = DenseInput { name: "image".into(), dtype: DType::F32, shape: shape.clone() };
    let image: Vec<u8> =
        (0..3 * side * side).flat_map(|pixel| (f32::from(pixel) / 3_072.0).to_ne_bytes()).collect();

    let mut answers = 0_u32;
    let mut predict = || {
        let input = vec![input.clone()];
        let prediction = model.run_bytes(input, &image, options.clone(), &CancelToken::new()).unwrap();
        assert_eq!(prediction.outputs.len(), 1);
        assert_eq!(prediction.outputs[0].byte_len, 40);
        answers += 1;
        // Inputs too may be kept on this side.
        let spec = TensorSpec { dtype: DType::F32, shape: shape.clone() };
        runtime.tensor(spec, &image).unwrap();
        keep(&image);
    };
    for _ in 0..WARM_UP {
        predict();
    }
    let mut points = vec![(0.0, resident())];
    for batch in 1..=batches {
        for _ in 0..BATCH {
            predict();
        }
        points.push((f64::from(batch * BATCH), resident()));
    }
    assert_eq!(answers, WARM_UP + BATCH * batches);
    slope(&points)
}

#[test]
fn ten_thousand_predictions_leave_memory_flat_and_a_leak_would_show() {
    let grown = growth(20, |_| {});
    println!("memory grew by {grown:.1} bytes for each of 10000 predictions");
    assert!(grown < ALLOWED, "memory grew by {grown:.1} bytes for each prediction");

    let mut kept = Vec::new();
    let mut nth = 0_u32;
    let leaking = growth(4, |image| {
        nth += 1;
        if nth.is_multiple_of(2) {
            kept.push(image.to_vec());
        }
    });
    assert!(
        leaking > ALLOWED,
        "a leak of an image for every second prediction looks like {leaking:.1} bytes"
    );
}
