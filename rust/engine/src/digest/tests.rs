use proptest::prelude::*;
use tandem_core::Interrupt;

use super::*;

fn bytes(count: usize) -> Bytes {
    let numbers = (0_u32..).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    numbers.take(count).collect::<Vec<u8>>().into()
}

fn whole(bytes: &[u8]) -> String {
    sha256(bytes, || Ok(())).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "what a load asks")]
fn go_on() -> Result<(), LoadError> {
    Ok(())
}

fn stop() -> Result<(), LoadError> {
    Err(LoadError::Interrupted(Interrupt::Cancelled))
}

#[test]
fn it_is_sha_256() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(whole(b"abc"), expected);
    assert_eq!(whole(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn it_is_that_of_all_bytes_however_they_come(
        length in prop_oneof![0..SMALL, SMALL..2 * SMALL],
        pieces in prop::collection::vec((any::<bool>(), 1..1_000_000_usize), 1..20),
    ) {
        let all = bytes(usize::try_from(length).unwrap());
        let mut digest = Digest::new(length);
        let (mut left, mut next) = (all.clone(), pieces.iter().cycle());
        while !left.is_empty() {
            let &(shared, most) = next.next().unwrap();
            let piece = left.split_to(most.min(left.len()));
            if shared {
                digest.constant(&piece);
            } else {
                digest.bytes(&piece);
            }
        }
        prop_assert_eq!(digest.known(), "");
        let got = digest.finish(go_on).unwrap();
        prop_assert_eq!(&got, &whole(&all));
        prop_assert_eq!(digest.finish(stop).unwrap(), &got[..]);
        prop_assert_eq!(digest.known(), got);
    }
}

#[test]
fn a_model_in_memory_has_the_same_digest() {
    for length in [0, 3, SMALL - 1, SMALL, 2 * SMALL + 7] {
        let all = bytes(usize::try_from(length).unwrap());
        let got = Digest::of(&all, go_on).unwrap().finish(go_on).unwrap();
        assert_eq!(got, whole(&all), "{length} bytes");
    }
}

#[test]
fn copied_bytes_that_wait_are_bounded() {
    let mut beside = Beside::start().unwrap();
    let (large, piece) = (bytes(64 << 20), bytes(100_000));
    beside.share(&large);
    for _ in 0..200 {
        beside.copy(&piece);
        assert!(beside.waiting + beside.copied.len() < MOST_WAITING + PIECE);
    }
    let expected = [&large[..], &piece.repeat(200)].concat();
    assert_eq!(hexadecimal(beside.finish(go_on).unwrap()), whole(&expected));
}

#[test]
fn who_lets_go_of_a_load_leaves_no_thread_behind() {
    let large = bytes(64 << 20);
    let share = || {
        let mut digest = Digest::new(large.len() as u64);
        assert!(matches!(digest.state, State::Beside(_)));
        for _ in 0..20 {
            digest.constant(&large);
        }
        digest
    };
    drop(share());
    // What the thread was given is its no more.
    assert!(large.is_unique());
    let mut digest = share();
    assert_eq!(digest.finish(stop).unwrap_err(), stop().unwrap_err());
    assert_eq!(digest.known(), "");
    drop(digest);
    assert!(large.is_unique());
}

#[test]
fn who_stops_while_a_model_in_memory_is_digested_is_told() {
    let small = bytes(1000);
    assert_eq!(Digest::of(&small, stop).err(), stop().err());
    let large = bytes(8 << 20);
    let mut digest = Digest::of(&large, stop).unwrap();
    assert_eq!(digest.finish(stop).unwrap_err(), stop().unwrap_err());
}

#[test]
fn a_thread_that_ends_early_is_an_error() {
    let (messages, received) = channel();
    let (send, result) = channel();
    let thread = thread::spawn(move || {
        let _ = received.recv();
        drop(send);
    });
    let (messages, thread, stop) = (Some(messages), Some(thread), Arc::default());
    let mut beside = Beside { messages, result, stop, thread, copied: Vec::new(), waiting: 0 };
    let piece = bytes(PIECE);
    for _ in 0..100 {
        beside.copy(&piece);
    }
    let error = beside.finish(go_on).unwrap_err();
    assert!(matches!(&error, LoadError::Internal { .. }), "{error}");
}
