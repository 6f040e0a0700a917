//! Calls of functions that a model brings along, replaced by what the functions do.
//!
//! A call is a node whose domain, operator and overload are a function's; such a function counts before an operator of the
//! same name. Every call becomes a copy of the body under names of its own: parameters and results take the caller's
//! names, references to attributes the caller's values (ONNX's IR specification, "Functions"). tract never sees a function.

use std::collections::{HashMap, HashSet};

use tandem_core::{Limits, LoadError};
use tandem_onnx::{
    AttributeProto, AttributeType, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
};

use crate::graph::{bodies_mut, collect_definitions, definitions, label, operator};
use crate::limits::{at_most, count_nodes};

/// How deep calls and bodies of branches may nest: what walks the graph later is recursive.
const MOST_NESTED: u64 = 64;

/// Replaces every call in `graph`, the graph of `model`, by the body of its function, and takes the functions away.
///
/// Copies count as if they stood in the file: their nodes, and their bytes beside the `read` ones. Operator sets that only
/// functions use become the model's.
pub(crate) fn inline(
    model: &mut ModelProto,
    graph: &mut GraphProto,
    read: u64,
    limits: &Limits,
) -> Result<(), LoadError> {
    let functions = std::mem::take(&mut model.functions);
    if functions.is_empty() {
        return Ok(());
    }
    let mut by_name = HashMap::new();
    for function in &functions {
        let key = (domain(&function.domain), function.name.as_str(), function.overload.as_str());
        if by_name.insert(key, function).is_some() {
            return Err(invalid(format!("function {} is defined twice", name_of(function))));
        }
    }
    let mut taken = HashSet::new();
    collect_definitions(graph, &mut taken);
    let mut inliner = Inliner {
        functions: by_name,
        opsets: &mut model.opset_import,
        taken,
        collisions: 0,
        calls: Vec::new(),
        depth: 0,
        nodes: count_nodes(&graph.node),
        bytes: read,
        limits,
    };
    let nodes = std::mem::take(&mut graph.node);
    graph.node = inliner.expand(nodes)?;
    Ok(())
}

struct Inliner<'a> {
    functions: HashMap<(&'a str, &'a str, &'a str), &'a FunctionProto>,
    opsets: &'a mut Vec<OperatorSetIdProto>,
    /// Every name that a value has.
    taken: HashSet<String>,
    collisions: u64,
    /// The functions whose bodies are being expanded, the outermost first.
    calls: Vec<&'a FunctionProto>,
    depth: u64,
    nodes: u64,
    bytes: u64,
    limits: &'a Limits,
}

/// A call and the function that it calls.
#[derive(Clone, Copy)]
struct Call<'c, 'a> {
    function: &'a FunctionProto,
    node: &'c NodeProto,
}

/// What the names of a function's body, or of a body inside it, became.
struct Scope<'o, 'a> {
    /// An argument that the caller left out has no name.
    names: HashMap<&'a str, String>,
    outer: Option<&'o Scope<'o, 'a>>,
}

impl Scope<'_, '_> {
    fn find(&self, name: &str) -> Option<&str> {
        let found = self.names.get(name).map(String::as_str);
        found.or_else(|| self.outer.and_then(|outer| outer.find(name)))
    }
}

impl<'a> Inliner<'a> {
    /// The nodes with every call among them, and in their bodies, replaced.
    fn expand(&mut self, nodes: Vec<NodeProto>) -> Result<Vec<NodeProto>, LoadError> {
        self.depth += 1;
        at_most("nested calls and bodies", self.depth, MOST_NESTED)?;
        let mut expanded = Vec::with_capacity(nodes.len());
        for mut node in nodes {
            for body in bodies_mut(&mut node) {
                body.node = self.expand(std::mem::take(&mut body.node))?;
            }
            let key = (domain(&node.domain), node.op_type.as_str(), node.overload.as_str());
            let Some(&function) = self.functions.get(&key) else {
                self.agree_on_version(&node)?;
                expanded.push(node);
                continue;
            };
            self.refuse_recursion(function)?;
            let copy = self.copy_body(Call { function, node: &node })?;
            self.calls.push(function);
            expanded.append(&mut self.expand(copy)?);
            self.calls.pop();
        }
        self.depth -= 1;
        Ok(expanded)
    }

    fn refuse_recursion(&self, function: &FunctionProto) -> Result<(), LoadError> {
        let Some(begin) = self.calls.iter().position(|calling| std::ptr::eq(*calling, function)) else {
            return Ok(());
        };
        let circle: Vec<String> = self.calls[begin..].iter().map(|calling| name_of(calling)).collect();
        Err(invalid(format!("function {} calls itself through {}", circle[0], circle.join(", "))))
    }

