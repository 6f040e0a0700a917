//! Functions that a model brings along: what calls give, and which functions are refused.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use common::{floats, load, load_error, model, named, run, try_load};
use tandem_core::{Limits, LoadError, LoadOptions, NamedTensors};
use tandem_onnx::{
    AttributeProto, AttributeType, DataType, FunctionProto, GraphBuilder, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, dims,
};
use tandem_testkit::models::functions::{function, in_functions};
use tandem_testkit::models::{Suite, catalog};

const DOMAIN: &str = "test";

/// `y = f(x)` for `x` and `y` of two floats, and the functions.
fn calling(call: &str, functions: Vec<FunctionProto>) -> ModelProto {
    graph_calling(functions, |graph| {
        graph.node(call, ["x"], ["y"]).domain(DOMAIN);
    })
}

fn graph_calling(functions: Vec<FunctionProto>, build: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    let mut model = model(18, |graph| {
        graph.input("x", DataType::Float32, dims![2]).output("y", DataType::Float32, dims![2]);
        build(graph);
    });
    model.opset_import.push(OperatorSetIdProto { domain: DOMAIN.to_owned(), version: 1 });
    model.functions = functions;
    model
}

/// `y` for an `x`.
fn answer(model: &ModelProto, x: [f32; 2]) -> Vec<f32> {
    let outputs = run(load(model).as_ref(), &named([("x", floats(&[2], &x))])).unwrap();
    outputs.get("y").unwrap().to_vec().unwrap()
}

fn refusal(model: &ModelProto) -> String {
    match load_error(model) {
        LoadError::Invalid { detail } => detail,
        error => error.to_string(),
    }
}

/// An attribute whose value is that of the function's attribute `from`.
fn reference(name: &str, from: &str, kind: AttributeType) -> AttributeProto {
    let mut attribute =
        AttributeProto { name: name.to_owned(), ref_attr_name: from.to_owned(), ..AttributeProto::default() };
    attribute.set_type(kind);
    attribute
}

/// `out = LeakyRelu(in)` whose slope is the function's attribute `slope`.
fn leaky(default: Option<f32>) -> FunctionProto {
    let mut leaky = function(DOMAIN, "Leaky", ["in"], ["out"], |body| {
        body.node("LeakyRelu", ["in"], ["out"]);
    })
    .unwrap();
    leaky.node[0].attribute.push(reference("alpha", "slope", AttributeType::Float));
    match default {
        Some(slope) => leaky.attribute_proto.push(AttributeProto::new("slope", slope)),
        None => leaky.attribute.push("slope".to_owned()),
    }
    leaky
}

#[test]
fn a_call_gives_what_the_body_gives() {
    let double = function(DOMAIN, "Double", ["in"], ["out"], |body| {
        body.node("Add", ["in", "in"], ["out"]);
    });
    assert_eq!(answer(&calling("Double", vec![double.unwrap()]), [1.0, -2.0]), [2.0, -4.0]);
}

#[test]
fn calls_nest_and_names_do_not_meet() {
    // Every function and the graph call their values x, y and t.
    let inner = function(DOMAIN, "Inner", ["x"], ["y"], |body| {
        body.node("Neg", ["x"], ["t"]).name("n");
        body.node("Add", ["t", "x"], ["zero"]);
        body.node("Sub", ["zero", "t"], ["y"]);
    });
    let outer = function(DOMAIN, "Outer", ["y"], ["x"], |body| {
        body.node("Inner", ["y"], ["t"]).domain(DOMAIN).name("n");
        body.node("Inner", ["t"], ["t2"]).domain(DOMAIN).name("n");
        body.node("Add", ["t2", "y"], ["x"]);
    });
    let model = graph_calling(vec![outer.unwrap(), inner.unwrap()], |graph| {
        graph.node("Outer", ["x"], ["t"]).domain(DOMAIN).name("n");
        // A name as the copies would have it.
        graph.node("Exp", ["x"], ["n/t"]);
        graph.node("Outer", ["t"], ["t2"]).domain(DOMAIN).name("n");
        graph.node("Mul", ["n/t", "t2"], ["y"]);
    });
    assert_eq!(answer(&model, [0.0, 0.0]), [0.0, 0.0]);
    let [first, second] = answer(&model, [1.0, -1.0])[..] else { panic!("two elements") };
    assert!((first - 4.0 * 1.0_f32.exp()).abs() < 1e-5 && (second + 4.0 * (-1.0_f32).exp()).abs() < 1e-6);
}

