//! Our operators as bytes and back.

use tandem_kernels::{Combination, KernelError, Pool2d, Restorer, Save, Saver};
use tract_core::internal::*;

use super::int8::{self, Bytes};
use super::lookup::Rows;
use super::ops::{Fused, Work};
use super::recurrent::Sequence;
use super::storage::Storage;

const FLOATS: u8 = 0;
const BYTES: u8 = 1;
const SEQUENCE: u8 = 2;
const ROWS: u8 = 3;

/// Adds the operator; `None` where it is not one of ours.
pub(crate) fn save_own(op: &dyn TypedOp, to: &mut Saver) -> Option<()> {
    if let Some(op) = op.downcast_ref::<Fused>() {
        to.byte(FLOATS);
        to.set(op.set);
        save_work(&op.work, to);
        to.list(&op.shape);
    } else if let Some(op) = op.downcast_ref::<Bytes>() {
        to.byte(BYTES);
        to.byte_set(op.set);
        save_bytes(&op.work, to);
        to.list(&op.shape);
    } else if let Some(op) = op.downcast_ref::<Sequence>() {
        to.byte(SEQUENCE);
        op.save(to);
    } else {
        let op = op.downcast_ref::<Rows>()?;
        to.byte(ROWS);
        op.save(to);
    }
    Some(())
}

/// Whether the operator is one of ours.
pub(crate) fn is_own(op: &dyn TypedOp) -> bool {
    op.is::<Fused>() || op.is::<Bytes>() || op.is::<Sequence>() || op.is::<Rows>()
}

/// Brings back operators of one plan, which share the memory of their results.
#[derive(Debug, Default)]
pub(crate) struct OwnOperators {
    storage: Arc<Storage>,
}

impl OwnOperators {
    /// The operator that [`save_own`] added.
    pub(crate) fn restore(&self, from: &mut Restorer<'_>) -> Result<Box<dyn TypedOp>, KernelError> {
        let storage = self.storage.clone();
        match from.byte()? {
            FLOATS => {
                let (set, work) = (from.set()?, restore_work(from)?);
                Ok(Box::new(Fused { set, work, shape: from.list()?, storage }))
            }
            BYTES => {
                let (set, work) = (from.byte_set()?, restore_bytes(from)?);
                Ok(Box::new(Bytes { set, work, shape: from.list()?, storage }))
            }
            SEQUENCE => Ok(Box::new(Sequence::restore(from, storage)?)),
            ROWS => Ok(Box::new(Rows::restore(from, storage)?)),
            _ => Err(UNKNOWN),
        }
    }
}

const UNKNOWN: KernelError = KernelError::Saved { detail: "it has an operator that is not known" };

fn restored<K: Save>(from: &mut Restorer<'_>) -> Result<Arc<K>, KernelError> {
    K::restore(from).map(Arc::new)
}

fn save_work(work: &Work, to: &mut Saver) {
    match work {
        Work::Conv(conv) => {
            to.byte(0);
            conv.save(to);
        }
        Work::Block(block) => {
            to.byte(1);
            block.save(to);
        }
        Work::MatMul(product) => {
            to.byte(2);
            product.save(to);
        }
        Work::Attention(attention) => {
            to.byte(3);
            attention.save(to);
        }
        Work::LayerNorm(norm) => {
            to.byte(4);
            norm.save(to);
        }
        Work::Softmax(columns) => {
            to.byte(5);
            to.size(*columns);
        }
        Work::Pool(pool, _) => {
            to.byte(6);
            pool.save(to);
        }
        Work::GlobalAverage { image, blocked } => {
            to.byte(7);
            to.sizes(*image);
            to.byte(u8::from(*blocked));
        }
        Work::ToBlocked(image) => {
            to.byte(8);
            to.sizes(*image);
        }
        Work::ToPlanar(image) => {
            to.byte(9);
            to.sizes(*image);
        }
        Work::ToChannelsLast(image) => {
            to.byte(10);
            to.sizes(*image);
        }
        Work::Activate(activation) => {
            to.byte(11);
            activation.save(to);
        }
        Work::Combine(combination, activation) => {
            to.byte(12);
            to.byte(match combination {
                Combination::Add => 0,
                Combination::Multiply => 1,
            });
            activation.save(to);
        }
        Work::Gate(image, activation) => {
            to.byte(13);
            to.sizes(*image);
            activation.save(to);
        }
        Work::Join(channels, size) => {
            to.byte(14);
            to.list(channels);
            to.sizes(*size);
        }
        Work::UpConv(conv) => {
            to.byte(15);
            conv.save(to);
        }
        Work::Resample(resample) => {
            to.byte(16);
            resample.save(to);
        }
        Work::PooledConv(conv) => {
            to.byte(17);
            conv.save(to);
        }
        Work::FeedForward(layer) => {
            to.byte(18);
            layer.save(to);
        }
    }
}

