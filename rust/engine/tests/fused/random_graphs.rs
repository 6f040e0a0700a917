//! Graphs of recognised patterns, put together at random.

use proptest::prelude::*;
use tandem_onnx::{DataType, Dim, GraphBuilder, ModelProto, dims};
use tandem_testkit::models::random_inputs;

use crate::compare::{cases, difference, difference_over, model};

/// One layer behind the last.
#[derive(Clone, Debug)]
enum Layer {
    Conv {
        outputs: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: usize,
        pads: [usize; 4],
        bias: bool,
    },
    Grouped {
        /// Channels of a group, where they divide all; else each is one.
        own: usize,
        kernel: usize,
        stride: usize,
        pads: [usize; 4],
    },
    BatchNorm,
    Unary(&'static str),
    Clip(f32, f32),
    /// Adds an earlier result of the same shape, counted backwards.
    Residual(usize),
    Silu,
    Pool {
        operator: &'static str,
        kernel: usize,
        stride: usize,
        pads: [usize; 4],
        ceil: bool,
        counted: bool,
    },
    Concat(usize),
    /// A product with an earlier result of the same shape, counted backwards.
    Product(usize),
    /// A gate for each channel, from the means of all.
    Gate(&'static str),
    /// `HardSwish` in one of the ways of writing it.
    HardSwish(u8),
    Resize {
        mode: &'static str,
        transform: &'static str,
        scales: [f32; 2],
    },
    Transposed {
        outputs: usize,
        kernel: [usize; 2],
    },
}

fn pads(most: usize) -> impl Strategy<Value = [usize; 4]> {
    [0..=most, 0..=most, 0..=most, 0..=most]
}

fn layer() -> impl Strategy<Value = Layer> {
    let conv = (
        prop::sample::select(vec![3_usize, 8, 16, 24, 33, 40]),
        [1_usize..4, 1_usize..4],
        [1_usize..3, 1_usize..3],
        1_usize..3,
        pads(2),
        any::<bool>(),
    );
    let pool = (
        prop::sample::select(vec!["MaxPool", "AveragePool"]),
        1_usize..4,
        1_usize..3,
        pads(1),
        any::<[bool; 2]>(),
    );
    prop_oneof![
        4 => conv.prop_map(|(outputs, kernel, stride, dilation, pads, bias)| Layer::Conv {
            outputs, kernel, stride, dilation, pads, bias,
        }),
        3 => (prop::sample::select(vec![1_usize, 1, 2, 4, 8]), prop::sample::select(vec![3_usize, 5]), 1_usize..3, pads(2))
            .prop_map(|(own, kernel, stride, pads)| Layer::Grouped { own, kernel, stride, pads }),
        2 => Just(Layer::BatchNorm),
        3 => prop::sample::select(vec!["Relu", "Sigmoid", "HardSwish", "Tanh", "Neg"]).prop_map(Layer::Unary),
        2 => (-1.0_f32..0.5, -0.5_f32..6.0).prop_map(|(low, high)| Layer::Clip(low, high)),
        3 => (1_usize..5).prop_map(Layer::Residual),
        1 => Just(Layer::Silu),
        2 => pool.prop_map(|(operator, kernel, stride, pads, [ceil, counted])| Layer::Pool {
            operator, kernel, stride, pads, ceil, counted,
        }),
        2 => (0_usize..4).prop_map(Layer::Concat),
        1 => (0_usize..4).prop_map(Layer::Product),
        1 => prop::sample::select(vec!["Sigmoid", "HardSigmoid", "Relu"]).prop_map(Layer::Gate),
        1 => (0_u8..3).prop_map(Layer::HardSwish),
        1 => (
            prop::sample::select(vec!["nearest", "linear"]),
            prop::sample::select(vec!["asymmetric", "half_pixel", "align_corners"]),
            prop::sample::select(vec![[2.0_f32, 2.0], [1.0, 2.0], [0.5, 1.5]]),
        ).prop_map(|(mode, transform, scales)| Layer::Resize { mode, transform, scales }),
        1 => (prop::sample::select(vec![3_usize, 16, 33]), [1_usize..3, 1_usize..4])
            .prop_map(|(outputs, kernel)| Layer::Transposed { outputs, kernel }),
    ]
}

/// A graph being built, and the shapes of its results.
struct Builder<'a> {
    graph: &'a mut GraphBuilder,
    results: Vec<(String, [usize; 3])>,
    count: usize,
}

fn long(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&value| i64::try_from(value).unwrap()).collect()
}

