//! Whether two runs of a model gave the same.

use half::f16;
use tandem_core::{DType, NamedTensors, Tensor};

/// The elements of a tensor of floating-point numbers; `None` for every other type.
pub fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.dtype() {
        DType::F16 => Some(tensor.values::<f16>().ok()?.iter().copied().map(f64::from).collect()),
        DType::F32 => Some(tensor.values::<f32>().ok()?.iter().copied().map(f64::from).collect()),
        DType::F64 => tensor.to_vec().ok(),
        _ => None,
    }
}

/// Where two runs differ, if they do: names in order, types, shapes, and elements by more than `tolerance` times
/// one plus the expected one. NaN agrees with NaN; what is no floating-point number has to be equal.
pub fn disagreement(expected: &NamedTensors, got: &NamedTensors, tolerance: f64) -> Option<String> {
    if !expected.names().eq(got.names()) {
        let names = |tensors: &NamedTensors| tensors.names().collect::<Vec<_>>().join(", ");
        return Some(format!("got the outputs {}, expected {}", names(got), names(expected)));
    }
    expected.iter().zip(got.iter()).find_map(|((name, expected), (_, got))| {
        if (expected.dtype(), expected.shape()) != (got.dtype(), got.shape()) {
            return Some(format!("{name} is {got:?}, expected {expected:?}"));
        }
        let (Some(expected_values), Some(values)) = (floats(expected), floats(got)) else {
            return (expected != got).then(|| format!("{name} has other elements"));
        };
        let far = |(expected, value): &(f64, f64)| {
            let equal = expected.to_bits() == value.to_bits() || (expected.is_nan() && value.is_nan());
            let close =
                expected.is_finite() && (expected - value).abs() <= tolerance * (1.0 + expected.abs());
            !equal && !close
        };
        let (expected, value) = expected_values.into_iter().zip(values).find(far)?;
        Some(format!("{name} has {value}, expected {expected}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: [f32; 2]) -> NamedTensors {
        NamedTensors::new([("y", Tensor::from_vec([2], values.to_vec()).unwrap())]).unwrap()
    }

    #[test]
    fn what_is_close_agrees_and_what_is_far_is_told() {
        let expected = named([1.0, f32::NAN]);
        assert_eq!(disagreement(&expected, &named([1.000_001, f32::NAN]), 1e-5), None);
        let told = disagreement(&expected, &named([1.5, f32::NAN]), 1e-5);
        assert_eq!(told.as_deref(), Some("y has 1.5, expected 1"));
        assert!(disagreement(&expected, &named([1.0, 0.0]), 1e-5).is_some());
        assert!(disagreement(&named([f32::INFINITY, 0.0]), &named([0.0, 0.0]), 1e-5).is_some());
    }

    #[test]
    fn names_and_shapes_have_to_be_the_same() {
        let row = Tensor::from_vec([1, 2], vec![0.0_f32; 2]).unwrap();
        assert!(disagreement(&named([0.0; 2]), &NamedTensors::new([("y", row)]).unwrap(), 1e-5).is_some());
        assert!(disagreement(&named([0.0; 2]), &NamedTensors::default(), 1e-5).is_some());
    }
}