#[test]
fn attributes_come_from_the_call_then_the_function_then_the_operator() {
    let given = |slope: Option<f32>, default| {
        graph_calling(vec![leaky(default)], |graph| {
            let call = graph.node("Leaky", ["x"], ["y"]).domain(DOMAIN);
            if let Some(slope) = slope {
                call.attr("slope", slope);
            }
        })
    };
    assert_eq!(answer(&given(Some(0.5), Some(0.25)), [-4.0, 4.0]), [-2.0, 4.0]);
    assert_eq!(answer(&given(None, Some(0.25)), [-4.0, 4.0]), [-1.0, 4.0]);
    // `alpha` is 0.01 where nobody says another.
    assert_eq!(answer(&given(None, None), [-4.0, 4.0]), [-0.04, 4.0]);
}

#[test]
fn an_attribute_is_handed_down_through_calls() {
    let mut outer = function(DOMAIN, "Outer", ["in"], ["out"], |body| {
        body.node("Leaky", ["in"], ["out"]).domain(DOMAIN);
    })
    .unwrap();
    outer.node[0].attribute.push(reference("slope", "steepness", AttributeType::Float));
    outer.attribute.push("steepness".to_owned());
    let model = graph_calling(vec![outer, leaky(Some(0.25))], |graph| {
        graph.node("Outer", ["x"], ["y"]).domain(DOMAIN).attr("steepness", 0.5_f32);
    });
    assert_eq!(answer(&model, [-4.0, 4.0]), [-2.0, 4.0]);
}

#[test]
fn an_attribute_of_another_type_is_refused() {
    let model = graph_calling(vec![leaky(None)], |graph| {
        graph.node("Leaky", ["x"], ["y"]).domain(DOMAIN).attr("slope", 1_i64);
    });
    let told = refusal(&model);
    assert_eq!(told, "function test.Leaky takes attribute \"slope\" as Float, node \"y\" gives Int");
}

#[test]
fn a_reference_outside_a_function_is_refused() {
    let mut model = graph_calling(vec![], |graph| {
        graph.node("LeakyRelu", ["x"], ["y"]);
    });
    model.graph.as_mut().unwrap().node[0].attribute.push(reference("alpha", "slope", AttributeType::Float));
    let told = refusal(&model);
    assert_eq!(told, "attribute \"alpha\" of node \"y\" refers to \"slope\", and stands in no function");
}

#[test]
fn optional_inputs_may_be_left_out_and_results_unused() {
    let bounded = function(DOMAIN, "Bounded", ["in", "least", "most"], ["unused", "out"], |body| {
        body.node("Clip", ["in", "least", "most"], ["out"]);
        body.node("Neg", ["in"], ["unused"]);
    })
    .unwrap();
    let model = graph_calling(vec![bounded], |graph| {
        graph.initializer("one", &[], &[1.0_f32]);
        graph.node("Bounded", ["x", "", "one"], ["", "above"]).domain(DOMAIN);
        graph.node("Bounded", ["above", "one"], ["nobody", "same"]).domain(DOMAIN);
        graph.node("Bounded", ["same"], ["y"]).domain(DOMAIN);
    });
    assert_eq!(answer(&model, [-4.0, 4.0]), [-1.0, -1.0]);
}

#[test]
fn results_may_be_inputs_and_may_repeat() {
    let both = function(DOMAIN, "Both", ["in"], ["same", "twice", "in"], |body| {
        body.node("Add", ["in", "in"], ["same"]);
        body.node("Identity", ["same"], ["twice"]);
    });
    let mut both = both.unwrap();
    both.output[1] = "same".to_owned();
    let model = graph_calling(vec![both], |graph| {
        graph.node("Both", ["x"], ["a", "b", "c"]).domain(DOMAIN);
        graph.node("Sum", ["a", "b", "c"], ["y"]);
    });
    assert_eq!(answer(&model, [1.0, -1.0]), [5.0, -5.0]);
}