impl Builder<'_> {
    fn name(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    /// A constant of numbers that keep a sum of `terms` products in range.
    fn constant(&mut self, dims: &[usize], terms: usize) -> String {
        let name = self.name();
        let mut state = u32::try_from(self.count).unwrap().wrapping_mul(2_654_435_761) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0
        };
        let scale = (3.0 / f32::from(u16::try_from(terms).unwrap())).sqrt();
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| next() * scale).collect();
        self.graph.initializer(&name, dims, &values);
        name
    }

    fn window(
        &self,
        kernel: [usize; 2],
        dilation: usize,
        stride: [usize; 2],
        pads: [usize; 4],
    ) -> Option<[usize; 2]> {
        let (_, [_, height, width]) = self.results.last()?;
        let size = |size: usize, axis: usize| {
            let reach = (kernel[axis] - 1) * dilation + 1;
            (size + pads[axis] + pads[axis + 2]).checked_sub(reach).map(|left| left / stride[axis] + 1)
        };
        Some([size(*height, 0)?, size(*width, 1)?])
    }

    /// Adds a layer, where it fits the shape of the last result.
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of layer")]
    fn add(&mut self, layer: &Layer) -> Option<()> {
        let (last, [channels, height, width]) = self.results.last().cloned()?;
        let out = self.name();
        let shape = match layer {
            Layer::Conv { outputs, kernel, stride, dilation, pads, bias } => {
                let [height, width] = self.window(*kernel, *dilation, *stride, *pads)?;
                let terms = channels * kernel[0] * kernel[1];
                let mut inputs =
                    vec![last, self.constant(&[*outputs, channels, kernel[0], kernel[1]], terms)];
                if *bias {
                    inputs.push(self.constant(&[*outputs], 3));
                }
                let node = self.graph.node("Conv", inputs, [&out]).attr("strides", long(stride));
                node.attr("dilations", long(&[*dilation; 2])).attr("pads", long(pads));
                [*outputs, height, width]
            }
            Layer::Grouped { own, kernel, stride, pads } => {
                let [height, width] = self.window([*kernel; 2], 1, [*stride; 2], *pads)?;
                let own = if channels.is_multiple_of(*own) { *own } else { 1 };
                let weights = self.constant(&[channels, own, *kernel, *kernel], own * kernel * kernel);
                let node = self.graph.node("Conv", [last, weights], [&out]).attr("pads", long(pads));
                node.attr("strides", long(&[*stride; 2]))
                    .attr("group", i64::try_from(channels / own).unwrap());
                [channels, height, width]
            }
            Layer::BatchNorm => {
                let mut inputs = vec![last];
                inputs.extend((0..3).map(|_| self.constant(&[channels], 3)));
                let variance = self.name();
                self.graph.initializer(&variance, &[channels], &vec![0.7_f32; channels]);
                inputs.push(variance);
                self.graph.node("BatchNormalization", inputs, [&out]);
                [channels, height, width]
            }
            Layer::Unary(operator) => {
                self.graph.node(operator, [last], [&out]);
                [channels, height, width]
            }
            Layer::Clip(low, high) => {
                let limits = [self.name(), self.name()];
                self.graph.initializer(&limits[0], &[], &[*low]).initializer(&limits[1], &[], &[*high]);
                let [low, high] = limits;
                self.graph.node("Clip", [last, low, high], [&out]);
                [channels, height, width]
            }
            Layer::Residual(back) => {
                let same = |(_, shape): &&(String, [usize; 3])| *shape == [channels, height, width];
                let other = self.results.iter().rev().filter(same).nth(*back)?.0.clone();
                self.graph.node("Add", [other, last], [&out]);
                [channels, height, width]
            }
            Layer::Silu => {
                let gate = self.name();
                self.graph.node("Sigmoid", [&last], [&gate]);
                self.graph.node("Mul", [gate, last], [&out]);
                [channels, height, width]
            }
            Layer::Pool { operator, kernel, stride, pads, ceil, counted } => {
                // ONNX wants less padding than window.
                let pads = pads.map(|pad| pad.min(kernel - 1));
                let [height, width] = self.window([*kernel; 2], 1, [*stride; 2], pads)?;
                let ceil = *ceil && *stride > 1;
                let node = self.graph.node(operator, [last], [&out]).attr("pads", long(&pads));
                let node =
                    node.attr("kernel_shape", long(&[*kernel; 2])).attr("strides", long(&[*stride; 2]));
                let node = node.attr("ceil_mode", i64::from(ceil));
                if *operator == "AveragePool" {
                    node.attr("count_include_pad", i64::from(*counted));
                }
                if ceil {
                    // Its sizes are told by the model alone; nothing comes behind it.
                    self.results.push((out, [0, 0, 0]));
                    return Some(());
                }
                [channels, height, width]
            }
            Layer::Concat(back) => {
                let same = |(_, [_, h, w]): &&(String, [usize; 3])| [*h, *w] == [height, width];
                let (other, [more, ..]) = self.results.iter().rev().filter(same).nth(*back)?.clone();
                self.graph.node("Concat", [last, other], [&out]).attr("axis", 1_i64);
                [channels + more, height, width]
            }
            Layer::Product(back) => {
                let same = |(_, shape): &&(String, [usize; 3])| *shape == [channels, height, width];
                let other = self.results.iter().rev().filter(same).nth(*back)?.0.clone();
                self.graph.node("Mul", [other, last], [&out]);
                [channels, height, width]
            }
            Layer::Gate(curve) => {
                let weights = self.constant(&[channels, channels, 1, 1], channels);
                let [mean, raw, gate] = [self.name(), self.name(), self.name()];
                self.graph.node("GlobalAveragePool", [&last], [&mean]);
                self.graph.node("Conv", [&mean, &weights], [&raw]);
                self.graph.node(curve, [&raw], [&gate]);
                self.graph.node("Mul", [last, gate], [&out]);
                [channels, height, width]
            }
            Layer::HardSwish(form) => {
                self.hard_swish(*form, &last, &out);
                [channels, height, width]
            }
            Layer::Resize { mode, transform, scales: [down, across] } => {
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small and positive"
                )]
                let resized =
                    |size: usize, scale: f32| (f32::from(u16::try_from(size).unwrap()) * scale) as usize;
                let [rows, columns] = [resized(height, *down), resized(width, *across)];
                if rows == 0 || rows > 40 || columns > 40 {
                    return None;
                }
                let scales = self.name();
                self.graph.initializer(&scales, &[4], &[1.0, 1.0, *down, *across]);
                let node =
                    self.graph.node("Resize", [last, String::new(), scales], [&out]).attr("mode", *mode);
                node.attr("coordinate_transformation_mode", *transform);
                [channels, rows, columns]
            }
            Layer::Transposed { outputs, kernel: [down, across] } => {
                let [rows, columns] = [height * down, width * across];
                if rows > 40 || columns > 40 {
                    return None;
                }
                let weights = self.constant(&[channels, *outputs, *down, *across], channels);
                let node = self.graph.node("ConvTranspose", [last, weights], [&out]);
                node.attr("strides", long(&[*down, *across]));
                [*outputs, rows, columns]
            }
        };
        self.results.push((out, shape));
        Some(())
    }

    fn hard_swish(&mut self, form: u8, input: &str, out: &str) {
        let [one, two, three] = [self.name(), self.name(), self.name()];
        match form {
            0 => _ = self.graph.node("HardSwish", [input], [out]),
            1 => {
                self.graph.node("HardSigmoid", [input], [&one]).attr("alpha", 1.0_f32 / 6.0);
                self.graph.node("Mul", [&one, input], [out]);
            }
            _ => {
                self.graph.initializer(&one, &[], &[3.0_f32]).initializer(&two, &[], &[6.0_f32]);
                let nought = self.name();
                self.graph.initializer(&nought, &[], &[0.0_f32]);
                let [sum, product] = [self.name(), self.name()];
                self.graph.node("Add", [input, &one], [&sum]);
                self.graph.node("Clip", [&sum, &nought, &two], [&three]);
                self.graph.node("Mul", [input, &three], [&product]);
                self.graph.node("Div", [&product, &two], [out]);
            }
        }
    }
}

