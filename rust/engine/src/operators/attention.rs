//! `Attention`: tract's own leaves out soft caps, windows, valid lengths and the score output, takes no bool
//! mask, aligns a causal mask with a cache wrongly, and answers NaN where everything is masked.

use tract_core::ops::array::{MultiBroadcastTo, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::logic::{Iff, comp_eq};
use tract_core::ops::math;
use tract_core::ops::nn::{Softmax, SoftmaxKind};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::reduce::{Extreme, extreme_over};
use super::signed;
use super::wires::Wires;

pub(super) fn attention(
    _context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let heads = |name: &str| -> TractResult<Option<usize>> {
        Ok(node.get_attr_opt::<i64>(name)?.map(usize::try_from).transpose()?)
    };
    let window = |name: &str| -> TractResult<Option<i64>> {
        Ok(node.get_attr_opt::<i64>(name)?.filter(|&size| size >= 0))
    };
    let has = |index: usize| node.input.get(index).is_some_and(|name| !name.is_empty());
    let operand = |index: usize| has(index).then(|| (0..index).filter(|&before| has(before)).count());
    let wants = |index: usize| node.output.get(index).is_some_and(|name| !name.is_empty());
    ensure!(operand(4).is_some() == operand(5).is_some(), "past_key and past_value come together");
    let mode = node.get_attr_opt::<i64>("qk_matmul_output_mode")?.unwrap_or(0);
    let scores = match mode {
        0 => Scores::Product,
        1 => Scores::Capped,
        2 => Scores::Biased,
        3 => Scores::Softmax,
        other => bail!("qk_matmul_output_mode is {other}, expected 0 to 3"),
    };
    let attention = Attention {
        query_heads: heads("q_num_heads")?,
        key_heads: heads("kv_num_heads")?,
        causal: node.get_attr_opt::<i64>("is_causal")?.unwrap_or(0) != 0,
        scale: node.get_attr_opt("scale")?,
        cap: node.get_attr_opt::<f32>("softcap")?.filter(|&cap| cap > 0.0),
        left: window("left_window_size")?,
        right: window("right_window_size")?,
        mask: operand(3),
        past: operand(4).zip(operand(5)),
        lengths: operand(6),
        present: (wants(1), wants(2)),
        scores: wants(3).then_some(scores),
    };
    Ok((expand(attention), vec![]))
}

/// Which intermediate result is the fourth output.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scores {
    Product,
    Capped,
    Biased,
    Softmax,
}

#[derive(Clone, Debug)]
struct Attention {
    query_heads: Option<usize>,
    key_heads: Option<usize>,
    causal: bool,
    scale: Option<f32>,
    cap: Option<f32>,
    left: Option<i64>,
    right: Option<i64>,
    /// Positions of the optional operands among the inputs that are there.
    mask: Option<usize>,
    past: Option<(usize, usize)>,
    lengths: Option<usize>,
    /// Whether the keys and the values with their past are wanted.
    present: (bool, bool),
    scores: Option<Scores>,
}

impl Expansion for Attention {
    fn name(&self) -> StaticName {
        "Attention".into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(1 + usize::from(self.present.0) + usize::from(self.present.1) + usize::from(self.scores.is_some()))
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        solver.equals(&inputs[0].rank, &outputs[0].rank)?;
        for output in outputs {
            solver.equals(&inputs[0].datum_type, &output.datum_type)?;
        }
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut wires = Wires::new(prefix, model);
        let flat = wires.fact(inputs[0])?.rank() == 3;
        let datum_type = wires.datum_type(inputs[0])?;
        // Products of f16 are summed in f32.
        let wide = if datum_type == f16::datum_type() { f32::datum_type() } else { datum_type };
        let query = Self::heads(&mut wires, inputs[0], self.query_heads, flat)?;
        let mut key = Self::heads(&mut wires, inputs[1], self.key_heads, flat)?;
        let mut value = Self::heads(&mut wires, inputs[2], self.key_heads, flat)?;
        let mut offset = 0;
        if let Some((past_key, past_value)) = self.past {
            offset = wires.shape(inputs[past_key])?[2];
            key = wires.op(TypedConcat { axis: 2 }, &[inputs[past_key], key])?;
            value = wires.op(TypedConcat { axis: 2 }, &[inputs[past_value], value])?;
        }
        let (present_key, present_value) = (key, value);
        let sizes = Sizes::new(&wires, query, key)?;
        let query = wires.cast(query, wide)?;
        let key = wires.cast(key, wide)?;
        let value = wires.cast(value, wide)?;
        let key = sizes.repeat_heads(&mut wires, key)?;
        let value = sizes.repeat_heads(&mut wires, value)?;

        let product = wires.op(EinSum::new("bhik,bhjk->bhij".parse()?, wide), &[query, key])?;
        #[allow(clippy::cast_precision_loss, reason = "the size of a head is small")]
        let scale = self.scale.unwrap_or_else(|| 1.0 / (sizes.head as f32).sqrt());
        let scale = wires.scalar(scale, product)?;
        let product = wires.binary(math::mul(), product, scale)?;
        let capped = self.soft_cap(&mut wires, product)?;
        let bias = self.bias(&mut wires, inputs, &sizes, offset, wide)?;
        let biased = match bias {
            Some(bias) => wires.binary(math::add(), capped, bias)?,
            None => capped,
        };
        let softmax = wires.op(Softmax::new(tvec!(3), None, SoftmaxKind::Softmax), &[biased])?;
        let softmax = match bias {
            Some(bias) => zero_masked_rows(&mut wires, softmax, bias, &sizes)?,
            None => softmax,
        };
        let result = wires.op(EinSum::new("bhij,bhjk->bhik".parse()?, wide), &[softmax, value])?;
        let mut result = wires.cast(result, datum_type)?;
        if flat {
            let shape = wires.shape(result)?;
            result = wires.move_axis(result, 1, 2)?;
            result = wires.reshape(result, 2, &[shape[1], shape[3]], &[shape[1] * shape[3]])?;
        }
        let mut outputs = tvec!(result);
        outputs.extend(self.present.0.then_some(present_key));
        outputs.extend(self.present.1.then_some(present_value));
        if let Some(scores) = self.scores {
            let scores = match scores {
                Scores::Product => product,
                Scores::Capped => capped,
                Scores::Biased => biased,
                Scores::Softmax => softmax,
            };
            outputs.push(wires.cast(scores, datum_type)?);
        }
        Ok(outputs)
    }
}

