//! What nodes take, the bodies of branches and loops included.

use std::collections::HashSet;

use tandem_onnx::{GraphProto, NodeProto};

/// The graphs in a node's attributes: the bodies of branches and loops.
pub(crate) fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.as_deref().into_iter().chain(&attribute.graphs))
}

/// The values that a node takes from its graph: its own inputs and those that its bodies reach for.
pub(crate) fn uses(node: &NodeProto) -> Vec<&str> {
    let mut uses: Vec<&str> = node.input.iter().filter(|name| !name.is_empty()).map(String::as_str).collect();
    for body in bodies(node) {
        uses.extend(captures(body));
    }
    uses
}

/// The values that a body takes from the graphs around it.
fn captures(body: &GraphProto) -> Vec<&str> {
    let inputs = body.input.iter().map(|input| input.name.as_str());
    let constants = body.initializer.iter().map(|tensor| tensor.name.as_str());
    let sparse = body.sparse_initializer.iter().filter_map(|tensor| tensor.values.as_ref());
    let results = body.node.iter().flat_map(|node| &node.output).map(String::as_str);
    let own: HashSet<&str> =
        inputs.chain(constants).chain(sparse.map(|values| values.name.as_str())).chain(results).collect();
    let outputs = body.output.iter().map(|output| output.name.as_str());
    body.node.iter().flat_map(uses).chain(outputs).filter(|name| !own.contains(name)).collect()
}

/// Whether a node, or one in its bodies, draws random numbers, so that two runs of it differ.
pub(crate) fn is_random(node: &NodeProto) -> bool {
    let random = matches!(
        node.op_type.as_str(),
        "Bernoulli"
            | "Multinomial"
            | "RandomNormal"
            | "RandomNormalLike"
            | "RandomUniform"
            | "RandomUniformLike"
    );
    random || bodies(node).flat_map(|body| &body.node).any(is_random)
}

/// The name by which people know a node: its own, or its first result's.
pub(crate) fn label(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}
