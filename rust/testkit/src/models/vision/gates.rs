//! Curves and gates of networks for phones, as exporters write them.

use super::layers::{Conv, Layers};

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    Relu,
    /// Wants [`Layers::relu6_constants`].
    Relu6,
    HardSwish,
    /// `x × sigmoid(x)`, in two nodes.
    Silu,
}

/// What a squeeze and excitation ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Sigmoid,
    /// `min(1, max(0, x ÷ 6 + 1 ÷ 2))`.
    HardSigmoid,
}

impl Layers {
    pub(super) fn curve(&mut self, curve: Curve, input: &str) -> String {
        match curve {
            Curve::Relu => self.relu(input),
            Curve::Relu6 => self.relu6(input),
            Curve::HardSwish => self.unary("HardSwish", "hardswish", input),
            Curve::Silu => {
                let gate = self.unary("Sigmoid", "sigmoid", input);
                self.multiply(&format!("{input}.silu"), &gate, input)
            }
        }
    }

    pub(super) fn multiply(&mut self, name: &str, left: &str, right: &str) -> String {
        self.graph.node("Mul", [left, right], [name]).name(name);
        name.to_owned()
    }

    /// Squeeze and excitation (Hu et al., CVPR 2018): each of the `channels` times a number from nought to one that two pointwise
    /// convolutions make of all channels' means.
    pub(super) fn squeeze_excite(
        &mut self,
        name: &str,
        input: &str,
        [channels, squeezed]: [usize; 2],
        (curve, gate): (Curve, Gate),
    ) -> String {
        let mean = self.unary("GlobalAveragePool", "mean", input);
        let squeeze = Conv::new(channels, squeezed, 1);
        let narrow = self.conv_bias(&format!("{name}.squeeze"), &mean, squeeze, 1.0);
        let narrow = self.curve(curve, &narrow);
        let wide = self.conv_bias(&format!("{name}.excite"), &narrow, Conv::new(squeezed, channels, 1), 1.0);
        let gate = match gate {
            Gate::Sigmoid => self.unary("Sigmoid", "gate", &wide),
            Gate::HardSigmoid => {
                let output = format!("{wide}.gate");
                self.graph
                    .node("HardSigmoid", [&wide], [&output])
                    .name(&output)
                    .attr("alpha", 1.0_f32 / 6.0)
                    .attr("beta", 0.5_f32);
                output
            }
        };
        self.multiply(&format!("{name}.scale"), input, &gate)
    }
}
