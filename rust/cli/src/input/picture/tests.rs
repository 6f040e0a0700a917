use image::{ImageFormat, Rgb, RgbImage};
use tandem::{DType, Dimension};

use super::*;
use crate::args::{Channels, Fit, Layout};

fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb(pixel(x, y)));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn input(dtype: DType, shape: &[usize]) -> TensorInfo {
    // 0 stands for a size that is open.
    let dimension = |&size: &usize| if size == 0 { Dimension::Unknown } else { Dimension::Fixed(size) };
    TensorInfo { name: "image".to_owned(), dtype, shape: Some(shape.iter().map(dimension).collect()) }
}

fn read(input: &TensorInfo, args: &PictureArgs, file: &[u8]) -> Result<Tensor, PictureError> {
    PictureReader::new(input, args)?.read(file)
}

fn args() -> PictureArgs {
    PictureArgs::default()
}

#[test]
fn the_layout_and_channels_are_seen_from_the_shape() {
    let file = png(2, 1, |x, _| [10 + u8::try_from(x).unwrap(), 20, 30]);
    let nchw = read(&input(DType::U8, &[1, 3, 1, 2]), &args(), &file).unwrap();
    assert_eq!(
        (nchw.shape(), nchw.to_vec::<u8>().unwrap()),
        ([1, 3, 1, 2].as_slice(), vec![10, 11, 20, 20, 30, 30])
    );
    let nhwc = read(&input(DType::U8, &[0, 1, 2, 3]), &args(), &file);
    // One row and three channels at the end: both ends would do.
    assert_eq!(nhwc.unwrap_err().code(), ErrorCode::InvalidInput);
    let nhwc = read(&input(DType::U8, &[0, 0, 0, 3]), &args(), &file).unwrap();
    assert_eq!(
        (nhwc.shape(), nhwc.to_vec::<u8>().unwrap()),
        ([1, 1, 2, 3].as_slice(), vec![10, 20, 30, 11, 20, 30])
    );
    let gray = read(&input(DType::U8, &[2, 4]), &args(), &file).unwrap();
    assert_eq!(gray.shape(), [2, 4]);
}

#[test]
fn an_ambiguous_layout_is_asked_for() {
    let ambiguous = input(DType::U8, &[1, 3, 2, 3]);
    let error = read(&ambiguous, &args(), &png(3, 2, |_, _| [0; 3])).unwrap_err();
    assert!(error.to_string().ends_with("say where its channels are, with --layout"), "{error}");
    let args = PictureArgs { layout: Some(Layout::Nhwc), ..args() };
    assert_eq!(read(&ambiguous, &args, &png(2, 3, |_, _| [0; 3])).unwrap().shape(), [1, 3, 2, 3]);
}

#[test]
fn floating_point_inputs_are_divided_by_255_and_then_normalised() {
    let file = png(1, 1, |_, _| [51, 102, 255]);
    let plain = read(&input(DType::F32, &[1, 3, 0, 0]), &args(), &file).unwrap();
    assert_eq!(plain.to_vec::<f32>().unwrap(), [0.2, 0.4, 1.0]);
    let normalised = PictureArgs { mean: vec![0.2, 0.4, 0.5], std: vec![1.0, 1.0, 0.25], ..args() };
    let tensor = read(&input(DType::F32, &[1, 3, 0, 0]), &normalised, &file).unwrap();
    assert_eq!(tensor.to_vec::<f32>().unwrap(), [0.0, 0.0, 2.0]);
    let scaled =
        PictureArgs { scale: Some(crate::args::values::factor("2").unwrap()), mean: vec![100.0], ..args() };
    let tensor = read(&input(DType::I32, &[1, 3, 0, 0]), &scaled, &file).unwrap();
    assert_eq!(tensor.to_vec::<i32>().unwrap(), [2, 104, 410]);
    let wrong = PictureArgs { mean: vec![0.5, 0.5], ..args() };
    let error = read(&input(DType::F32, &[1, 3, 0, 0]), &wrong, &file).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[test]
fn colours_can_be_turned_and_integers_keep_within_their_range() {
    let file = png(1, 1, |_, _| [1, 2, 200]);
    let bgr = PictureArgs { channels: Some(Channels::Bgr), ..args() };
    let tensor = read(&input(DType::I8, &[1, 3, 0, 0]), &bgr, &file).unwrap();
    assert_eq!(tensor.to_vec::<i8>().unwrap(), [127, 2, 1]);
}

#[test]
fn a_picture_is_resized_to_what_the_model_wants() {
    // Halving with an averaging filter: no pixel is passed over.
    let file = png(8, 8, |x, y| if (x + y) % 2 == 0 { [255; 3] } else { [0; 3] });
    let tensor = read(&input(DType::U8, &[1, 1, 4, 4]), &args(), &file).unwrap();
    assert!(tensor.to_vec::<u8>().unwrap().iter().all(|&pixel| (115..=140).contains(&pixel)), "{tensor:?}");
    let error = read(
        &input(DType::U8, &[1, 1, 4, 4]),
        &PictureArgs { resize: Some(Size { width: 5, height: 4 }), ..args() },
        &file,
    );
    assert_eq!(error.unwrap_err().to_string(), "--resize is 5 in width, and input \"image\" takes 4");
}

#[test]
fn fitting_crops_or_frames() {
    // Left half black, right half white, twice as wide as high.
    let file = png(8, 4, |x, _| if x < 4 { [0; 3] } else { [200; 3] });
    let square = input(DType::U8, &[1, 1, 4, 4]);
    let with = |fit| {
        let tensor = read(&square, &PictureArgs { fit, ..args() }, &file).unwrap();
        tensor.to_vec::<u8>().unwrap()
    };
    assert_eq!(with(Fit::Cover)[..4], [0, 0, 200, 200]);
    let contained = with(Fit::Contain);
    assert_eq!(contained[..4], [0; 4]);
    assert_eq!(contained[12..], [0; 4]);
    assert_eq!((contained[4], contained[7]), (0, 200));
}

#[test]
fn what_is_no_picture_is_refused() {
    let model = input(DType::F32, &[1, 1, 8, 8]);
    assert!(matches!(read(&model, &args(), b"\x89PNG\r\n\x1a\nbroken"), Err(PictureError::Decode(_))));
    assert!(matches!(read(&model, &args(), b""), Err(PictureError::Decode(_))));
    let whole = png(8, 8, |_, _| [7; 3]);
    assert!(matches!(read(&model, &args(), &whole[..whole.len() - 20]), Err(PictureError::Decode(_))));
    for shape in [[1, 1, 1, 8, 8].as_slice(), &[64], &[1, 64], &[0, 8], &[4, 1, 8, 8], &[1, 5, 8, 8]] {
        assert!(read(&input(DType::F32, shape), &args(), &whole).is_err(), "{shape:?}");
    }
    assert!(read(&input(DType::Bool, &[1, 1, 8, 8]), &args(), &whole).is_err());
}

#[test]
fn a_picture_that_states_a_huge_size_is_refused_unread() {
    let mut file = png(1, 1, |_, _| [0; 3]);
    // Width and height stand behind the signature and the head of the first chunk, whose checksum follows them.
    file[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    file[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    let checksum = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(read(&input(DType::F32, &[1, 1, 8, 8]), &args(), &file), Err(PictureError::TooLarge));
}

/// The checksum of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