/// The sizes that the parts share.
struct Sizes {
    batch: usize,
    heads: usize,
    key_heads: usize,
    queries: usize,
    keys: usize,
    head: usize,
}

impl Sizes {
    fn new(wires: &Wires<'_>, query: OutletId, key: OutletId) -> TractResult<Self> {
        let (query, key) = (wires.shape(query)?, wires.shape(key)?);
        let (&[batch, heads, queries, head], &[_, key_heads, keys, _]) = (&query[..], &key[..]) else {
            bail!("queries of shape {query:?} and keys of shape {key:?}, expected four axes");
        };
        ensure!(key_heads > 0 && heads % key_heads == 0, "{heads} query heads over {key_heads} key heads");
        Ok(Self { batch, heads, key_heads, queries, keys, head })
    }

    /// Every key head as often as query heads share it.
    fn repeat_heads(&self, wires: &mut Wires<'_>, value: OutletId) -> TractResult<OutletId> {
        let times = self.heads / self.key_heads;
        if times == 1 {
            return Ok(value);
        }
        let mut shape = wires.fact(value)?.shape.to_tvec();
        let value = wires.op(AxisOp::Add(2), &[value])?;
        shape.insert(2, times.to_dim());
        let value = wires.op(MultiBroadcastTo { shape: shape.into() }, &[value])?;
        wires.reshape(value, 1, &[self.key_heads, times], &[self.heads])
    }
}

impl Attention {
    /// `[batch, length, heads × size]` as `[batch, heads, length, size]`.
    fn heads(
        wires: &mut Wires<'_>,
        value: OutletId,
        heads: Option<usize>,
        flat: bool,
    ) -> TractResult<OutletId> {
        if !flat {
            return Ok(value);
        }
        let heads =
            heads.filter(|&heads| heads > 0).context("inputs of three axes need the numbers of heads")?;
        let size = wires.shape(value)?[2];
        ensure!(size % heads == 0, "{size} values over {heads} heads");
        let value = wires.reshape(value, 2, &[size], &[heads, size / heads])?;
        wires.move_axis(value, 2, 1)
    }

    fn soft_cap(&self, wires: &mut Wires<'_>, product: OutletId) -> TractResult<OutletId> {
        let Some(cap) = self.cap else {
            return Ok(product);
        };
        let cap = wires.scalar(cap, product)?;
        let scaled = wires.binary(math::div(), product, cap)?;
        let bounded = wires.op(math::tanh(), &[scaled])?;
        wires.binary(math::mul(), bounded, cap)
    }

