//! What `tandem predict` takes, and what it says of what it does not take.

use std::fs;

use serde_json::json;
use tandem_core::DType;
use tandem_onnx::dims;
use tandem_testkit::models::{arithmetic, dtypes};

use crate::support::{Folder, digits, pictures, run, run_with_input};

/// An .npy file of f32.
fn npy(shape: &str, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn one_input_may_come_in_any_format_from_a_file_or_standard_input() {
    let folder = Folder::new();
    let model = folder.model("identity", &dtypes::identity(DType::F32, &dims!["n", 2]).unwrap());
    let values = [1.5_f32, -2.0, 0.25, 8.0];
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let json = b"[[1.5, -2], [0.25, 8]]".to_vec();
    let sources =
        [("x.npy", npy("2, 2", &values)), ("x.json", json), ("x.bin", raw.clone()), ("x.unknown", raw)];
    for (name, bytes) in sources {
        let file = folder.file(name, &bytes);
        for source in [file.clone(), format!("x={file}")] {
            let document = run(["predict", "--json", &model, &source]).document();
            assert_eq!(document["outputs"][0]["data"], json!([1.5, -2.0, 0.25, 8.0]), "{source}");
            assert_eq!(document["outputs"][0]["shape"], json!([2, 2]), "{source}");
        }
        let run = run_with_input(["predict", "--json", &model, "-"], &bytes);
        assert_eq!(run.document()["outputs"][0]["data"], json!([1.5, -2.0, 0.25, 8.0]), "{name}");
    }
}

#[test]
fn a_picture_may_come_from_standard_input() {
    let (picture, digit) = &pictures()[0];
    let args = ["predict", "--json", digits().to_str().unwrap(), "x"].map(str::to_owned);
    let run = run_with_input([&args[..3], &["-".to_owned()]].concat(), &fs::read(picture).unwrap());
    assert_eq!(run.document()["outputs"][0]["top"][0]["class"], json!(digit));
}

#[test]
fn a_larger_colour_picture_of_the_same_digit_is_read_the_same() {
    let folder = Folder::new();
    let (picture, digit) = &pictures()[0];
    let large =
        image::open(picture).unwrap().resize_exact(160, 160, image::imageops::FilterType::Nearest).to_rgb8();
    let file = folder.path("large.png");
    large.save(&file).unwrap();
    for filter in ["bilinear", "bicubic", "lanczos", "nearest"] {
        let document =
            run(["predict", "--json", digits().to_str().unwrap(), &file, "--filter", filter]).document();
        assert_eq!(document["outputs"][0]["top"][0]["class"], json!(digit), "{filter}");
    }
    let jpeg = folder.path("large.jpg");
    large.save(&jpeg).unwrap();
    let document =
        run(["predict", "--json", digits().to_str().unwrap(), &jpeg, "--resize", "8x8"]).document();
    assert_eq!(document["outputs"][0]["top"][0]["class"], json!(digit));
}

#[test]
fn inputs_by_name_stay_while_bare_files_change() {
    let folder = Folder::new();
    let model = folder.model("add", &arithmetic::add().unwrap());
    let b = folder.file("b.json", "[[10, 20, 30]]");
    let (one, two) = (folder.file("one.json", "[[1, 2, 3]]"), folder.file("two.json", "[[4, 5, 6]]"));
    let run = run(["predict", "--json", "--output", "sum", &model, &format!("b={b}"), &one, &two]).ok();
    let sums: Vec<_> =
        run.documents().iter().map(|document| document["outputs"][0]["data"].clone()).collect();
    assert_eq!(sums, [json!([11.0, 22.0, 33.0]), json!([14.0, 25.0, 36.0])]);
}

#[test]
fn a_raw_file_needs_the_sizes_that_the_model_leaves_open() {
    let folder = Folder::new();
    let model = folder.model("open", &dtypes::identity(DType::U8, &dims!["rows", "columns"]).unwrap());
    let raw = folder.file("x.raw", [1, 2, 3, 4, 5, 6]);
    run(["predict", &model, &raw]).fails(14, "invalid_input", "give its shape with --shape x=SIZE,SIZE..");
    let shape = |args: &[&str]| {
        let document = run([["predict", "--json", &model, &raw].as_slice(), args].concat()).document();
        document["outputs"][0]["shape"].clone()
    };
    assert_eq!(shape(&["--shape", "x=2,3"]), json!([2, 3]));
    assert_eq!(shape(&["--symbol", "columns=2"]), json!([3, 2]));
    run(["predict", &model, &raw, "--symbol", "rows=4"]).fails(
        14,
        "invalid_input",
        "6 bytes are not a multiple of the 4",
    );
}

#[test]
fn what_cannot_be_taken_is_named() {
    let folder = Folder::new();
    let add = folder.model("add", &arithmetic::add().unwrap());
    let one = folder.model("one", &dtypes::identity(DType::F32, &dims!["n", 2]).unwrap());
    let digits = digits();
    let digits = digits.to_str().unwrap();
    let pair = folder.file("pair.json", "[[1, 2]]");
    let empty = folder.path("empty");
    fs::create_dir(&empty).unwrap();
    let file = |name: &str, bytes: &[u8]| folder.file(name, bytes);
    let cases: Vec<(Vec<String>, &str)> = vec![
        (vec![one.clone()], "input \"x\" is missing"),
        (vec![one.clone(), "/nowhere.npy".into()], "cannot read /nowhere.npy: "),
        (vec![one.clone(), empty.clone()], "there is no .png, .jpg or .npy file in "),
        (vec![one.clone(), format!("y={pair}")], "the model has no input \"y\", it has x"),
        (vec![one.clone(), format!("x={pair}"), format!("x={pair}")], "input \"x\" was given twice"),
        (vec![one.clone(), format!("x={empty}")], "cannot read "),
        (
            vec![one.clone(), format!("x={pair}"), pair.clone()],
            "the model has 0 inputs that no file is named for",
        ),
        (vec![add.clone(), pair.clone()], "the model has 2 inputs that no file is named for (a, b)"),
        (vec![add.clone(), "a=-".into(), "b=-".into()], "standard input can be read once only"),
        (vec![one.clone(), file("bad.json", b"[[1, 2]")], "EOF while parsing"),
        (vec![one.clone(), file("ragged.json", b"[[1, 2], [3]]")], "a row at depth 1 has 1 elements"),
        (vec![one.clone(), file("text.json", b"[[1, \"2\"]]")], "element 1 is \"2\", expected f32"),
        (vec![one.clone(), file("names.json", b"{\"z\": [1]}")], "the model has no input \"z\", it has x"),
        (
            vec![one.clone(), file("twice.json", b"{\"x\": [[1, 2]], \"x\": [[1, 2]]}")],
            "input \"x\" was given twice",
        ),
        (
            vec![one.clone(), file("wide.json", b"[[1, 2, 3]]")],
            "input \"x\" has shape [1, 3], expected [n, 2]",
        ),
        (vec![one.clone(), file("bad.npy", b"\x93NUMPY\x07\x00")], "its version is 7.0"),
        (vec![one.clone(), file("short.npy", &npy("2, 2", &[1.0]))], "takes 16 bytes, the file has 4"),
        (
            vec![one.clone(), file("deep.npy", &npy("2", &[1.0, 2.0]))],
            "input \"x\" has shape [2], expected [n, 2]",
        ),
        (vec![one.clone(), file("odd.bin", b"12345")], "5 bytes are not a multiple of the 8"),
        (vec![one.clone(), file("p.png", &fs::read(&pictures()[0].0).unwrap())], "which is no picture"),
        (vec![digits.into(), file("broken.png", b"\x89PNG\r\n\x1a\n")], "is no usable picture"),
        (vec![digits.into(), file("text.png", b"hello")], "is no usable picture"),
        (
            vec![one.clone(), pair.clone(), "--output".into(), "z".into()],
            "the model has no output \"z\", it has y",
        ),
        (vec![one.clone(), pair.clone(), "--class-names".into(), "/nowhere".into()], "cannot read /nowhere"),
    ];
    for (args, text) in cases {
        let run = run(["predict".to_owned()].iter().chain(&args));
        run.fails(14, "invalid_input", text);
    }
    let wide = file("double.npy", &npy("1, 2", &[1.0, 2.0]));
    let double = folder.model("double", &dtypes::identity(DType::F64, &dims!["n", 2]).unwrap());
    run(["predict", &double, &wide]).fails(
        14,
        "invalid_input",
        "input \"x\" is a tensor of f32, expected f64",
    );
}

#[test]
fn picture_options_that_contradict_the_model_are_named() {
    let (picture, _) = &pictures()[0];
    let (model, picture) = (digits(), picture.to_str().unwrap());
    for (args, text) in [
        (["--resize", "9x8"], "--resize is 9 in width, and input \"image\" takes 8"),
        (["--channels", "rgb"], "--channels is rgb, and input \"image\" takes 1 channels"),
        (["--mean", "0.5,0.5"], "--mean is 2 numbers"),
    ] {
        run(["predict", model.to_str().unwrap(), picture, args[0], args[1]]).fails(
            15,
            "invalid_argument",
            text,
        );
    }
}
