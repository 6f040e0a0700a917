//! Packed weights that the plans of one model share.
//!
//! Plans of other input shapes pack the same weights, mostly into the same form. What comes out equal is kept once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_kernels::{Packed, Restorer, Save, Saver};

use super::int8;
use super::ops::Work;
use crate::checksum::Checksum;

/// What takes less is not worth looking for.
const SMALLEST: usize = 4 << 10;

/// The packed weights of a model's plans, by their checksum.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    packed: Mutex<HashMap<u64, Vec<Packed>>>,
}

impl Shelf {
    /// Lets go of what no plan has any more.
    pub(crate) fn tidy(&self) {
        let mut all = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, equal| {
            equal.retain(Packed::is_shared);
            !equal.is_empty()
        });
    }

    /// The same weights, in memory that another plan has already where there is any.
    pub(crate) fn shared(&self, packed: &Packed) -> Packed {
        let bytes = packed.as_bytes();
        if bytes.len() < SMALLEST {
            return packed.clone();
        }
        let checksum = Checksum::of(bytes);
        let mut all = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        let equal = all.entry(checksum).or_default();
        if let Some(known) = equal.iter().find(|known| known.as_bytes() == bytes) {
            return known.clone();
        }
        equal.push(packed.clone());
        packed.clone()
    }

    /// An operator with shared weights.
    pub(super) fn share(&self, work: Work) -> Work {
        match work {
            Work::Conv(conv) => Work::Conv(self.kernel(conv)),
            Work::PooledConv(conv) => Work::PooledConv(self.kernel(conv)),
            Work::Block(block) => Work::Block(self.kernel(block)),
            Work::MatMul(product) => Work::MatMul(self.kernel(product)),
            Work::FeedForward(layer) => Work::FeedForward(self.kernel(layer)),
            Work::UpConv(conv) => Work::UpConv(self.kernel(conv)),
            other => other,
        }
    }

    /// An operator over bytes with shared weights.
    pub(super) fn share_bytes(&self, work: int8::Work) -> int8::Work {
        match work {
            int8::Work::Conv(conv) => int8::Work::Conv(self.kernel(conv)),
            int8::Work::MatMul(product) => int8::Work::MatMul(self.kernel(product)),
            other => other,
        }
    }

    fn kernel<K: Save>(&self, kernel: Arc<K>) -> Arc<K> {
        let mut saver = Saver::default();
        kernel.save(&mut saver);
        let (parameters, packed) = saver.into_parts();
        let shared: Vec<Packed> = packed.iter().map(|packed| self.shared(packed)).collect();
        if shared.iter().zip(&packed).all(|(shared, own)| shared.is(own)) {
            return kernel;
        }
        K::restore(&mut Restorer::new(&parameters, &shared)).map_or(kernel, Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use tandem_kernels::{Activation, InstructionSet, MatMul, MatMulWeights};

    use super::*;

    fn product(first: f32) -> Arc<MatMul> {
        let mut weights = vec![1.0; 64 * 64];
        weights[0] = first;
        let weights = MatMulWeights::Plain(&weights);
        Arc::new(MatMul::new(InstructionSet::best(), [64, 64], weights, None, Activation::None).unwrap())
    }

    fn weights(product: &MatMul) -> Packed {
        let mut saver = Saver::default();
        product.save(&mut saver);
        saver.into_parts().1.remove(0)
    }

    #[test]
    fn equal_weights_are_kept_once_and_only_as_long_as_they_are_used() {
        let shelf = Shelf::default();
        let [first, same, other] = [1.0, 1.0, 2.0].map(|first| shelf.kernel(product(first)));
        assert!(weights(&first).is(&weights(&same)));
        assert!(!weights(&first).is(&weights(&other)));
        drop(other);
        shelf.tidy();
        assert_eq!(shelf.packed.lock().unwrap().len(), 1);
        drop((first, same));
        shelf.tidy();
        assert!(shelf.packed.lock().unwrap().is_empty());
    }
}