#[test]
fn bodies_of_branches_reach_for_arguments_and_attributes() {
    let branch = |operator: &str, slope: bool| -> GraphProto {
        let mut body = GraphBuilder::new("branch");
        // Named as the function's own, which it hides, and as the graph's.
        body.node(operator, ["in"], ["t"]);
        body.node("Add", ["t", "outside"], ["y"]);
        body.output("y", DataType::Float32, dims![2]);
        let mut body = body.build().unwrap();
        if slope {
            body.node[0].attribute.push(reference("alpha", "slope", AttributeType::Float));
        }
        body
    };
    let choose = function(DOMAIN, "Choose", ["in"], ["out"], |body| {
        body.node("ReduceMax", ["in"], ["most"]).attr("keepdims", 0_i64);
        body.node("Constant", [""; 0], ["nought"]).attr("value_float", 0.0_f32);
        body.node("Greater", ["most", "nought"], ["t"]);
        body.node("Mul", ["in", "in"], ["outside"]);
        body.node("If", ["t"], ["out"])
            .attr("then_branch", branch("Neg", false))
            .attr("else_branch", branch("LeakyRelu", true));
    })
    .unwrap();
    let model = graph_calling(vec![choose], |graph| {
        graph.node("Choose", ["x"], ["t"]).domain(DOMAIN).attr("slope", 0.5_f32);
        graph.node("Choose", ["t"], ["y"]).domain(DOMAIN).attr("slope", 0.25_f32);
    });
    // [2, 1] -> [-2, -1] + [4, 1] = [2, 0] -> [-2, 0] + [4, 0].
    assert_eq!(answer(&model, [2.0, 1.0]), [2.0, 0.0]);
    // [-2, -1] -> [-1, -0.5] + [4, 1] = [3, 0.5] -> [-3, -0.5] + [9, 0.25].
    assert_eq!(answer(&model, [-2.0, -1.0]), [6.0, -0.25]);
}

#[test]
fn a_call_inside_a_branch_of_the_graph_is_replaced() {
    let branch = |slope: f32| {
        let mut body = GraphBuilder::new("branch");
        body.node("Leaky", ["x"], ["chosen"]).domain(DOMAIN).attr("slope", slope);
        body.output("chosen", DataType::Float32, dims![2]);
        body.build().unwrap()
    };
    let model = graph_calling(vec![leaky(None)], |graph| {
        graph.initializer("one", &[], &[1.0_f32]);
        graph.node("ReduceMax", ["x"], ["most"]).attr("keepdims", 0_i64);
        graph.node("Greater", ["most", "one"], ["large"]);
        graph.node("If", ["large"], ["y"]).attr("then_branch", branch(0.5)).attr("else_branch", branch(0.25));
    });
    assert_eq!(answer(&model, [-4.0, 4.0]), [-2.0, 4.0]);
    assert_eq!(answer(&model, [-4.0, 0.0]), [-1.0, 0.0]);
}

#[test]
fn a_function_hides_the_operator_of_its_name_and_overloads_differ() {
    let relu = |overload: &str, operator: &str| {
        let mut relu = function("", "Relu", ["in"], ["out"], |body| {
            body.node(operator, ["in"], ["out"]);
        })
        .unwrap();
        relu.overload = overload.to_owned();
        relu
    };
    let mut model = graph_calling(vec![relu("", "Neg"), relu("twice", "Abs")], |graph| {
        graph.node("Relu", ["x"], ["negative"]).domain("ai.onnx");
        graph.node("Relu", ["negative"], ["y"]);
    });
    model.graph.as_mut().unwrap().node[1].overload = "twice".to_owned();
    assert_eq!(answer(&model, [-1.0, 2.0]), [1.0, 2.0]);
}

