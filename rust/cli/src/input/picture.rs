//! Pictures as tensors.

mod pixels;
mod target;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use tandem::{ErrorCode, Tensor, TensorError, TensorInfo};

use crate::args::PictureArgs;
use crate::args::values::{MAX_SIDE, Size};
use target::Target;

/// Bytes that a decoder may take.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// A picture makes no tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PictureError {
    /// The decoder refused it.
    #[error("{0}")]
    Decode(String),
    /// It is larger than is believed.
    #[error("it is larger than {MAX_SIDE}x{MAX_SIDE} pixels or takes more than {MAX_DECODER_BYTES} bytes")]
    TooLarge,
    /// The model's input is no picture.
    #[error("input {input:?} is {declared}, which is no picture: {detail}")]
    NoPicture {
        /// The input.
        input: String,
        /// Its declared type and shape.
        declared: String,
        /// What is missing.
        detail: &'static str,
    },
    /// An option contradicts the model.
    #[error("{option} is {got}, and input {input:?} takes {expected}")]
    Contradiction {
        /// The option.
        option: &'static str,
        /// Its value.
        got: String,
        /// The input.
        input: String,
        /// What the model has.
        expected: String,
    },
    /// The elements make no tensor.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

impl PictureError {
    /// The stable class of this error.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge => ErrorCode::ResourceLimit,
            Self::Contradiction { .. } => ErrorCode::InvalidArgument,
            Self::Tensor(error) => error.code(),
            Self::Decode(_) | Self::NoPicture { .. } => ErrorCode::InvalidInput,
        }
    }
}

/// Whether the bytes begin as a PNG or JPEG file does.
pub(super) fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n") || bytes.starts_with(b"\xff\xd8\xff")
}

/// Makes tensors of one input from pictures.
#[derive(Clone, Debug)]
pub(crate) struct PictureReader {
    target: Target,
    args: PictureArgs,
}

impl PictureReader {
    /// Decides what pictures become, from the model's input and the options.
    pub(crate) fn new(input: &TensorInfo, args: &PictureArgs) -> Result<Self, PictureError> {
        Ok(Self { target: Target::new(input, args)?, args: args.clone() })
    }

    /// The tensor of one PNG or JPEG file.
    pub(crate) fn read(&self, file: &[u8]) -> Result<Tensor, PictureError> {
        let picture = decode(file)?;
        let own = Size { width: picture.width(), height: picture.height() };
        let size = self.target.size(own);
        if size != own {
            log::debug!("resizing {}x{} to {}x{}", own.width, own.height, size.width, size.height);
        }
        let picture = pixels::fit(picture, size, self.args.fit, self.args.filter);
        self.target.tensor(&picture, &self.args)
    }
}

/// Decodes a PNG or JPEG file and turns it as its camera says.
fn decode(file: &[u8]) -> Result<DynamicImage, PictureError> {
    let refused = |error: ImageError| match error {
        ImageError::Limits(_) => PictureError::TooLarge,
        error => PictureError::Decode(error.to_string()),
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::new(Cursor::new(file))
        .with_guessed_format()
        .map_err(|error| PictureError::Decode(error.to_string()))?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let orientation = decoder.orientation().map_err(refused)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

#[cfg(test)]
mod tests;
