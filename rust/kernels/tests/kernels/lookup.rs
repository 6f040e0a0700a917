//! Rows of a table.

use bytes::Bytes;
use tandem_kernels::{KernelError, Lookup, Packed, Restorer, Save, Saver};

use crate::values::numbers;

fn table(values: &[f32]) -> Packed {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    Packed::fill(bytes.len(), |room| {
        room.copy_from_slice(&bytes);
        Ok::<_, KernelError>(())
    })
    .unwrap()
}

#[test]
fn rows_are_copied_in_the_order_of_their_numbers() {
    for [rows, columns] in [[1, 1], [3, 5], [7, 16], [4, 0]] {
        let values = numbers(rows * columns, 1);
        let lookup = Lookup::new([rows, columns], table(&values)).unwrap();
        let last = i64::try_from(rows).unwrap() - 1;
        let wanted = [last, 0, -1, -1 - last, last / 2];
        let mut out = vec![f32::NAN; wanted.len() * columns];
        lookup.run(&wanted, &mut out).unwrap();
        let places = [rows - 1, 0, rows - 1, 0, (rows - 1) / 2];
        let expected: Vec<f32> =
            places.iter().flat_map(|place| &values[place * columns..][..columns]).copied().collect();
        assert_eq!(out, expected);
        lookup.run(&[], &mut []).unwrap();

        let mut saver = Saver::default();
        lookup.save(&mut saver);
        let (parameters, packed) = saver.into_parts();
        let restored = Lookup::restore(&mut Restorer::new(&parameters, &packed)).unwrap();
        let mut again = vec![f32::NAN; out.len()];
        restored.run(&wanted, &mut again).unwrap();
        assert_eq!(again, expected);
    }
}

#[test]
fn rows_that_are_not_there_are_refused() {
    let lookup = Lookup::new([3, 2], table(&numbers(6, 1))).unwrap();
    for number in [3, -4, i64::MAX, i64::MIN] {
        let refused = lookup.run(&[0, number], &mut [0.0; 4]).unwrap_err();
        assert_eq!(refused.to_string(), format!("a row's number is {number}, the table has no such row"));
    }
    assert_eq!(lookup.run(&[0], &mut [0.0; 3]).unwrap_err().to_string(), "out has 3 elements, expected 2");
    let refused = Lookup::new([3, 3], table(&numbers(6, 1))).unwrap_err();
    assert_eq!(refused.to_string(), "the table has 6 elements, expected 9");
    assert!(Lookup::new([usize::MAX, 3], table(&[])).is_err());
}

#[test]
fn memory_that_is_shared_is_whole_floats_from_a_line_on() {
    struct Memory(Packed);
    impl AsRef<[u8]> for Memory {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    let bytes = Bytes::from_owner(Memory(table(&numbers(64, 1))));
    for range in [1..65, 4..68, 0..63, 32..64] {
        assert!(Packed::shared(bytes.slice(range.clone())).is_none(), "{range:?}");
    }
    for range in [0..256, 0..4, 64..128] {
        let shared = Packed::shared(bytes.slice(range.clone())).unwrap();
        assert_eq!(shared.as_bytes().as_ptr(), bytes[range].as_ptr());
    }
}

#[test]
#[cfg_attr(miri, ignore = "there, memory is never taken from the system by pages")]
fn large_memory_begins_as_noughts_and_is_kept() {
    // Just below, at and above what is taken by pages.
    for length in [(256 << 10) - 4, 256 << 10, (256 << 10) + 4, 3 << 20] {
        let packed = Packed::fill(length, |room| {
            assert!(room.iter().all(|&byte| byte == 0));
            room[length - 1] = 7;
            Ok::<_, KernelError>(())
        });
        let packed = packed.unwrap();
        assert_eq!(packed.as_bytes().len(), length);
        assert_eq!((packed.as_bytes()[0], packed.as_bytes()[length - 1]), (0, 7));
        assert!(packed.as_bytes().as_ptr().addr().is_multiple_of(64));
    }
}
