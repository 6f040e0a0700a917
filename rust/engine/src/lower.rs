//! From our graph to tract's.

use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use tandem_core::ModelInfo;
use tandem_onnx::{
    DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TypeProto, TypeValue, ValueInfoProto,
};
use tract_core::ops::konst::Const;
use tract_onnx::prelude::{DatumType, Framework, InferenceModel};
use tract_onnx::tract_hir::internal::{InferenceFact, OutletId, TractError, TractResult, TypedFact};

use crate::constants::{Constant, Constants};
use crate::fault::{Fault, chain};
use crate::fuse;
use crate::graph::{label, operator};
use crate::integers::Integers;
use crate::operators;

/// A model in tract's form before its shapes are known: what plans are made of.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The graph's own name.
    pub(crate) name: String,
    /// tract's graph; the constants are in it.
    pub(crate) model: InferenceModel,
    /// Operator of every node, by the node's name in tract's graph.
    pub(crate) operators: HashMap<String, Operator>,
    /// The integers that constants were expanded from.
    pub(crate) integers: Integers,
}

/// What the ONNX graph says of a node.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    /// The operator, with its domain where it is not ONNX's own.
    pub(crate) name: String,
    /// The axis of the first input along which it works.
    pub(crate) axis: Option<i64>,
}

impl Operator {
    fn of(node: &NodeProto) -> Self {
        let default = node.op_type.ends_with("LayerNormalization") || node.op_type == "RMSNormalization";
        let axis = match node.op_type.as_str() {
            // The axis of the result, or of a scale that may be one for all.
            "OneHot" | "QuantizeLinear" | "DequantizeLinear" => None,
            _ => node.attribute("axis").map(|axis| axis.i).or(default.then_some(-1)),
        };
        Self { name: operator(node), axis }
    }
}

/// Hands `graph` to tract. The constants do not go through protobuf again: they are declared as inputs and
/// turned into constants of tract's graph afterwards. Where `fused`, our own operators take the place of some of tract's.
pub(crate) fn lower(
    mut graph: GraphProto,
    constants: Constants,
    integers: Integers,
    opsets: Vec<OperatorSetIdProto>,
    info: &ModelInfo,
    fused: bool,
) -> Result<Template, Fault> {
    let (name, operators) = (graph.name.clone(), name_nodes(&mut graph));
    graph.value_info.clear();
    graph.quantization_annotation.clear();
    graph.output.iter_mut().for_each(|output| output.r#type = None);
    graph.input.retain(|input| info.input(&input.name).is_some());
    graph.input.iter_mut().for_each(forget_shape);
    graph.input.extend(constants.keys().map(|name| ValueInfoProto {
        name: name.clone(),
        // The type is replaced with the constant's own.
        r#type: Some(TypeProto::tensor(DataType::Float32, [0_i64; 0])),
        ..ValueInfoProto::default()
    }));
    let proto = ModelProto { graph: Some(graph), opset_import: opsets, ..ModelProto::default() };
    let model = parse(&proto, constants, fused).map_err(|error| building_fault(&error, &operators))?;
    Ok(Template { name, model, operators, integers })
}

fn parse(proto: &ModelProto, mut constants: Constants, fused: bool) -> TractResult<InferenceModel> {
    let mut framework = tract_onnx::onnx();
    operators::register(&mut framework.op_register);
    if fused {
        fuse::register(&mut framework.op_register);
    }
    let translated = framework.proto_model_for_read(&mut Cursor::new(proto.encode_bytes()))?;
    let mut model = framework.parse(&translated, None)?.model;
    let mut inputs: Vec<OutletId> = Vec::new();
    for outlet in model.input_outlets()?.to_vec() {
        let node = model.node_mut(outlet.node);
        let fact: InferenceFact = match constants.remove(&node.name) {
            None => {
                inputs.push(outlet);
                continue;
            }
            Some(Constant::Tensor(tensor)) => {
                node.op = Box::new(Const::new(tensor.clone())?);
                TypedFact::try_from(tensor)?.into()
            }
            Some(Constant::Weight(weight)) => {
                let fact = InferenceFact::dt_shape(DatumType::F32, weight.shape());
                node.op = Box::new(weight);
                fact
            }
        };
        model.set_outlet_fact(outlet, fact)?;
    }
    model.set_input_outlets(&inputs)?;
    Ok(model)
}

fn forget_shape(input: &mut ValueInfoProto) {
    if let Some(TypeValue::Tensor(tensor)) = input.r#type.as_mut().and_then(|value| value.value.as_mut()) {
        tensor.shape = None;
    }
}

/// Gives every node a name of its own, because tract and our errors find nodes by name.
fn name_nodes(graph: &mut GraphProto) -> HashMap<String, Operator> {
    let mut taken: HashSet<String> = graph.input.iter().map(|input| input.name.clone()).collect();
    taken.extend(graph.initializer.iter().map(|tensor| tensor.name.clone()));
    let mut operators = HashMap::new();
    for (index, node) in graph.node.iter_mut().enumerate() {
        let mut name = label(node).to_owned();
        if name.is_empty() || taken.contains(&name) {
            name = format!("{name}#{index}");
        }
        while !taken.insert(name.clone()) {
            name.push('\'');
        }
        operators.insert(name.clone(), Operator::of(node));
        node.name = name;
    }
    operators
}

/// tract tells in words which node it could not build: `Building node NAME (OPERATOR)`.
fn building_fault(error: &TractError, operators: &HashMap<String, Operator>) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.clone();
    }
    let building = error.chain().find_map(|cause| {
        let text = cause.to_string();
        let name = text.strip_prefix("Building node ")?.rsplit_once(" (")?.0.to_owned();
        operators.get(&name).map(|operator| (name.clone(), operator.name.clone()))
    });
    match building {
        Some((node, operator)) => {
            let detail = error.root_cause().to_string();
            Fault::Unsupported { operator, node, detail }
        }
        None => Fault::Internal(chain(error)),
    }
}