    /// What is added to the scores: 0 or the mask's number where a query sees a key, -inf where not. Four axes.
    fn bias(
        &self,
        wires: &mut Wires<'_>,
        inputs: &[OutletId],
        sizes: &Sizes,
        offset: usize,
        wide: DatumType,
    ) -> TractResult<Option<OutletId>> {
        let mask = self.mask.map(|mask| Self::mask_bias(wires, inputs[mask], sizes, wide)).transpose()?;
        let banded = self.causal || self.left.is_some() || self.right.is_some();
        if !banded && self.lengths.is_none() {
            return Ok(mask);
        }
        let allowed = Allowed {
            causal: self.causal,
            left: self.left,
            right: self.right,
            offset: signed(offset),
            queries: sizes.queries,
            keys: sizes.keys,
            external: self.lengths.is_some() && self.past.is_none(),
        };
        let band = match self.lengths {
            Some(lengths) => {
                let lengths = wires.cast(inputs[lengths], i64::datum_type())?;
                wires.op(super::native::Native(allowed), &[lengths])?
            }
            None => wires.constant(allowed.bias(&[None])?)?,
        };
        let band = wires.cast(band, wide)?;
        match mask {
            Some(mask) => wires.binary(math::add(), mask, band).map(Some),
            None => Ok(Some(band)),
        }
    }

    fn mask_bias(
        wires: &mut Wires<'_>,
        mut mask: OutletId,
        sizes: &Sizes,
        wide: DatumType,
    ) -> TractResult<OutletId> {
        for _ in wires.fact(mask)?.rank()..4 {
            mask = wires.op(AxisOp::Add(0), &[mask])?;
        }
        if wires.datum_type(mask)? == bool::datum_type() {
            let ranked = |value: f32| tensor0(value).broadcast_into_rank(4);
            let open = wires.constant(ranked(0.0)?)?;
            let closed = wires.constant(ranked(f32::NEG_INFINITY)?)?;
            mask = wires.op(Iff, &[mask, open, closed])?;
        }
        let mask = wires.cast(mask, wide)?;
        let mut shape = wires.shape(mask)?;
        let missing = sizes.keys.saturating_sub(shape[3]);
        if missing == 0 || shape[3] == 1 {
            return Ok(mask);
        }
        // A mask that ends before the keys do masks the rest.
        shape[3] = missing;
        let closed = tensor0(f32::NEG_INFINITY).broadcast_scalar_to_shape(&shape)?;
        let closed = wires.constant(closed.cast_to_dt(wide)?.into_owned())?;
        wires.op(TypedConcat { axis: 3 }, &[mask, closed])
    }
}

/// Rows that see no key at all give 0, not the NaN of a softmax over nothing.
fn zero_masked_rows(
    wires: &mut Wires<'_>,
    softmax: OutletId,
    bias: OutletId,
    sizes: &Sizes,
) -> TractResult<OutletId> {
    let highest = wires.op(extreme_over(Extreme::Max, vec![3]), &[bias])?;
    let closed = wires.scalar(f32::NEG_INFINITY, highest)?;
    let masked = wires.binary(TypedBinOp(comp_eq(), None), highest, closed)?;
    let shape: TVec<usize> = tvec!(sizes.batch, sizes.heads, sizes.queries, sizes.keys);
    let masked = wires.op(MultiBroadcastTo { shape: ShapeFact::from_dims(shape) }, &[masked])?;
    let zero = wires.scalar(0.0, softmax)?;
    wires.op(Iff, &[masked, zero, softmax])
}

/// Which keys a query sees by its position.
#[derive(Clone, Debug)]
struct Allowed {
    causal: bool,
    left: Option<i64>,
    right: Option<i64>,
    /// Position of the first query among the keys.
    offset: i64,
    queries: usize,
    keys: usize,
    /// Whether the queries are the last of the valid keys of a cache that is kept outside.
    external: bool,
}

impl Allowed {
    /// `[batch, 1, queries, keys]` of 0 and -inf, for the valid lengths of each batch.
    fn bias(&self, lengths: &[Option<i64>]) -> TractResult<Tensor> {
        let mut values = Vec::with_capacity(lengths.len() * self.queries * self.keys);
        for &length in lengths {
            let offset = match length {
                Some(length) if self.external => length.saturating_sub(signed(self.queries)),
                _ => self.offset,
            };
            for query in 0..signed(self.queries) {
                for key in 0..signed(self.keys) {
                    let behind = query.saturating_add(offset).saturating_sub(key);
                    let open = length.is_none_or(|length| key < length)
                        && (!self.causal || behind >= 0)
                        && self.left.is_none_or(|left| behind <= left)
                        && self.right.is_none_or(|right| -behind <= right);
                    values.push(if open { 0.0_f32 } else { f32::NEG_INFINITY });
                }
            }
        }
        Tensor::from_shape(&[lengths.len(), 1, self.queries, self.keys], &values)
    }
}

impl super::native::Function for Allowed {
    const NAME: &'static str = "AttentionBias";

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let batch = inputs[0].shape.volume();
        Ok(tvec!(f32::fact([batch, 1.to_dim(), self.queries.to_dim(), self.keys.to_dim()])))
    }

    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let lengths = inputs[0].try_as_plain_ram()?.as_slice::<i64>()?;
        Ok(tvec!(self.bias(&lengths.iter().copied().map(Some).collect::<Vec<_>>())?))
    }
}
