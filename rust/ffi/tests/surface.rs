//! What the hosts can call: kept as text, so that every change of it shows in review, and held to the rules of the
//! boundary.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod surface {
    pub(crate) mod text;
}

use surface::text::{Callable, callables, describe, fields};
use uniffi_meta::{Metadata, Type};

/// Exports behind the feature `test-hooks`, which a build of the tests may or may not have.
const HOOKS: &[&str] = &["log_for_test", "panic_for_test"];

/// The metadata of every export, read from the library that cargo has just built for this test.
fn metadata() -> Vec<Metadata> {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("{}tandem_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = std::fs::read(deps.join(name)).unwrap();
    let items = uniffi_bindgen::macro_metadata::extract_from_bytes(&library).unwrap();
    let shipped =
        |item: &Metadata| !matches!(item, Metadata::Func(function) if HOOKS.contains(&&*function.name));
    items.into_iter().filter(shipped).collect()
}

#[test]
fn the_surface_is_the_one_in_the_snapshot() {
    let path = tandem_testkit::package().join("surface.txt");
    let now = describe(&metadata());
    if std::env::var_os("TANDEM_UPDATE_SURFACE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept == now,
        "the surface differs from surface.txt; if that is meant, write it anew with TANDEM_UPDATE_SURFACE=1:\n{}",
        diff(&kept, &now)
    );
}

/// The lines that one text has and the other has not.
fn diff(kept: &str, now: &str) -> String {
    let missing = |from: &str, other: &str, mark: char| -> Vec<String> {
        let absent = |line: &&str| !other.lines().any(|it| it == *line);
        from.lines().filter(absent).map(|line| format!("{mark} {line}")).collect()
    };
    [missing(kept, now, '-'), missing(now, kept, '+')].concat().join("\n")
}

#[test]
fn nothing_crosses_element_by_element() {
    // Shapes are short lists of u64; every other list of numbers is somebody's tensor.
    let costly = |ty: &Type| {
        ty.iter_types().any(|part| match part {
            Type::Bytes => true,
            Type::Sequence { inner_type } => is_number(inner_type) && **inner_type != Type::UInt64,
            _ => false,
        })
    };
    let items = metadata();
    for callable in callables(&items) {
        for input in callable.inputs {
            let borrowed = input.by_ref && input.ty == Type::Bytes;
            assert!(borrowed || !costly(&input.ty), "{} takes {} by value", callable.path, input.name);
        }
        assert!(!callable.returns.is_some_and(costly), "{} returns elements", callable.path);
    }
    for (path, ty) in fields(&items) {
        assert!(!costly(ty), "{path} holds elements");
        let list = matches!(ty, Type::Sequence { inner_type } if is_number(inner_type));
        assert!(
            !list || path.rsplit('.').next() == Some("shape"),
            "{path} is a list of numbers and no shape"
        );
    }
}

fn is_number(ty: &Type) -> bool {
    !matches!(ty, Type::String) && ty.name().is_none() && ty.iter_nested_types().next().is_none()
}

#[test]
fn every_export_is_synchronous_and_can_fail() {
    // A constructor of two words that allocates nothing but itself.
    const INFALLIBLE: &[&str] = &["CancelToken.new"];
    let items = metadata();
    assert!(callables(&items).count() > 20, "the metadata was read");
    for Callable { path, is_async, throws, .. } in callables(&items) {
        assert!(!is_async, "{path} is asynchronous: the hosts do that");
        assert!(
            throws.is_some() || INFALLIBLE.contains(&&*path),
            "a panic in {path} would end a Swift app: it must return a Result"
        );
    }
}

#[test]
fn no_export_takes_a_name_that_the_generators_use() {
    const TAKEN: &[&str] = &["close", "destroy", "message", "handle", "cleanable"];
    let items = metadata();
    for callable in callables(&items) {
        let name = callable.path.rsplit('.').next().unwrap_or_default();
        assert!(!TAKEN.contains(&name), "{} clashes with generated Kotlin", callable.path);
    }
    for (path, _) in fields(&items) {
        assert!(path.rsplit('.').next() != Some("message"), "{path} clashes with Kotlin's Exception");
    }
}
