//! Models that bring functions along, and other models with their nodes put into functions.

use std::collections::HashSet;

use tandem_onnx::{
    AttributeProto, BuildError, DataType, FunctionProto, GraphBuilder, GraphProto, ModelBuilder, ModelProto,
    NodeProto, OperatorSetIdProto, dims,
};

use crate::random::Random;

/// The name space of the functions.
const DOMAIN: &str = "dev.tandem.test";

/// A function whose body `build` makes, of operator set 18.
pub fn function<const I: usize, const O: usize>(
    domain: &str,
    name: &str,
    inputs: [&str; I],
    outputs: [&str; O],
    build: impl FnOnce(&mut GraphBuilder),
) -> Result<FunctionProto, BuildError> {
    let mut body = GraphBuilder::new(name);
    build(&mut body);
    Ok(FunctionProto {
        name: name.to_owned(),
        domain: domain.to_owned(),
        input: inputs.map(str::to_owned).into(),
        output: outputs.map(str::to_owned).into(),
        node: body.build()?.node,
        opset_import: vec![
            OperatorSetIdProto { domain: String::new(), version: 18 },
            OperatorSetIdProto { domain: domain.to_owned(), version: 1 },
        ],
        ..FunctionProto::default()
    })
}

/// Three layers, each a call of one function that calls another with an attribute of its own: f32 `[batch, 8]` to
/// `[batch, 4]`.
pub fn layers() -> Result<ModelProto, BuildError> {
    let mut activation = function(DOMAIN, "Activation", ["x"], ["y"], |body| {
        body.node("LeakyRelu", ["x"], ["y"]);
    })?;
    activation.attribute_proto.push(AttributeProto::new("slope", 0.25_f32));
    activation.node[0].attribute.push(reference(&AttributeProto::new("alpha", 0.0_f32), "slope"));
    let mut dense = function(DOMAIN, "Dense", ["x", "weights", "bias"], ["y"], |body| {
        body.node("MatMul", ["x", "weights"], ["product"]);
        body.node("Add", ["product", "bias"], ["sum"]);
        body.node("Activation", ["sum"], ["y"]).domain(DOMAIN);
    })?;
    dense.attribute.push("slope".to_owned());
    dense.node[2].attribute.push(reference(&AttributeProto::new("slope", 0.0_f32), "slope"));

    let mut random = Random::new(7);
    let mut graph = GraphBuilder::new("layers");
    graph.input("x", DataType::Float32, dims!["batch", 8]);
    let layers = [("x", "first", 8, Some(0.5)), ("first", "second", 8, None), ("second", "y", 4, Some(-0.5))];
    for (from, to, width, slope) in layers {
        let (weights, bias) = (format!("{to}.weights"), format!("{to}.bias"));
        graph.initializer(&weights, &[8, width], &random.floats(8 * width, 1.0));
        graph.initializer(&bias, &[width], &random.floats(width, 0.5));
        let call = graph.node("Dense", [from, &weights, &bias], [to]).domain(DOMAIN);
        if let Some(slope) = slope {
            call.attr("slope", slope);
        }
    }
    graph.output("y", DataType::Float32, dims!["batch", 4]);
    let mut model = ModelBuilder::new(graph).opset(18).opset_of(DOMAIN, 1).build()?;
    model.functions = vec![dense, activation];
    Ok(model)
}

/// The model with neighbouring nodes of its graph put into functions, and nodes of those into functions again. The same
/// for the same seed.
///
/// All functions name their values alike, and take their attributes from their callers.
pub fn in_functions(model: &ModelProto, seed: u64) -> ModelProto {
    let mut model = model.clone();
    if model.opset(DOMAIN).is_none() {
        model.opset_import.push(OperatorSetIdProto { domain: DOMAIN.to_owned(), version: 1 });
    }
    let mut wrapper =
        Wrapper { random: Random::new(seed), functions: model.functions, opsets: model.opset_import.clone() };
    if let Some(graph) = &mut model.graph {
        let outputs: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
        graph.node = wrapper.wrap(&graph.node, &outputs, 0);
    }
    model.functions = wrapper.functions;
    model
}