fn build(batch: usize, input: [usize; 3], layers: &[Layer], second: Option<usize>) -> ModelProto {
    model(|graph| {
        let [channels, height, width] = input;
        graph.input("x", DataType::Float32, dims![batch, channels, height, width]);
        let mut builder = Builder { graph, results: vec![("x".to_owned(), input)], count: 0 };
        for layer in layers {
            let [_, height, width] = builder.results.last().map_or([0; 3], |(_, shape)| *shape);
            if height == 0 || width == 0 {
                break;
            }
            builder.add(layer);
        }
        let results: Vec<String> = builder.results.iter().map(|(name, _)| name.clone()).collect();
        let open = [Dim::Unknown, Dim::Unknown, Dim::Unknown, Dim::Unknown];
        let last = results.len() - 1;
        let mut names = vec![results[last].clone()];
        // A result from the middle that is wanted as well.
        if let Some(index) =
            second.map(|second| second % results.len()).filter(|&index| index > 0 && index < last)
        {
            names.push(results[index].clone());
        }
        for name in names.iter().filter(|name| *name != "x") {
            graph.output(name, DataType::Float32, open.clone());
        }
        if last == 0 {
            graph.node("Identity", ["x"], ["y"]);
            graph.output("y", DataType::Float32, open);
        }
    })
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn they_answer_as_tract_does(
        batch in 1_usize..3,
        input in (prop::sample::select(vec![1_usize, 3, 16, 20]), 1_usize..14, 1_usize..14),
        layers in prop::collection::vec(layer(), 1..12),
        second in prop::option::of(0_usize..12),
        seed in 0_u64..100,
    ) {
        let (channels, height, width) = input;
        let model = build(batch, [channels, height, width], &layers, second);
        let inputs = random_inputs(&model, &[], seed).unwrap();
        prop_assert_eq!(difference(&model, &inputs), None);
    }

    #[test]
    fn dense_layers_answer_as_tract_does(
        rows in prop::collection::vec(1_usize..6, 1..3),
        inputs in 1_usize..40,
        layers in prop::collection::vec((1_usize..60, 0_u8..8, any::<[bool; 4]>()), 1..5),
        seed in 0_u64..100,
    ) {
        let model = model(|graph| dense(graph, &rows, inputs, &layers));
        let inputs = random_inputs(&model, &[], seed).unwrap();
        // What GELU leaves of a negative number is the rest of a subtraction from one.
        prop_assert_eq!(difference_over(1e-2, &model, &inputs), None);
    }
}

