//! What a picture becomes: size, layout and channels of a model's input.

use half::f16;
use image::DynamicImage;
use tandem::{DType, Dimension, Element, Tensor, TensorInfo};

use super::{PictureError, pixels};
use crate::args::values::{Factor, Size};
use crate::args::{Channels, Layout, PictureArgs};

/// What a picture becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    dtype: DType,
    layout: Layout,
    channels: Channels,
    /// Whether there is a dimension for channels; a gray picture may go without.
    channel_dimension: bool,
    /// Whether there is a dimension for the batch.
    batch_dimension: bool,
    width: Option<u32>,
    height: Option<u32>,
}

impl Target {
    pub(super) fn new(input: &TensorInfo, args: &PictureArgs) -> Result<Self, PictureError> {
        let no_picture = |detail| PictureError::NoPicture {
            input: input.name.clone(),
            declared: format!("{} {}", input.dtype, input.shape_text()),
            detail,
        };
        if matches!(input.dtype, DType::Bool | DType::String) {
            return Err(no_picture("pixels are numbers"));
        }
        let Some(shape) = &input.shape else {
            // Nothing is declared, so that everything is as models of pictures mostly have it.
            return Ok(Self {
                dtype: input.dtype,
                layout: args.layout.unwrap_or(Layout::Nchw),
                channels: args.channels.unwrap_or(Channels::Rgb),
                channel_dimension: true,
                batch_dimension: true,
                width: args.resize.map(|size| size.width),
                height: args.resize.map(|size| size.height),
            });
        };
        // Without the batch: rows and columns, and channels on either side of them.
        let (batch, rest) = match shape.as_slice() {
            [batch, rest @ ..] if rest.len() == 3 => (Some(batch), rest),
            rest @ ([_, _, _] | [_, _]) => (None, rest),
            _ => return Err(no_picture("it needs rows, columns and possibly channels and a batch")),
        };
        if let Some(Dimension::Fixed(size)) = batch
            && *size != 1
        {
            return Err(no_picture("its batch is fixed, and a picture is a batch of 1"));
        }
        let (layout, channels, rows, columns) = match rest {
            // Two dimensions may as well be a batch of rows of numbers.
            [rows @ Dimension::Fixed(2..), columns @ Dimension::Fixed(2..)] => {
                (Layout::Nchw, None, rows, columns)
            }
            [first, second, third] => match args.layout.or_else(|| guess(first, third)) {
                Some(Layout::Nchw) => (Layout::Nchw, Some(first), second, third),
                Some(Layout::Nhwc) => (Layout::Nhwc, Some(third), first, second),
                None => return Err(no_picture("say where its channels are, with --layout")),
            },
            _ => return Err(no_picture("its dimensions may be anything")),
        };
        Ok(Self {
            dtype: input.dtype,
            layout,
            channels: choose_channels(input, channels, args)?,
            channel_dimension: channels.is_some(),
            batch_dimension: batch.is_some(),
            width: side(input, columns, args.resize.map(|size| size.width), "width")?,
            height: side(input, rows, args.resize.map(|size| size.height), "height")?,
        })
    }

    /// The size that a picture of size `own` gets.
    pub(super) fn size(&self, own: Size) -> Size {
        Size { width: self.width.unwrap_or(own.width), height: self.height.unwrap_or(own.height) }
    }

    /// The tensor of a picture that has its size.
    pub(super) fn tensor(&self, picture: &DynamicImage, args: &PictureArgs) -> Result<Tensor, PictureError> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let planes = if self.channels == Channels::Gray { 1 } else { 3 };
        let interleaved = pixels::interleaved(picture, self.channels);
        let pixels = match self.layout {
            Layout::Nhwc => interleaved,
            Layout::Nchw => pixels::planar(&interleaved, planes),
        };
        let mut shape = Vec::with_capacity(4);
        if self.batch_dimension {
            shape.push(1);
        }
        match (self.channel_dimension, self.layout) {
            (false, _) => shape.extend([height, width]),
            (true, Layout::Nchw) => shape.extend([planes, height, width]),
            (true, Layout::Nhwc) => shape.extend([height, width, planes]),
        }
        let normalise = Normalise::new(self, planes, args)?;
        let channel_of = |index: usize| match self.layout {
            Layout::Nchw => index / (width * height),
            Layout::Nhwc => index % planes,
        };
        let values =
            pixels.iter().enumerate().map(|(index, &pixel)| normalise.apply(pixel, channel_of(index)));
        self.collect(shape, values)
    }

    /// The elements in the type of the input; integers are rounded and kept within their range.
    fn collect(&self, shape: Vec<usize>, values: impl Iterator<Item = f32>) -> Result<Tensor, PictureError> {
        fn make<T: Element>(
            shape: Vec<usize>,
            values: impl Iterator<Item = f32>,
            convert: impl Fn(f32) -> T,
        ) -> Result<Tensor, PictureError> {
            Ok(Tensor::from_vec(shape, values.map(convert).collect())?)
        }
        macro_rules! integer {
            ($type:ty) => {{
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the cast keeps within the range, which is what is wanted"
                )]
                make(shape, values, |value| value.round() as $type)
            }};
        }
        match self.dtype {
            DType::U8 => integer!(u8),
            DType::U16 => integer!(u16),
            DType::U32 => integer!(u32),
            DType::U64 => integer!(u64),
            DType::I8 => integer!(i8),
            DType::I16 => integer!(i16),
            DType::I32 => integer!(i32),
            DType::I64 => integer!(i64),
            DType::F16 => make(shape, values, f16::from_f32),
            DType::F64 => make(shape, values, f64::from),
            _ => make(shape, values, |value| value),
        }
    }
}