struct Wrapper {
    random: Random,
    functions: Vec<FunctionProto>,
    opsets: Vec<OperatorSetIdProto>,
}

impl Wrapper {
    /// The nodes as calls of functions; `outputs` are the values that are wanted of them.
    fn wrap(&mut self, nodes: &[NodeProto], outputs: &HashSet<String>, depth: usize) -> Vec<NodeProto> {
        let mut calls = Vec::new();
        let mut rest = nodes;
        while let Some(first) = rest.first() {
            let longest = rest.iter().take_while(|node| !has_body(node)).count();
            let count = (1 + self.random.below(6)).min(longest);
            if count == 0 {
                calls.push(first.clone());
                rest = &rest[1..];
                continue;
            }
            let (taken, left) = rest.split_at(count);
            rest = left;
            let mut wanted = outputs.clone();
            wanted.extend(left.iter().flat_map(uses));
            calls.push(self.call(taken, &wanted, depth));
        }
        calls
    }

    /// A call of a new function that does what `nodes` do.
    fn call(&mut self, nodes: &[NodeProto], wanted: &HashSet<String>, depth: usize) -> NodeProto {
        let mut given = HashSet::new();
        let (mut input, mut output): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for node in nodes {
            for name in &node.input {
                if !name.is_empty() && !given.contains(name) && !input.contains(name) {
                    input.push(name.clone());
                }
            }
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                given.insert(name.clone());
                if wanted.contains(name) {
                    output.push(name.clone());
                }
            }
        }
        // x0, x1 and so on in the order in which they come up.
        let mut names = input.clone();
        let mut attribute = Vec::new();
        let mut body = nodes.to_vec();
        for node in &mut body {
            for name in node.input.iter_mut().chain(&mut node.output).filter(|name| !name.is_empty()) {
                *name = local(&mut names, name);
            }
            for own in &mut node.attribute {
                let value = AttributeProto { name: format!("a{}", attribute.len()), ..own.clone() };
                *own = reference(own, &value.name);
                attribute.push(value);
            }
        }
        let results: Vec<String> = output.iter().map(|name| local(&mut names, name)).collect();
        if depth < 2 && self.random.below(2) == 0 {
            body = self.wrap(&body, &results.iter().cloned().collect(), depth + 1);
        }
        let name = format!("F{}", self.functions.len());
        self.functions.push(FunctionProto {
            name: name.clone(),
            domain: DOMAIN.to_owned(),
            input: (0..input.len()).map(|index| format!("x{index}")).collect(),
            output: results,
            attribute: attribute.iter().map(|value| value.name.clone()).collect(),
            node: body,
            opset_import: self.opsets.clone(),
            ..FunctionProto::default()
        });
        NodeProto {
            op_type: name,
            domain: DOMAIN.to_owned(),
            input,
            output,
            attribute,
            ..NodeProto::default()
        }
    }
}

/// The name of a value inside the function.
fn local(names: &mut Vec<String>, name: &str) -> String {
    let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    format!("x{place}")
}

/// An attribute like `own` whose value is that of the function's attribute `from`.
fn reference(own: &AttributeProto, from: &str) -> AttributeProto {
    AttributeProto {
        name: own.name.clone(),
        ref_attr_name: from.to_owned(),
        r#type: own.r#type,
        ..AttributeProto::default()
    }
}

fn has_body(node: &NodeProto) -> bool {
    node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
}

/// The values that a node takes, those of its bodies included.
fn uses(node: &NodeProto) -> Vec<String> {
    let bodies = node.attribute.iter().flat_map(|own| own.g.as_deref().into_iter().chain(&own.graphs));
    let inner = bodies.flat_map(|body: &GraphProto| {
        let outputs = body.output.iter().map(|output| output.name.clone());
        body.node.iter().flat_map(uses).chain(outputs).collect::<Vec<_>>()
    });
    node.input.iter().cloned().chain(inner).collect()
}