/// Products with matrices, each with a bias, a residual and an activation, or without.
fn dense(graph: &mut GraphBuilder, rows: &[usize], inputs: usize, layers: &[(usize, u8, [bool; 4])]) {
    let dims: Vec<Dim> = rows.iter().chain([&inputs]).map(|&size| Dim::from(size)).collect();
    graph.input("x", DataType::Float32, dims);
    for (name, value) in [("half", 0.5_f32), ("one", 1.0), ("sqrt2", std::f32::consts::SQRT_2), ("two", 2.0)]
    {
        graph.initializer(name, &[], &[value]);
    }
    let mut builder = Builder { graph, results: Vec::new(), count: 0 };
    let (mut last, mut size) = ("x".to_owned(), inputs);
    for &(outputs, activation, [gemm, bias, residual, square]) in layers {
        let outputs = if square { size } else { outputs };
        let out = builder.name();
        if gemm && rows.len() == 1 {
            let matrix = builder.constant(&[outputs, size], size);
            let mut inputs = vec![last.clone(), matrix];
            if bias {
                inputs.push(builder.constant(&[outputs], 3));
            }
            builder.graph.node("Gemm", inputs, [&out]).attr("transB", 1_i64);
        } else {
            let matrix = builder.constant(&[size, outputs], size);
            builder.graph.node("MatMul", [&last, &matrix], [&out]);
        }
        let before = std::mem::replace(&mut last, out);
        let mut step = |builder: &mut Builder<'_>, operator: &str, other: &str| {
            let out = builder.name();
            let left = last.clone();
            builder.graph.node(
                operator,
                if other.is_empty() { vec![left] } else { vec![left, other.to_owned()] },
                [&out],
            );
            last = out;
        };
        if bias && !gemm {
            let bias = builder.constant(&[outputs], 3);
            step(&mut builder, "Add", &bias);
        }
        if residual && outputs == size {
            step(&mut builder, "Add", &before);
        }
        let x = last.clone();
        let mut step = |builder: &mut Builder<'_>, operator: &str, inputs: &[&str]| {
            last = builder.name();
            builder.graph.node(operator, inputs.iter().copied(), [&last]);
            last.clone()
        };
        match activation {
            0 => _ = step(&mut builder, "Relu", &[&x]),
            1 => _ = step(&mut builder, "Tanh", &[&x]),
            2..=5 => {
                // GELU in two orders, and twice what is almost GELU.
                let divisor = if activation == 4 { "two" } else { "sqrt2" };
                let scaled = step(&mut builder, "Div", &[&x, divisor]);
                let erf = step(&mut builder, "Erf", &[&scaled]);
                let sum = step(&mut builder, "Add", &[&erf, "one"]);
                if activation == 3 {
                    let half = step(&mut builder, "Mul", &[&x, "half"]);
                    step(&mut builder, "Mul", &[&half, &sum]);
                } else {
                    let product = step(&mut builder, "Mul", &[&x, &sum]);
                    let factor = if activation == 5 { &x } else { "half" };
                    step(&mut builder, "Mul", &[&product, factor]);
                }
            }
            _ => {}
        }
        size = outputs;
    }
    let open: Vec<Dim> = (0..=rows.len()).map(|_| Dim::Unknown).collect();
    builder.graph.output(&last, DataType::Float32, open);
}
