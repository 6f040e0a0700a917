//! Writing models in code.

use std::collections::HashSet;

use crate::attribute::{AttributeProto, AttributeValue};
use crate::data_type::DataType;
use crate::graph::{GraphProto, NodeProto};
use crate::model::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::tensor::{Element, TensorError, TensorProto};
use crate::types::{Dim, ValueInfoProto};

/// Operator set of models whose builder is told no other.
const DEFAULT_OPSET: i64 = 17;
/// File format that operator set 17 came with.
const DEFAULT_IR_VERSION: i64 = 8;

/// Why the parts do not make a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A constant's values and shape do not agree.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Two inputs, constants or results have one name.
    #[error("the value `{0}` is defined twice")]
    DefinedTwice(String),
    /// A node or an output takes a value that nothing before it gives.
    #[error("`{user}` takes the value `{value}`, which nothing before it gives")]
    Undefined {
        /// The operator, or `output`.
        user: String,
        /// Name of the value.
        value: String,
    },
    /// A declared dimension is negative.
    #[error("the value `{value}` has a dimension of {size}")]
    NegativeDimension {
        /// Name of the value.
        value: String,
        /// The dimension.
        size: i64,
    },
}

/// Builds a graph: the main one of a model or the body of a branch or loop.
///
/// Nodes are given in order of execution. Mistakes are kept and told by [`build`](Self::build).
///
/// ```
/// use tandem_onnx::{DataType, GraphBuilder, dims};
///
/// let mut graph = GraphBuilder::new("scale");
/// graph.input("x", DataType::Float32, dims!["batch", 2]);
/// graph.initializer("factor", &[2], &[0.5_f32, 2.0]);
/// graph.node("Mul", ["x", "factor"], ["scaled"]);
/// graph.node("Softmax", ["scaled"], ["y"]).attr("axis", 1_i64);
/// graph.output("y", DataType::Float32, dims!["batch", 2]);
/// assert_eq!(graph.build()?.node.len(), 2);
/// # Ok::<(), tandem_onnx::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct GraphBuilder {
    graph: GraphProto,
    mistake: Option<BuildError>,
}

impl GraphBuilder {
    /// An empty graph called `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { graph: GraphProto { name: name.into(), ..GraphProto::default() }, mistake: None }
    }

    /// Adds an input.
    pub fn input<I>(&mut self, name: &str, data_type: DataType, dims: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: Into<Dim>,
    {
        let input = self.value_info(name, data_type, dims);
        self.graph.input.push(input);
        self
    }

    /// Adds an output.
    pub fn output<I>(&mut self, name: &str, data_type: DataType, dims: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: Into<Dim>,
    {
        let output = self.value_info(name, data_type, dims);
        self.graph.output.push(output);
        self
    }

    /// Adds a constant of `values`.
    pub fn initializer<T: Element>(&mut self, name: &str, dims: &[usize], values: &[T]) -> &mut Self {
        match TensorProto::from_slice(name, dims, values) {
            Ok(tensor) => self.graph.initializer.push(tensor),
            Err(error) => self.note(error.into()),
        }
        self
    }

    /// Adds a constant that is a message already.
    pub fn tensor(&mut self, tensor: TensorProto) -> &mut Self {
        self.graph.initializer.push(tensor);
        self
    }

    /// Adds a node of ONNX's own operators; an empty name leaves an optional input or output out.
    pub fn node<I, O>(&mut self, op_type: &str, inputs: I, outputs: O) -> NodeBuilder<'_>
    where
        I: IntoIterator,
        I::Item: Into<String>,
        O: IntoIterator,
        O::Item: Into<String>,
    {
        let index = self.graph.node.len();
        self.graph.node.push(NodeProto {
            op_type: op_type.to_owned(),
            input: inputs.into_iter().map(Into::into).collect(),
            output: outputs.into_iter().map(Into::into).collect(),
            ..NodeProto::default()
        });
        NodeBuilder { node: &mut self.graph.node[index] }
    }

    /// The graph, for the body of a branch or loop: its nodes may take values of the graph around
    /// it, so that only names given twice are refused.
    pub fn build(self) -> Result<GraphProto, BuildError> {
        let graph = self.checked()?;
        defined_names(&graph)?;
        Ok(graph)
    }

    /// The graph of a model: every value that is taken must be given before.
    fn build_closed(self) -> Result<GraphProto, BuildError> {
        let graph = self.checked()?;
        defined_names(&graph)?;
        require_defined(&graph)?;
        Ok(graph)
    }

    fn checked(self) -> Result<GraphProto, BuildError> {
        self.mistake.map_or(Ok(self.graph), Err)
    }

    fn value_info<I>(&mut self, name: &str, data_type: DataType, dims: I) -> ValueInfoProto
    where
        I: IntoIterator,
        I::Item: Into<Dim>,
    {
        let dims: Vec<Dim> = dims.into_iter().map(Into::into).collect();
        for dim in &dims {
            if let Dim::Fixed(size) = *dim
                && size < 0
            {
                self.note(BuildError::NegativeDimension { value: name.to_owned(), size });
            }
        }
        ValueInfoProto::tensor(name, data_type, dims)
    }

    /// Keeps the first mistake: later ones often follow from it.
    fn note(&mut self, mistake: BuildError) {
        self.mistake.get_or_insert(mistake);
    }
}

/// A node being built; attributes are added at once.
#[derive(Debug)]
pub struct NodeBuilder<'graph> {
    node: &'graph mut NodeProto,
}

