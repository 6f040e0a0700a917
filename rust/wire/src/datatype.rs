//! The protocol's names of element types.

use tandem_core::DType;

/// The protocol's name of an element type: `FP32`, `INT64`, `BOOL`, `BYTES`.
pub fn datatype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "BOOL",
        DType::U8 => "UINT8",
        DType::U16 => "UINT16",
        DType::U32 => "UINT32",
        DType::U64 => "UINT64",
        DType::I8 => "INT8",
        DType::I16 => "INT16",
        DType::I32 => "INT32",
        DType::I64 => "INT64",
        DType::F16 => "FP16",
        DType::F32 => "FP32",
        DType::F64 => "FP64",
        DType::String => "BYTES",
        // A type that the protocol does not know goes by its own name, which the other side refuses.
        other => other.name(),
    }
}

/// The element type of that name in the protocol, or `None`.
pub fn parse_datatype(name: &str) -> Option<DType> {
    DType::ALL.into_iter().find(|&dtype| datatype_name(dtype) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_an_upper_case_name_that_parses_back() {
        for dtype in DType::ALL {
            let name = datatype_name(dtype);
            assert_eq!(parse_datatype(name), Some(dtype));
            assert_eq!(name, name.to_uppercase());
        }
        assert_eq!(parse_datatype("BF16"), None);
        assert_eq!(parse_datatype("fp32"), None);
    }
}
