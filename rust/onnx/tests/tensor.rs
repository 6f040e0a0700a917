//! Elements in and out of tensor messages.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

use bytes::Bytes;
use half::{bf16, f16};
use proptest::collection::vec;
use proptest::prelude::*;
use tandem_onnx::{
    DataLocation, DataType, ExternalData, ExternalDataError, StringStringEntryProto, TensorError, TensorProto,
};

macro_rules! raw_round_trips {
    ($($name:ident: $rust:ty, $bits:ty, $from:expr;)*) => {
        proptest! {$(
            #[test]
            fn $name(bits in vec(any::<$bits>(), 0..20)) {
                let values: Vec<$rust> = bits.iter().copied().map($from).collect();
                let tensor = TensorProto::from_slice("t", &[values.len()], &values).unwrap();
                prop_assert_eq!(tensor.to_raw().unwrap().len(), tensor.byte_len().unwrap());
                let back = tensor.to_vec::<$rust>().unwrap();
                let again = TensorProto::from_slice("t", &[back.len()], &back).unwrap();
                prop_assert_eq!(again.raw_data, tensor.raw_data);
                prop_assert_eq!(back.len(), values.len());
            }
        )*}
    };
}

raw_round_trips! {
    float16_values_survive: f16, u16, f16::from_bits;
    bfloat16_values_survive: bf16, u16, bf16::from_bits;
    float32_values_survive: f32, u32, f32::from_bits;
    float64_values_survive: f64, u64, f64::from_bits;
    uint8_values_survive: u8, u8, |bits| bits;
    uint16_values_survive: u16, u16, |bits| bits;
    uint32_values_survive: u32, u32, |bits| bits;
    uint64_values_survive: u64, u64, |bits| bits;
    int8_values_survive: i8, i8, |bits| bits;
    int16_values_survive: i16, i16, |bits| bits;
    int32_values_survive: i32, i32, |bits| bits;
    int64_values_survive: i64, i64, |bits| bits;
    bool_values_survive: bool, bool, |bits| bits;
}

fn stored(data_type: DataType, elements: usize) -> TensorProto {
    TensorProto {
        name: "t".to_owned(),
        data_type: data_type.number(),
        dims: vec![i64::try_from(elements).unwrap()],
        ..TensorProto::default()
    }
}

proptest! {
    #[test]
    fn typed_fields_read_as_raw_data_does(values in vec(any::<i16>(), 1..20)) {
        let wide: Vec<i32> = values.iter().map(|&value| value.into()).collect();
        let typed = TensorProto {
            int32_data: wide.clone(),
            ..stored(DataType::Int16, values.len())
        };
        prop_assert_eq!(typed.to_vec::<i16>().unwrap(), values.clone());

        let bits = values.iter().map(|&value| i32::from(value.cast_unsigned())).collect();
        let typed = TensorProto {
            int32_data: bits,
            ..stored(DataType::Float16, values.len())
        };
        let expected: Vec<u16> = values.iter().map(|&value| value.cast_unsigned()).collect();
        let actual: Vec<u16> = typed.to_vec::<f16>().unwrap().iter().map(|v| v.to_bits()).collect();
        prop_assert_eq!(actual, expected);

        let typed = TensorProto {
            int64_data: values.iter().map(|&value| value.into()).collect(),
            ..stored(DataType::Int64, values.len())
        };
        let raw = TensorProto::from_slice(
            "t",
            &[values.len()],
            &values.iter().map(|&value| i64::from(value)).collect::<Vec<_>>(),
        ).unwrap();
        prop_assert_eq!(typed.to_raw().unwrap(), raw.to_raw().unwrap());
    }

    #[test]
    fn no_shape_makes_sizes_overflow_or_panic(dims in vec(any::<i64>(), 0..5), data_type in -2..32) {
        let tensor = TensorProto { dims, data_type, ..TensorProto::default() };
        if let (Ok(bytes), Ok(elements)) = (tensor.byte_len(), tensor.elements()) {
            let bits = tensor.element_type().unwrap().bits().unwrap();
            prop_assert_eq!(bytes as u128, (elements as u128 * bits as u128).div_ceil(8));
        }
    }
}

