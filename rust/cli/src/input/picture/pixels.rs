//! Resizing and rearranging pixels.

use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};

use crate::args::values::Size;
use crate::args::{Channels, Filter, Fit};

/// The picture at another size.
pub(super) fn fit(picture: DynamicImage, size: Size, fit: Fit, filter: Filter) -> DynamicImage {
    let filter = match filter {
        Filter::Bilinear => FilterType::Triangle,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
        Filter::Nearest => FilterType::Nearest,
    };
    let Size { width, height } = size;
    if (picture.width(), picture.height()) == (width, height) {
        return picture;
    }
    match fit {
        Fit::Stretch => picture.resize_exact(width, height, filter),
        Fit::Cover => picture.resize_to_fill(width, height, filter),
        Fit::Contain => {
            let inner = picture.resize(width, height, filter).into_rgb8();
            let mut framed = RgbImage::new(width, height);
            let margin = |outer: u32, inner: u32| i64::from((outer - inner.min(outer)) / 2);
            imageops::replace(
                &mut framed,
                &inner,
                margin(width, inner.width()),
                margin(height, inner.height()),
            );
            framed.into()
        }
    }
}

/// The pixels of the picture, channels side by side.
pub(super) fn interleaved(picture: &DynamicImage, channels: Channels) -> Vec<u8> {
    if channels == Channels::Gray && !picture.color().has_color() {
        return picture.to_luma8().into_raw();
    }
    let mut pixels = picture.to_rgb8().into_raw();
    match channels {
        Channels::Rgb => pixels,
        Channels::Bgr => {
            pixels.chunks_exact_mut(3).for_each(<[u8]>::reverse);
            pixels
        }
        Channels::Gray => pixels.chunks_exact(3).map(|pixel| luma([pixel[0], pixel[1], pixel[2]])).collect(),
    }
}

/// Luma by ITU-R 601, rounded as Pillow rounds it.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000;
    // The weights add up to 2^16.
    u8::try_from(sum >> 16).unwrap_or(u8::MAX)
}

/// Pixels with their channels side by side, plane after plane.
pub(super) fn planar(interleaved: &[u8], planes: usize) -> Vec<u8> {
    (0..planes).flat_map(|plane| interleaved.iter().skip(plane).step_by(planes)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_is_pillows() {
        // Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
        for (colour, expected) in [
            ([255, 255, 255], 255),
            ([0, 0, 0], 0),
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([10, 200, 90], 131),
        ] {
            assert_eq!(luma(colour), expected, "{colour:?}");
        }
    }

    #[test]
    fn planes_follow_each_other() {
        assert_eq!(planar(&[1, 2, 3, 4, 5, 6], 3), [1, 4, 2, 5, 3, 6]);
        assert_eq!(planar(&[1, 2], 1), [1, 2]);
    }
}
