//! Tensors of every type, made at random.

use proptest::prelude::*;
use tandem_core::{DType, NamedTensors, Tensor};

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0_usize..4, 0..4)
}

fn bytes_for(dtype: DType, shape: &[usize]) -> BoxedStrategy<Tensor> {
    let shape = shape.to_vec();
    let count: usize = shape.iter().product();
    match dtype {
        DType::String => prop::collection::vec(any::<String>(), count)
            .prop_map(move |values| Tensor::from_strings(shape.clone(), values).unwrap())
            .boxed(),
        DType::Bool => prop::collection::vec(any::<bool>(), count)
            .prop_map(move |values| Tensor::from_bools(shape.clone(), &values).unwrap())
            .boxed(),
        _ => prop::collection::vec(any::<u8>(), count * dtype.size().unwrap())
            .prop_map(move |bytes| Tensor::from_bytes(dtype, shape.clone(), &bytes).unwrap())
            .boxed(),
    }
}

/// A tensor of any bits, NaN and infinities among them.
pub(crate) fn tensor(dtype: DType) -> impl Strategy<Value = Tensor> {
    shapes().prop_flat_map(move |shape| bytes_for(dtype, &shape))
}

/// A tensor of any type and bits.
pub(crate) fn any_tensor() -> impl Strategy<Value = Tensor> {
    prop::sample::select(&DType::ALL[..]).prop_flat_map(tensor)
}

/// Up to four tensors of any types and bits.
pub(crate) fn any_tensors() -> impl Strategy<Value = NamedTensors> {
    prop::collection::vec(any_tensor(), 0..5).prop_map(|tensors| {
        NamedTensors::new(tensors.into_iter().enumerate().map(|(i, tensor)| (format!("t{i}"), tensor)))
            .unwrap()
    })
}

/// Whether JSON has a form for every element.
pub(crate) fn has_json_form(tensor: &Tensor) -> bool {
    match tensor.dtype() {
        DType::F16 => false,
        DType::F32 => tensor.to_vec::<f32>().unwrap().iter().all(|value| value.is_finite()),
        DType::F64 => tensor.to_vec::<f64>().unwrap().iter().all(|value| value.is_finite()),
        _ => true,
    }
}