impl NodeBuilder<'_> {
    /// Adds an attribute, whose type follows from `value`.
    pub fn attr(self, name: &str, value: impl Into<AttributeValue>) -> Self {
        self.node.attribute.push(AttributeProto::new(name, value));
        self
    }

    /// Sets the domain, for operators that are not ONNX's own.
    pub fn domain(self, domain: &str) -> Self {
        domain.clone_into(&mut self.node.domain);
        self
    }

    /// Names the node.
    pub fn name(self, name: &str) -> Self {
        name.clone_into(&mut self.node.name);
        self
    }
}

/// Builds a model: a graph and what stands beside it.
///
/// Without other orders the model has operator set 17 and file format 8.
///
/// ```
/// use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
///
/// let mut graph = GraphBuilder::new("add");
/// graph
///     .input("a", DataType::Float32, dims!["n"])
///     .input("b", DataType::Float32, dims!["n"])
///     .output("sum", DataType::Float32, dims!["n"]);
/// graph.node("Add", ["a", "b"], ["sum"]);
/// let model = ModelBuilder::new(graph).opset(18).metadata("author", "me").build()?;
/// assert_eq!(model.opset(""), Some(18));
/// # Ok::<(), tandem_onnx::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelBuilder {
    graph: GraphBuilder,
    model: ModelProto,
}

impl ModelBuilder {
    /// A model of `graph`.
    pub fn new(graph: GraphBuilder) -> Self {
        Self {
            graph,
            model: ModelProto {
                ir_version: DEFAULT_IR_VERSION,
                producer_name: "tandem".to_owned(),
                producer_version: env!("CARGO_PKG_VERSION").to_owned(),
                opset_import: vec![OperatorSetIdProto { domain: String::new(), version: DEFAULT_OPSET }],
                ..ModelProto::default()
            },
        }
    }

    /// Sets the version of ONNX's own operator set.
    pub fn opset(self, version: i64) -> Self {
        self.opset_of("", version)
    }

    /// Sets the version of the operator set of `domain`.
    pub fn opset_of(mut self, domain: &str, version: i64) -> Self {
        let sets = &mut self.model.opset_import;
        match sets.iter_mut().find(|set| set.domain == domain) {
            Some(set) => set.version = version,
            None => sets.push(OperatorSetIdProto { domain: domain.to_owned(), version }),
        }
        self
    }

    /// Sets the version of the file format.
    pub fn ir_version(mut self, version: i64) -> Self {
        self.model.ir_version = version;
        self
    }

    /// Adds a named note.
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        let entry = StringStringEntryProto::new(key, value);
        self.model.metadata_props.push(entry);
        self
    }

    /// The model, once every value that is taken is known to be given.
    pub fn build(self) -> Result<ModelProto, BuildError> {
        Ok(ModelProto { graph: Some(self.graph.build_closed()?), ..self.model })
    }
}

/// Fails when two values have one name. An input and its default may share one.
fn defined_names(graph: &GraphProto) -> Result<(), BuildError> {
    let mut given = HashSet::new();
    let inputs = graph.required_inputs().map(|input| &input.name);
    let constants = graph.initializer.iter().map(|tensor| &tensor.name);
    let results = graph.node.iter().flat_map(|node| &node.output);
    for name in inputs.chain(constants).chain(results) {
        if !name.is_empty() && !given.insert(name) {
            return Err(BuildError::DefinedTwice(name.clone()));
        }
    }
    Ok(())
}

/// Fails when a value is taken before it is given.
fn require_defined(graph: &GraphProto) -> Result<(), BuildError> {
    let inputs = graph.input.iter().map(|input| &input.name);
    let constants = graph.initializer.iter().map(|tensor| &tensor.name);
    let mut given: HashSet<&String> = inputs.chain(constants).collect();
    let require = |given: &HashSet<&String>, user: &str, value: &String| {
        if value.is_empty() || given.contains(value) {
            return Ok(());
        }
        Err(BuildError::Undefined { user: user.to_owned(), value: value.clone() })
    };
    for node in &graph.node {
        for value in &node.input {
            require(&given, &node.op_type, value)?;
        }
        given.extend(&node.output);
    }
    for output in &graph.output {
        require(&given, "output", &output.name)?;
    }
    Ok(())
}
