//! The server's side: the first nodes of a tail, which turn what was sent into the crossing tensors.

use std::collections::HashSet;

use tandem_core::DType;
use tandem_onnx::{AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto};

use super::{Affine, WireForm, check, names};
use crate::SplitError;
use crate::boundary::{Boundary, CrossingTensor};
use crate::dtype::onnx_type;
use crate::extract::value_info;

/// From this operator set on, operators broadcast without being told to.
const BROADCASTING: i64 = 7;
/// The operator set that a tail gets which has none of ONNX's own.
const ADDED: i64 = 13;

/// The tail as it is deployed: `tail`, which takes the crossing tensors of `boundary` as they are, with the
/// inverse of `forms` as its first nodes.
///
/// The inverse of bytes is `Cast`, `Sub`, `Mul`, which every server runs alike, in place of `DequantizeLinear`,
/// which wants a scalar that no server carries where the scale travels along.
pub fn deploy(tail: &ModelProto, boundary: &Boundary, forms: &[WireForm]) -> Result<ModelProto, SplitError> {
    check(boundary, forms)?;
    let mut model = tail.clone();
    let graph = model.graph.as_mut().ok_or(SplitError::NoGraph)?;
    let mut decoder = Decoder { taken: taken(graph), ..Decoder::default() };
    for (tensor, form) in boundary.crossing.iter().zip(forms) {
        let infos = form.wire_tensors(tensor);
        if let [info] = infos.as_slice()
            && info.name == tensor.name
        {
            continue;
        }
        let place = graph.input.iter().position(|input| input.name == tensor.name);
        let place = place.ok_or_else(|| SplitError::UnknownTensor(tensor.name.clone()))?;
        for info in &infos {
            decoder.take(&info.name)?;
        }
        let declared = graph.input.splice(place..=place, infos.iter().map(value_info));
        graph.value_info.extend(declared);
        decoder.add(tensor, form)?;
    }
    if decoder.nodes.is_empty() {
        return Ok(model);
    }
    decoder.nodes.append(&mut graph.node);
    graph.node = decoder.nodes;
    graph.initializer.append(&mut decoder.constants);
    match (model.opset(""), decoder.needs) {
        (None, _) => model.opset_import.push(OperatorSetIdProto { domain: String::new(), version: ADDED }),
        (Some(got), Some(form)) if got < BROADCASTING => {
            return Err(SplitError::OldOperatorSet { form, needed: BROADCASTING, got });
        }
        _ => {}
    }
    Ok(model)
}

/// Every name in the graph, its bodies not included: those may not hide names of the graph around them.
fn taken(graph: &GraphProto) -> HashSet<String> {
    let inputs = graph.input.iter().map(|input| &input.name);
    let constants = graph.initializer.iter().map(|tensor| &tensor.name);
    let results = graph.node.iter().flat_map(all_results);
    inputs.chain(constants).chain(results).cloned().collect()
}

/// The results of a node and of those in its bodies.
fn all_results(node: &NodeProto) -> Vec<&String> {
    let inner = crate::graph::bodies(node).flat_map(|body| {
        let inputs = body.input.iter().map(|input| &input.name);
        let constants = body.initializer.iter().map(|tensor| &tensor.name);
        inputs.chain(constants).chain(body.node.iter().flat_map(all_results)).collect::<Vec<_>>()
    });
    node.output.iter().chain(inner).collect()
}

#[derive(Default)]
struct Decoder {
    taken: HashSet<String>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
    /// The form that needs operators which broadcast.
    needs: Option<&'static str>,
}

impl Decoder {
    /// The nodes that give `tensor` from what was sent in `form`.
    fn add(&mut self, tensor: &CrossingTensor, form: &WireForm) -> Result<(), SplitError> {
        let name = &tensor.name;
        let mut steps = Steps { decoder: self, last: String::new(), stem: name, count: 0 };
        match form {
            WireForm::Native => steps.last = names::row(name),
            WireForm::F16 => {
                steps.last = names::f16(name);
                steps.cast(tensor.dtype)?;
            }
            WireForm::U8(affine) => {
                let scale = steps.constant("scale", affine, &affine.scale, tensor.shape.len())?;
                let zero_point =
                    steps.constant("zero_point", affine, &affine.zero_point, tensor.shape.len())?;
                steps.numbers(tensor.dtype, scale, zero_point)?;
            }
            WireForm::U8PerRequest => {
                steps.numbers(tensor.dtype, names::scale(name), names::zero_point(name))?;
            }
        }
        if tensor.shape.is_empty() {
            let shape = steps.name("shape")?;
            steps.decoder.constants.push(TensorProto::from_slice::<i64>(shape.as_str(), &[0], &[])?);
            steps.node("Reshape", Some(shape), None)?;
        }
        // The last step gives the tensor itself.
        if let Some(node) = self.nodes.last_mut() {
            node.output = vec![name.clone()];
        }
        if matches!(form, WireForm::U8(_) | WireForm::U8PerRequest) {
            self.needs = Some(form.name());
        }
        Ok(())
    }

    /// Takes a name that nothing in the graph has.
    fn take(&mut self, name: &str) -> Result<(), SplitError> {
        if self.taken.insert(name.to_owned()) { Ok(()) } else { Err(SplitError::NameTaken(name.to_owned())) }
    }
}

/// The chain of nodes that leads from what was sent to one tensor.
struct Steps<'a> {
    decoder: &'a mut Decoder,
    last: String,
    stem: &'a str,
    count: usize,
}

impl Steps<'_> {
    /// `(byte - zero point) · scale`, in f32, then in the tensor's own type.
    fn numbers(&mut self, dtype: DType, scale: String, zero_point: String) -> Result<(), SplitError> {
        self.last = names::u8(self.stem);
        self.cast(DType::F32)?;
        self.node("Sub", Some(zero_point), None)?;
        self.node("Mul", Some(scale), None)?;
        if dtype == DType::F32 { Ok(()) } else { self.cast(dtype) }
    }

    fn cast(&mut self, dtype: DType) -> Result<(), SplitError> {
        let to = AttributeProto::new("to", i64::from(onnx_type(dtype).number()));
        self.node("Cast", None, Some(to))
    }

    fn node(
        &mut self,
        operator: &str,
        second: Option<String>,
        attribute: Option<AttributeProto>,
    ) -> Result<(), SplitError> {
        self.count += 1;
        let output = self.name(&format!("step{}", self.count))?;
        let input = std::iter::once(std::mem::replace(&mut self.last, output.clone())).chain(second);
        self.decoder.nodes.push(NodeProto {
            op_type: operator.to_owned(),
            name: output.clone(),
            input: input.collect(),
            output: vec![output],
            attribute: attribute.into_iter().collect(),
            ..NodeProto::default()
        });
        Ok(())
    }

    /// A constant with one element for each place of the axis, that broadcasts against the tensor.
    fn constant(
        &mut self,
        what: &str,
        affine: &Affine,
        values: &[f32],
        rank: usize,
    ) -> Result<String, SplitError> {
        let name = self.name(what)?;
        let after = affine.axis.map_or(0, |axis| rank.saturating_sub(axis + 1));
        let dims: Vec<usize> = std::iter::once(values.len()).chain(std::iter::repeat_n(1, after)).collect();
        self.decoder.constants.push(TensorProto::from_slice(name.as_str(), &dims, values)?);
        Ok(name)
    }

    fn name(&mut self, what: &str) -> Result<String, SplitError> {
        let name = format!("{}.wire.{what}", self.stem);
        self.decoder.take(&name)?;
        Ok(name)
    }
}