#[test]
fn a_typed_value_that_does_not_fit_is_refused() {
    let tensor = TensorProto { int32_data: vec![7, 300], ..stored(DataType::Uint8, 2) };
    assert_eq!(tensor.to_vec::<u8>().unwrap_err().to_string(), "tensor `t`: 300 does not fit uint8");
}

#[test]
fn four_bit_values_take_half_a_byte_each() {
    let tensor = stored(DataType::Int4, 5);
    assert_eq!(tensor.byte_len().unwrap(), 3);
    let typed = TensorProto { int32_data: vec![0x21, 0x43, 0x05], ..tensor };
    assert_eq!(typed.to_raw().unwrap(), [0x21, 0x43, 0x05].as_slice());
}

#[test]
fn six_bit_values_are_packed_four_to_three_bytes() {
    let typed = TensorProto {
        int32_data: vec![0b00_0001, 0b10_0011, 0b11_0000, 0b10_1010, 0b11_1111],
        ..stored(DataType::Float6E2M3, 5)
    };
    // x0 | x1 low two bits; x1 rest | x2 low four; x2 rest | x3; then x4 alone.
    assert_eq!(typed.to_raw().unwrap(), [0b1100_0001, 0b0000_1000, 0b1010_1011, 0b0011_1111].as_slice());
}

#[test]
fn strings_survive_and_have_no_byte_length() {
    let tensor = TensorProto::from_strings("s", &[2], &["", "größe"]).unwrap();
    assert_eq!(tensor.to_strings().unwrap(), ["", "größe"]);
    assert!(matches!(tensor.byte_len(), Err(TensorError::WrongType { .. })));
    let broken = TensorProto { string_data: vec![Bytes::new(), Bytes::from_static(&[0xff])], ..tensor };
    assert!(matches!(broken.to_strings(), Err(TensorError::NotUtf8 { index: 1, .. })));
}

#[test]
fn a_length_that_is_not_the_shapes_is_refused() {
    assert!(matches!(
        TensorProto::from_slice("t", &[2, 3], &[1_u8; 5]),
        Err(TensorError::WrongLength { expected: 6, actual: 5, .. })
    ));
    let short = TensorProto { raw_data: Bytes::from_static(&[0; 7]), ..stored(DataType::Float32, 2) };
    assert_eq!(short.to_vec::<f32>().unwrap_err().to_string(), "tensor `t`: expected 8 bytes, got 7");
}

#[test]
fn another_type_than_the_tensors_is_refused() {
    let tensor = TensorProto::from_slice("t", &[1], &[1.0_f32]).unwrap();
    assert_eq!(
        tensor.to_vec::<i64>().unwrap_err().to_string(),
        "tensor `t`: expected elements of int64, got float32"
    );
}

#[test]
fn external_data_tells_where_it_is_and_is_not_read() {
    let entries = [("location", "w.bin"), ("offset", "4096"), ("length", "8")];
    let mut tensor = TensorProto {
        data_location: DataLocation::External.into(),
        external_data: entries.map(|(key, value)| StringStringEntryProto::new(key, value)).to_vec(),
        ..stored(DataType::Float32, 2)
    };
    let expected = ExternalData { location: "w.bin".to_owned(), offset: 4096, length: Some(8) };
    assert_eq!(tensor.external().unwrap(), Some(expected));
    assert!(matches!(tensor.to_raw(), Err(TensorError::External { .. })));

    tensor.external_data[1].value = "-1".to_owned();
    assert!(matches!(tensor.external(), Err(ExternalDataError::BadNumber { key: "offset", .. })));
    tensor.external_data.clear();
    assert!(matches!(tensor.external(), Err(ExternalDataError::NoLocation { .. })));
}

#[test]
fn every_element_type_has_its_own_number_and_name() {
    for data_type in DataType::ALL {
        assert_eq!(DataType::try_from(data_type.number()), Ok(data_type));
        let same_name = DataType::ALL.iter().filter(|t| t.name() == data_type.name());
        assert_eq!(same_name.count(), 1);
    }
    assert!(DataType::try_from(0).is_err());
    assert!(DataType::try_from(29).is_err());
}
