//! Options of what goes into a model.

use clap::{Args, ValueEnum};

use super::values::{self, Factor, Named, Size};

/// What goes into a model.
#[derive(Args, Debug, Default)]
pub(crate) struct InputArgs {
    /// FILE, a folder of pictures, or - for standard input, for a model with one input; NAME=FILE to say which
    /// input a file is for. Several bare files are one run each. Files are .npy, .json, .bin or .raw, .png or .jpg
    #[arg(value_name = "[NAME=]FILE")]
    pub(crate) sources: Vec<String>,

    /// The format of the files, where it is not seen from their endings or first bytes
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: SourceFormat,

    /// The shape of an input from a raw file, where the model leaves it open
    #[arg(long = "shape", value_name = "NAME=SIZE,SIZE..", value_parser = values::shape)]
    pub(crate) shapes: Vec<Named<Vec<usize>>>,

    /// The size of a symbolic dimension for raw files and random inputs
    #[arg(long = "symbol", value_name = "SYMBOL=SIZE", value_parser = values::symbol)]
    pub(crate) symbols: Vec<Named<usize>>,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}

/// How the bytes of a file are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceFormat {
    /// By the file's ending, else by its first bytes
    #[default]
    Auto,
    /// An .npy array file
    Npy,
    /// Nested arrays, or an object of them by input name
    Json,
    /// Elements in the model's own type, little-endian, row-major
    Raw,
    /// PNG or JPEG
    Picture,
}

/// How a picture becomes a tensor. An element is `(pixel * scale - mean) / std`, a pixel being 0 to 255.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Pictures")]
pub(crate) struct PictureArgs {
    /// Resize to this; without it to what the model wants, or not at all where it takes any size
    #[arg(long, value_name = "WxH")]
    pub(crate) resize: Option<Size>,

    /// How a picture of another aspect ratio is fitted
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fit: Fit,

    /// How pixels are computed when resizing; all but nearest average when shrinking
    #[arg(long, value_enum, default_value_t)]
    pub(crate) filter: Filter,

    /// Colour channels; without it gray or RGB, whichever the model has room for
    #[arg(long, value_enum)]
    pub(crate) channels: Option<Channels>,

    /// Order of the dimensions; without it seen from the model's shape
    #[arg(long, value_enum)]
    pub(crate) layout: Option<Layout>,

    /// Factor of the pixels, as a number or a fraction; without it 1/255 for floating-point inputs, 1 for
    /// integers
    #[arg(long, value_name = "FACTOR", value_parser = values::factor)]
    pub(crate) scale: Option<Factor>,

    /// What is subtracted after scaling: one number, or one for each channel
    #[arg(long, value_name = "NUMBER,..", value_delimiter = ',', allow_hyphen_values = true, value_parser = values::finite)]
    pub(crate) mean: Vec<f32>,

    /// What it is then divided by: one number, or one for each channel
    #[arg(long, value_name = "NUMBER,..", value_delimiter = ',', value_parser = values::nonzero)]
    pub(crate) std: Vec<f32>,
}

/// How a picture of another aspect ratio is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fit {
    /// Stretched
    #[default]
    Stretch,
    /// Cropped at its middle, nothing left empty
    Cover,
    /// Shown whole, with black around it
    Contain,
}

/// How pixels are computed when resizing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filter {
    /// Linear, as Pillow's and torchvision's bilinear
    #[default]
    Bilinear,
    /// Cubic (Catmull-Rom), as Pillow's bicubic
    Bicubic,
    /// Lanczos with a window of 3
    Lanczos,
    /// The nearest pixel
    Nearest,
}

/// Colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Channels {
    /// One channel: luma by ITU-R 601, as Pillow has it
    Gray,
    /// Red, green, blue
    Rgb,
    /// Blue, green, red
    Bgr,
}

/// Order of the dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// Channels before rows and columns
    Nchw,
    /// Channels last
    Nhwc,
}
