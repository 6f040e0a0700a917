"""A small convolutional network in NumPy: conv, relu, conv, relu, max pool, dense.

Pictures are [batch, channel, row, column]; the gradients are written out by hand.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SIDE = 8
CLASSES = 10
CHANNELS = (1, 8, 16)
KERNEL = 3
POOLED = SIDE // 2
FEATURES = CHANNELS[2] * POOLED * POOLED


def initial_weights(rng):
    """Weights drawn so that signals neither grow nor fade (He), under the names they have in the ONNX file."""

    def draw(shape, inputs):
        return (rng.standard_normal(shape) * np.sqrt(2 / inputs)).astype(np.float32)

    def zeros(size):
        return np.zeros(size, np.float32)

    taps = KERNEL * KERNEL
    return {
        "conv1.weight": draw((CHANNELS[1], CHANNELS[0], KERNEL, KERNEL), CHANNELS[0] * taps),
        "conv1.bias": zeros(CHANNELS[1]),
        "conv2.weight": draw((CHANNELS[2], CHANNELS[1], KERNEL, KERNEL), CHANNELS[1] * taps),
        "conv2.bias": zeros(CHANNELS[2]),
        "dense.weight": draw((CLASSES, FEATURES), FEATURES),
        "dense.bias": zeros(CLASSES),
    }


def patches(pictures):
    """The 3 by 3 surroundings of every pixel, as rows of a matrix."""
    batch, channels, height, width = pictures.shape
    padded = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (KERNEL, KERNEL), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(batch * height * width, channels * KERNEL * KERNEL)


def to_pictures(rows, batch):
    return rows.reshape(batch, SIDE, SIDE, -1).transpose(0, 3, 1, 2)


def to_rows(pictures):
    return pictures.transpose(0, 2, 3, 1).reshape(-1, pictures.shape[1])


def convolve(pictures, weight, bias):
    columns = patches(pictures)
    return to_pictures(columns @ weight.reshape(len(weight), -1).T + bias, len(pictures)), columns


def convolve_back(gradient, columns, weight):
    """Gradients of the weight, the bias and the pictures."""
    rows = to_rows(gradient)
    # Every pixel gets back from its surroundings what it gave them: a convolution with the kernel turned round.
    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    pictures = to_pictures(patches(gradient) @ turned.reshape(len(turned), -1).T, len(gradient))
    return (rows.T @ columns).reshape(weight.shape), rows.sum(axis=0), pictures


def pool(pictures):
    """The largest of every 2 by 2 block, and which one it was."""
    batch, channels = pictures.shape[:2]
    blocks = pictures.reshape(batch, channels, POOLED, 2, POOLED, 2).transpose(0, 1, 2, 4, 3, 5)
    blocks = blocks.reshape(batch, channels, POOLED, POOLED, 4)
    winners = blocks.argmax(axis=-1)[..., None]
    return np.take_along_axis(blocks, winners, axis=-1)[..., 0], winners


def pool_back(gradient, winners):
    batch, channels = gradient.shape[:2]
    blocks = np.zeros((*gradient.shape, 4), gradient.dtype)
    np.put_along_axis(blocks, winners, gradient[..., None], axis=-1)
    blocks = blocks.reshape(batch, channels, POOLED, POOLED, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return blocks.reshape(batch, channels, SIDE, SIDE)


def logits(weights, pictures):
    return forward(weights, pictures)[0]


def forward(weights, pictures):
    first, columns1 = convolve(pictures, weights["conv1.weight"], weights["conv1.bias"])
    first = np.maximum(first, 0)
    second, columns2 = convolve(first, weights["conv2.weight"], weights["conv2.bias"])
    second = np.maximum(second, 0)
    pooled, winners = pool(second)
    features = pooled.reshape(len(pictures), FEATURES)
    scores = features @ weights["dense.weight"].T + weights["dense.bias"]
    return scores, (columns1, first, columns2, second, winners, features)


def gradients(weights, pictures, labels):
    """Gradients of the mean cross-entropy."""
    scores, (columns1, first, columns2, second, winners, features) = forward(weights, pictures)
    probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    error = probabilities
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)

    found = {"dense.weight": error.T @ features, "dense.bias": error.sum(axis=0)}
    back = (error @ weights["dense.weight"]).reshape(len(pictures), CHANNELS[2], POOLED, POOLED)
    back = pool_back(back, winners) * (second > 0)
    found["conv2.weight"], found["conv2.bias"], back = convolve_back(back, columns2, weights["conv2.weight"])
    back = back * (first > 0)
    found["conv1.weight"], found["conv1.bias"], _ = convolve_back(back, columns1, weights["conv1.weight"])
    return found


class Adam:
    """Adam with weight decay apart from the gradient."""

    def __init__(self, weights, decay):
        self.decay = decay
        self.steps = 0
        self.mean = {name: np.zeros_like(value) for name, value in weights.items()}
        self.square = {name: np.zeros_like(value) for name, value in weights.items()}

    def step(self, weights, found, rate):
        self.steps += 1
        for name, gradient in found.items():
            self.mean[name] += 0.1 * (gradient - self.mean[name])
            self.square[name] += 0.001 * (gradient**2 - self.square[name])
            mean = self.mean[name] / (1 - 0.9**self.steps)
            square = self.square[name] / (1 - 0.999**self.steps)
            weights[name] -= np.float32(rate) * (mean / (np.sqrt(square) + 1e-8) + self.decay * weights[name])


def shifted(pictures, rng):
    """Every picture moved by at most one pixel each way."""
    padded = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moved = np.empty_like(pictures)
    for index, (down, right) in enumerate(rng.integers(0, 3, (len(pictures), 2))):
        moved[index] = padded[index, :, down : down + SIDE, right : right + SIDE]
    return moved


def train(pictures, labels, seed, epochs, batch):
    """Weights after `epochs` passes, the learning rate falling to nought along a half cosine."""
    rng = np.random.default_rng(seed)
    weights = initial_weights(rng)
    adam = Adam(weights, decay=0.01)
    for epoch in range(epochs):
        rate = 0.002 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = rng.permutation(len(labels))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            adam.step(weights, gradients(weights, shifted(pictures[chosen], rng), labels[chosen]), rate)
    return weights