#[test]
fn functions_that_make_no_sense_are_refused_by_name() {
    let identity = || {
        function(DOMAIN, "Same", ["in"], ["out"], |body| {
            body.node("Identity", ["in"], ["out"]);
        })
        .unwrap()
    };
    let changed = |change: fn(&mut ModelProto)| {
        let mut model = calling("Same", vec![identity()]);
        change(&mut model);
        refusal(&model)
    };
    assert_eq!(
        changed(|model| model.functions.push(model.functions[0].clone())),
        "function test.Same is defined twice"
    );
    assert_eq!(
        changed(|model| model.functions[0].input.push("in".to_owned())),
        "function test.Same lists the input \"in\" twice"
    );
    assert_eq!(
        changed(|model| "x".clone_into(&mut model.functions[0].node[0].input[0])),
        "function test.Same takes \"x\", which nothing in it gives",
        "a body does not reach into the graph that calls it"
    );
    assert_eq!(
        changed(|model| "other".clone_into(&mut model.functions[0].output[0])),
        "function test.Same takes \"other\", which nothing in it gives"
    );
    assert_eq!(
        changed(|model| model.graph.as_mut().unwrap().node[0].input.push("x".to_owned())),
        "node \"y\" has 2 inputs, function test.Same 1"
    );
    assert_eq!(
        changed(|model| model.graph.as_mut().unwrap().node[0].output.push("z".to_owned())),
        "node \"y\" has 2 outputs, function test.Same 1"
    );
    assert_eq!(
        changed(|model| {
            let call = &mut model.graph.as_mut().unwrap().node[0];
            model.functions[0].output[0] = "in".to_owned();
            call.input.clear();
        }),
        "function test.Same gives its input \"in\" as \"y\", and node \"y\" leaves it out"
    );
    assert_eq!(
        changed(|model| {
            let again = model.functions[0].node[0].clone();
            model.functions[0].node.push(again);
        }),
        "\"y\" is defined twice"
    );
}

#[test]
fn a_function_that_calls_itself_is_refused_by_name() {
    let calls = |name: &str, callee: &str| {
        function(DOMAIN, name, ["in"], ["out"], |body| {
            body.node(callee, ["in"], ["out"]).domain(DOMAIN);
        })
        .unwrap()
    };
    let model = calling("A", vec![calls("A", "B"), calls("B", "C"), calls("C", "B")]);
    assert_eq!(refusal(&model), "function test.B calls itself through test.B, test.C");
    // What nobody calls does no harm.
    let unused = calling(
        "D",
        vec![calls("A", "A"), {
            function(DOMAIN, "D", ["in"], ["out"], |body| {
                body.node("Neg", ["in"], ["out"]);
            })
            .unwrap()
        }],
    );
    assert_eq!(answer(&unused, [1.0, 2.0]), [-1.0, -2.0]);
}

#[test]
fn an_operator_set_of_a_function_counts_where_the_model_has_none_and_must_agree_where_it_has_one() {
    let uses = |version: i64| {
        let mut function = function(DOMAIN, "F", ["in"], ["out"], |body| {
            body.node("Softmax", ["in"], ["out"]).attr("axis", 0_i64);
        })
        .unwrap();
        function.opset_import = vec![OperatorSetIdProto { domain: String::new(), version }];
        function
    };
    let mut model = calling("F", vec![uses(18)]);
    model.opset_import.retain(|set| set.domain == DOMAIN);
    assert_eq!(answer(&model, [1.0, 1.0]), [0.5, 0.5]);
    assert_eq!(load(&model).info().opset, 18);
    let error = load_error(&calling("F", vec![uses(12)]));
    let told = "function test.F uses version 12 of its operator set, the model 18";
    assert!(
        matches!(&error, LoadError::UnsupportedOperator { operator, detail, .. }
        if operator == "Softmax" && detail == told),
        "{error}"
    );
}