/// Where channels are, seen from the first and the last of three dimensions; `None` where both or neither fit.
fn guess(first: &Dimension, last: &Dimension) -> Option<Layout> {
    let fits = |dimension: &Dimension| matches!(dimension, Dimension::Fixed(1 | 3));
    match (fits(first), fits(last)) {
        (true, false) => Some(Layout::Nchw),
        (false, true) => Some(Layout::Nhwc),
        _ => None,
    }
}

/// Gray or colour, as asked for and as the model has room for.
fn choose_channels(
    input: &TensorInfo,
    dimension: Option<&Dimension>,
    args: &PictureArgs,
) -> Result<Channels, PictureError> {
    let room = match dimension {
        None => Some(1),
        Some(Dimension::Fixed(size)) => Some(*size),
        Some(_) => None,
    };
    let channels = match (args.channels, room) {
        (Some(channels), _) => channels,
        (None, Some(1)) => Channels::Gray,
        (None, _) => Channels::Rgb,
    };
    let count = if channels == Channels::Gray { 1 } else { 3 };
    match room {
        Some(room) if room != count => Err(PictureError::Contradiction {
            option: "--channels",
            got: format!("{channels:?}").to_lowercase(),
            input: input.name.clone(),
            expected: format!("{room} channels"),
        }),
        _ => Ok(channels),
    }
}

/// The number of pixels along one side; `None` where every number will do.
fn side(
    input: &TensorInfo,
    dimension: &Dimension,
    asked: Option<u32>,
    what: &str,
) -> Result<Option<u32>, PictureError> {
    let declared = match dimension {
        Dimension::Fixed(size) => *size,
        Dimension::Symbol(_) | Dimension::Unknown => return Ok(asked),
    };
    match (u32::try_from(declared), asked) {
        (Ok(declared), Some(asked)) if declared != asked => Err(PictureError::Contradiction {
            option: "--resize",
            got: format!("{asked} in {what}"),
            input: input.name.clone(),
            expected: declared.to_string(),
        }),
        (Ok(declared @ 1..=super::MAX_SIDE), _) => Ok(Some(declared)),
        _ => Err(PictureError::NoPicture {
            input: input.name.clone(),
            declared: format!("{} {}", input.dtype, input.shape_text()),
            detail: "no picture has so many pixels along a side",
        }),
    }
}

/// `(pixel * scale - mean) / std`, channel by channel.
struct Normalise {
    scale: Factor,
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Normalise {
    fn new(target: &Target, planes: usize, args: &PictureArgs) -> Result<Self, PictureError> {
        let floating = matches!(target.dtype, DType::F16 | DType::F32 | DType::F64);
        let per_channel = |option: &'static str, values: &[f32], default: f32| match values {
            [] => Ok(vec![default; planes]),
            [one] => Ok(vec![*one; planes]),
            values if values.len() == planes => Ok(values.to_vec()),
            values => Err(PictureError::Contradiction {
                option,
                got: format!("{} numbers", values.len()),
                input: "picture".to_owned(),
                expected: format!("1 or {planes}"),
            }),
        };
        Ok(Self {
            scale: args.scale.unwrap_or(if floating { Factor::BYTE_TO_UNIT } else { Factor::ONE }),
            mean: per_channel("--mean", &args.mean, 0.0)?,
            std: per_channel("--std", &args.std, 1.0)?,
        })
    }

    fn apply(&self, pixel: u8, channel: usize) -> f32 {
        (self.scale.apply(f32::from(pixel)) - self.mean[channel]) / self.std[channel]
    }
}