fn restore_work(from: &mut Restorer<'_>) -> Result<Work, KernelError> {
    Ok(match from.byte()? {
        0 => Work::Conv(restored(from)?),
        1 => Work::Block(restored(from)?),
        2 => Work::MatMul(restored(from)?),
        3 => Work::Attention(restored(from)?),
        4 => Work::LayerNorm(restored(from)?),
        5 => Work::Softmax(from.size()?),
        6 => {
            let pool: Arc<Pool2d> = restored(from)?;
            let kind = pool.kind();
            Work::Pool(pool, kind)
        }
        7 => Work::GlobalAverage { image: from.sizes()?, blocked: from.byte()? == 1 },
        8 => Work::ToBlocked(from.sizes()?),
        9 => Work::ToPlanar(from.sizes()?),
        10 => Work::ToChannelsLast(from.sizes()?),
        11 => Work::Activate(Save::restore(from)?),
        12 => {
            let combination = match from.byte()? {
                0 => Combination::Add,
                1 => Combination::Multiply,
                _ => return Err(UNKNOWN),
            };
            Work::Combine(combination, Save::restore(from)?)
        }
        13 => Work::Gate(from.sizes()?, Save::restore(from)?),
        14 => Work::Join(from.list()?, from.sizes()?),
        15 => Work::UpConv(restored(from)?),
        16 => Work::Resample(restored(from)?),
        17 => Work::PooledConv(restored(from)?),
        18 => Work::FeedForward(restored(from)?),
        _ => return Err(UNKNOWN),
    })
}

fn save_bytes(work: &int8::Work, to: &mut Saver) {
    use int8::Work;
    match work {
        Work::Conv(conv) => {
            to.byte(0);
            conv.save(to);
        }
        Work::MatMul(product) => {
            to.byte(1);
            product.save(to);
        }
        Work::Add(add) => {
            to.byte(2);
            add.save(to);
        }
        Work::MaxPool(pool) => {
            to.byte(3);
            pool.save(to);
        }
        Work::GlobalAverage(image, ends) => {
            to.byte(4);
            to.sizes(*image);
            to.quantization(ends[0]);
            to.quantization(ends[1]);
        }
        Work::ToPixels(image) => {
            to.byte(5);
            to.sizes(*image);
        }
        Work::ToPlanes(image) => {
            to.byte(6);
            to.sizes(*image);
        }
        Work::Quantize(image, quantization) => {
            to.byte(7);
            to.sizes(*image);
            to.quantization(*quantization);
        }
    }
}

fn restore_bytes(from: &mut Restorer<'_>) -> Result<int8::Work, KernelError> {
    use int8::Work;
    Ok(match from.byte()? {
        0 => Work::Conv(restored(from)?),
        1 => Work::MatMul(restored(from)?),
        2 => Work::Add(Save::restore(from)?),
        3 => Work::MaxPool(restored(from)?),
        4 => Work::GlobalAverage(from.sizes()?, [from.quantization()?, from.quantization()?]),
        5 => Work::ToPixels(from.sizes()?),
        6 => Work::ToPlanes(from.sizes()?),
        7 => Work::Quantize(from.sizes()?, from.quantization()?),
        _ => return Err(UNKNOWN),
    })
}
