use proptest::prelude::*;
use tandem::DType;

use super::*;

fn written(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(tensor, &mut bytes).unwrap();
    bytes
}

/// A file as `NumPy` makes it, with this dictionary and data.
fn file(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&u16::try_from(dictionary.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(dictionary.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn any_tensor() -> impl Strategy<Value = Tensor> {
    let shape = prop::collection::vec(0_usize..4, 0..4);
    (shape, prop::sample::select(DType::ALL.to_vec()), any::<u32>()).prop_map(|(shape, dtype, seed)| {
        let count: usize = shape.iter().product();
        if dtype == DType::String {
            let text = |index: usize| ["", "a", "déjà vu", "東京 🗼"][(seed as usize ^ index) % 4];
            return Tensor::from_strings(shape, (0..count).map(|index| text(index).to_owned()).collect())
                .unwrap();
        }
        let size = count * dtype.size().unwrap();
        let bytes: Vec<u8> = (0..size)
            .map(|index| {
                let byte = seed.rotate_left(u32::try_from(index % 32).unwrap()).to_le_bytes()[0];
                if dtype == DType::Bool { byte & 1 } else { byte }
            })
            .collect();
        Tensor::from_bytes(dtype, shape, &bytes).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(tensor in any_tensor()) {
        prop_assert_eq!(read(&written(&tensor)).unwrap(), tensor);
    }

    #[test]
    fn data_begin_at_a_multiple_of_64(tensor in any_tensor()) {
        let bytes = written(&tensor);
        let (_, data) = header::parse(&bytes).unwrap();
        prop_assert_eq!((bytes.len() - data.len()) % 64, 0);
    }

    #[test]
    fn damaged_files_are_refused_or_read_but_never_panic(tensor in any_tensor(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = written(&tensor);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes);
        let _ = read(&bytes[..at]);
    }
}

#[test]
fn a_file_is_what_numpy_writes() {
    let tensor = Tensor::from_vec([2], vec![1.0_f32, -2.0]).unwrap();
    let mut expected =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".to_vec();
    expected.resize(127, b' ');
    expected.push(b'\n');
    expected.extend_from_slice(&1.0_f32.to_le_bytes());
    expected.extend_from_slice(&(-2.0_f32).to_le_bytes());
    assert_eq!(written(&tensor), expected);
}

#[test]
fn fortran_order_becomes_row_major() {
    let bytes = file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", &[0, 3, 1, 4, 2, 5]);
    let tensor = read(&bytes).unwrap();
    assert_eq!(tensor.shape(), [2, 3]);
    assert_eq!(tensor.to_vec::<u8>().unwrap(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn big_endian_elements_are_turned() {
    let bytes = file("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", &[1, 2, 0xff, 0xfe]);
    assert_eq!(read(&bytes).unwrap().to_vec::<i16>().unwrap(), [0x0102, -2]);
}

#[test]
fn byte_strings_end_at_their_filling() {
    let bytes = file("{'descr': '|S3', 'fortran_order': False, 'shape': (2,)}", b"ab\0xyz");
    assert_eq!(read(&bytes).unwrap().strings().unwrap(), ["ab", "xyz"]);
}

#[test]
fn each_fault_is_named() {
    let read = |dictionary: &str, data: &[u8]| read(&file(dictionary, data)).unwrap_err().to_string();
    let ok = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}";
    assert_eq!(read(ok, &[1]), "shape [2] of \"|u1\" takes 2 bytes, the file has 1");
    assert_eq!(read(ok, &[1, 2, 3]), "shape [2] of \"|u1\" takes 2 bytes, the file has 3");
    assert_eq!(
        read("{'descr': '|O', 'fortran_order': False, 'shape': ()}", &[]),
        "its elements are of type \"|O\", which no tensor has"
    );
    assert_eq!(
        read("{'descr': '<f4', 'shape': ()}", &[]),
        "its header cannot be read: key \"fortran_order\" is missing"
    );
    assert_eq!(
        read("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", &[]),
        "its header cannot be read: expected '\\'' before \"[('a', '<f4')], 'for\""
    );
    let huge = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 9)}}", usize::MAX);
    assert!(read(&huge, &[]).ends_with("is too large for this device"));
    assert_eq!(super::read(b"PK"), Err(NpyError::Magic));
    assert_eq!(super::read(b"\x93NUMPY\x09\x00"), Err(NpyError::Version { major: 9, minor: 0 }));
}