/// Functions each of which calls the next twice: `2^levels` nodes out of a few.
fn doubling(levels: usize, change: impl Fn(&mut FunctionProto)) -> ModelProto {
    let level = |level: usize| {
        let mut function = function(DOMAIN, &format!("L{level}"), ["in"], ["out"], |body| {
            let (operator, domain) =
                if level == 0 { ("Neg".to_owned(), "") } else { (format!("L{}", level - 1), DOMAIN) };
            body.node(&operator, ["in"], ["between"]).domain(domain);
            body.node(&operator, ["between"], ["out"]).domain(domain);
        })
        .unwrap();
        change(&mut function);
        function
    };
    calling(&format!("L{levels}"), (0..=levels).map(level).collect())
}

#[test]
fn copies_count_against_the_limits() {
    let limited = |model: &ModelProto, limits: Limits| {
        try_load(model, &LoadOptions { limits, ..LoadOptions::default() }).err()
    };
    let small = doubling(3, |_| ());
    assert_eq!(answer(&small, [1.0, 2.0]), [1.0, 2.0]);
    let error = limited(&small, Limits { nodes: 20, ..Limits::default() });
    assert!(matches!(error, Some(LoadError::ResourceLimit { what: "nodes", limit: 20, .. })), "{error:?}");
    let bomb = limited(&doubling(50, |_| ()), Limits::default());
    assert!(matches!(bomb, Some(LoadError::ResourceLimit { what: "nodes", .. })), "{bomb:?}");
    let once = |function: &mut FunctionProto| {
        function.node.truncate(1);
        "out".clone_into(&mut function.node[0].output[0]);
    };
    let deep = limited(&doubling(100, once), Limits::default());
    let told = "nested calls and bodies";
    assert!(matches!(deep, Some(LoadError::ResourceLimit { what, .. }) if what == told), "{deep:?}");
}

#[test]
fn constants_and_names_of_copies_count_against_the_bytes() {
    let large = |function: &mut FunctionProto| {
        let tensor = TensorProto::from_slice("", &[1 << 12], &[0_f32; 1 << 12]).unwrap();
        function.node.insert(
            0,
            NodeProto {
                op_type: "Constant".to_owned(),
                output: vec!["weights".to_owned()],
                attribute: vec![AttributeProto::new("value", tensor)],
                ..NodeProto::default()
            },
        );
    };
    let named = |function: &mut FunctionProto| {
        for node in &mut function.node {
            "n".repeat(1 << 14).clone_into(&mut node.name);
        }
    };
    for model in [doubling(8, large), doubling(8, named)] {
        let limits = Limits { model_bytes: 1 << 20, ..Limits::default() };
        assert!(model.encode_bytes().len() < 1 << 19);
        let error = try_load(&model, &LoadOptions { limits, ..LoadOptions::default() }).err();
        assert!(matches!(error, Some(LoadError::ResourceLimit { what: "bytes", .. })), "{error:?}");
    }
}

#[test]
fn names_made_to_collide_are_told_apart() {
    let negate = function(DOMAIN, "Negate", ["in"], ["out"], |body| {
        body.node("Neg", ["in"], ["t"]);
        body.node("Identity", ["t"], ["out"]);
    });
    let model = graph_calling(vec![negate.unwrap()], |graph| {
        for name in ["f/t", "f/t#1", "f/t#2"] {
            graph.node("Identity", ["x"], [name]);
        }
        graph.node("Negate", ["f/t"], ["a"]).domain(DOMAIN).name("f");
        graph.node("Negate", ["f/t#1"], ["b"]).domain(DOMAIN).name("f");
        graph.node("Sum", ["a", "b", "f/t#2"], ["y"]);
    });
    assert_eq!(answer(&model, [1.0, -2.0]), [-1.0, 2.0]);
}

/// Any model answers the same, bit for bit, with its nodes put into functions that call one another.
#[test]
fn putting_nodes_into_functions_changes_no_answer() {
    for entry in catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test) {
        let whole = entry.model().unwrap();
        let inputs: NamedTensors = entry.inputs(&whole, 1).unwrap();
        let expected = run(load(&whole).as_ref(), &inputs).unwrap();
        for seed in 0..4 {
            let model = in_functions(&whole, seed);
            assert!(!model.functions.is_empty());
            let got = run(load(&model).as_ref(), &inputs).unwrap();
            assert_eq!(got, expected, "{} with seed {seed}", entry.name());
        }
    }
}