    /// One version of a domain's operators counts for the whole graph that tract is given.
    fn agree_on_version(&mut self, node: &NodeProto) -> Result<(), LoadError> {
        let Some(function) = self.calls.last() else {
            return Ok(());
        };
        let set = |sets: &[OperatorSetIdProto]| {
            sets.iter().find(|set| domain(&set.domain) == domain(&node.domain)).cloned()
        };
        match (set(&function.opset_import), set(self.opsets)) {
            (Some(here), None) => self.opsets.push(here),
            (Some(here), Some(model)) if here.version != model.version => {
                return Err(LoadError::UnsupportedOperator {
                    operator: operator(node),
                    node: label(node).to_owned(),
                    detail: format!(
                        "function {} uses version {} of its operator set, the model {}",
                        name_of(function),
                        here.version,
                        model.version
                    ),
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// The body of the function as the call means it; the calls in it are still calls.
    fn copy_body(&mut self, call: Call<'_, 'a>) -> Result<Vec<NodeProto>, LoadError> {
        let Call { function, node } = call;
        check_arity(call)?;
        self.nodes += count_nodes(&function.node);
        at_most("nodes", self.nodes, self.limits.nodes)?;
        self.spend(function.encoded_len())?;

        let mut names: HashMap<&'a str, String> = HashMap::new();
        for (index, parameter) in function.input.iter().enumerate() {
            let argument = node.input.get(index).cloned().unwrap_or_default();
            if names.insert(parameter, argument).is_some() {
                let function = name_of(function);
                return Err(invalid(format!("function {function} lists the input {parameter:?} twice")));
            }
        }
        let given = || function.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
        let given_inside: HashSet<&str> = given().map(String::as_str).collect();
        // Results that are arguments, or another result once more.
        let mut repeated = Vec::new();
        let wanted = function.output.iter().zip(&node.output).filter(|(_, target)| !target.is_empty());
        for (result, target) in wanted {
            if given_inside.contains(result.as_str()) && !names.contains_key(result.as_str()) {
                names.insert(result, target.clone());
            } else {
                repeated.push((result, target));
            }
        }
        for name in given() {
            if !names.contains_key(name.as_str()) {
                names.insert(name, self.fresh(label(node), name)?);
            }
        }
        let scope = Scope { names, outer: None };
        let mut nodes = Vec::with_capacity(function.node.len() + repeated.len());
        for node in &function.node {
            nodes.push(self.copy_node(node, call, &scope)?);
        }
        for (result, target) in repeated {
            let from = self.renamed(result, call, &scope)?;
            if from.is_empty() {
                let function = name_of(function);
                return Err(invalid(format!(
                    "function {function} gives its input {result:?} as {target:?}, and node {:?} leaves it out",
                    label(node)
                )));
            }
            nodes.push(identity(from, target.clone()));
        }
        Ok(nodes)
    }

    fn copy_node(
        &mut self,
        node: &'a NodeProto,
        call: Call<'_, 'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<NodeProto, LoadError> {
        let mut input = Vec::with_capacity(node.input.len());
        for name in &node.input {
            input.push(self.renamed(name, call, scope)?);
        }
        // An argument that was left out at the end is left out here, too.
        let listed = input.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        input.truncate(listed);
        let mut output = Vec::with_capacity(node.output.len());
        for name in &node.output {
            output.push(self.renamed(name, call, scope)?);
        }
        let mut attribute = Vec::with_capacity(node.attribute.len());
        for given in &node.attribute {
            attribute.extend(self.bind(given, call, scope)?);
        }
        let name = match node.name.as_str() {
            "" => String::new(),
            name => format!("{}/{name}", label(call.node)),
        };
        self.spend(name.len())?;
        Ok(NodeProto {
            input,
            output,
            name,
            op_type: node.op_type.clone(),
            domain: node.domain.clone(),
            overload: node.overload.clone(),
            attribute,
            ..NodeProto::default()
        })
    }

    /// The attribute with the value that it refers to. None where neither the caller nor the function gives one: the
    /// operator's own default counts then.
    fn bind(
        &mut self,
        attribute: &'a AttributeProto,
        call: Call<'_, 'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<Option<AttributeProto>, LoadError> {
        let wanted = attribute.ref_attr_name.as_str();
        if wanted.is_empty() {
            return self.copy_attribute(attribute, call, scope).map(Some);
        }
        let bound = if let Some(given) = call.node.attribute(wanted) {
            self.spend(given.encoded_len())?;
            given.clone()
        } else if let Some(default) = call.function.attribute_proto.iter().find(|own| own.name == wanted) {
            self.spend(default.encoded_len())?;
            self.copy_attribute(default, call, scope)?
        } else {
            return Ok(None);
        };
        let (expected, got) = (attribute.r#type(), bound.r#type());
        if expected != AttributeType::Undefined && expected != got {
            let function = name_of(call.function);
            return Err(invalid(format!(
                "function {function} takes attribute {wanted:?} as {expected:?}, node {:?} gives {got:?}",
                label(call.node)
            )));
        }
        Ok(Some(AttributeProto { name: attribute.name.clone(), ..bound }))
    }

    fn copy_attribute(
        &mut self,
        attribute: &'a AttributeProto,
        call: Call<'_, 'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<AttributeProto, LoadError> {
        // Field by field, because a clone would hold every nested body once more.
        let mut copy = AttributeProto {
            name: attribute.name.clone(),
            r#type: attribute.r#type,
            f: attribute.f,
            i: attribute.i,
            s: attribute.s.clone(),
            t: attribute.t.clone(),
            sparse_tensor: attribute.sparse_tensor.clone(),
            tp: attribute.tp.clone(),
            floats: attribute.floats.clone(),
            ints: attribute.ints.clone(),
            strings: attribute.strings.clone(),
            tensors: attribute.tensors.clone(),
            sparse_tensors: attribute.sparse_tensors.clone(),
            type_protos: attribute.type_protos.clone(),
            ..AttributeProto::default()
        };
        if let Some(body) = &attribute.g {
            copy.g = Some(Box::new(self.copy_graph(body, call, scope)?));
        }
        for body in &attribute.graphs {
            copy.graphs.push(self.copy_graph(body, call, scope)?);
        }
        Ok(copy)
    }

    /// The body of a branch or loop inside the function's.
    fn copy_graph(
        &mut self,
        graph: &'a GraphProto,
        call: Call<'_, 'a>,
        outer: &Scope<'_, 'a>,
    ) -> Result<GraphProto, LoadError> {
        let mut names: HashMap<&'a str, String> = HashMap::new();
        for name in definitions(graph) {
            if !names.contains_key(name) {
                names.insert(name, self.fresh(label(call.node), name)?);
            }
        }
        let scope = Scope { names, outer: Some(outer) };
        let mut copy = GraphProto {
            name: graph.name.clone(),
            initializer: graph.initializer.clone(),
            sparse_initializer: graph.sparse_initializer.clone(),
            input: graph.input.clone(),
            output: graph.output.clone(),
            ..GraphProto::default()
        };
        for node in &graph.node {
            copy.node.push(self.copy_node(node, call, &scope)?);
        }
        let sparse = copy.sparse_initializer.iter_mut().filter_map(|tensor| tensor.values.as_mut());
        let constants = copy.initializer.iter_mut().chain(sparse).map(|tensor| &mut tensor.name);
        let ends = copy.input.iter_mut().chain(&mut copy.output).map(|value| &mut value.name);
        for name in constants.chain(ends) {
            *name = self.renamed(name, call, &scope)?;
        }
        Ok(copy)
    }

    /// What a name of the body became; an empty one stays empty.
    fn renamed(
        &mut self,
        name: &str,
        call: Call<'_, 'a>,
        scope: &Scope<'_, 'a>,
    ) -> Result<String, LoadError> {
        if name.is_empty() {
            return Ok(String::new());
        }
        let found = scope.find(name).ok_or_else(|| {
            let function = name_of(call.function);
            invalid(format!("function {function} takes {name:?}, which nothing in it gives"))
        })?;
        self.spend(found.len())?;
        Ok(found.to_owned())
    }

    /// A name that no value has.
    fn fresh(&mut self, call: &str, name: &str) -> Result<String, LoadError> {
        self.spend(call.len() + name.len())?;
        let mut fresh = format!("{call}/{name}");
        while self.taken.contains(&fresh) {
            // Counted over all names, so that names made to collide cannot make each search long.
            self.collisions += 1;
            fresh = format!("{call}/{name}#{}", self.collisions);
        }
        self.taken.insert(fresh.clone());
        Ok(fresh)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), LoadError> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        at_most("bytes", self.bytes, self.limits.model_bytes)
    }
}

fn check_arity(call: Call<'_, '_>) -> Result<(), LoadError> {
    let Call { function, node } = call;
    let counts = [
        ("inputs", node.input.len(), function.input.len()),
        ("outputs", node.output.len(), function.output.len()),
    ];
    for (what, got, most) in counts {
        if got > most {
            let (node, function) = (label(node), name_of(function));
            return Err(invalid(format!("node {node:?} has {got} {what}, function {function} {most}")));
        }
    }
    Ok(())
}

fn identity(from: String, to: String) -> NodeProto {
    NodeProto {
        op_type: "Identity".to_owned(),
        name: to.clone(),
        input: vec![from],
        output: vec![to],
        ..NodeProto::default()
    }
}

fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

fn name_of(function: &FunctionProto) -> String {
    let name = match domain(&function.domain) {
        "" => function.name.clone(),
        domain => format!("{domain}.{}", function.name),
    };
    if function.overload.is_empty() { name } else { format!("{name}:{}", function.overload) }
}

fn invalid(detail: String) -> LoadError {
    LoadError::Invalid { detail }
}
