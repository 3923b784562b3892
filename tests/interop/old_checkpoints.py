"""OpenSeq2Seq's checkpoints as TensorFlow 1 writes them, and its networks in NumPy."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

MASTER = "Loss_Optimization/FP32-master-copy/"
EPSILON = 1e-3


def write(folder, arrays, step=7, name="model.ckpt", version=2):
    """Saves arrays as variables of a TensorFlow 1 graph; returns the checkpoint's prefix."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(n, initializer=a) for n, a in arrays.items()]
        number = v1.get_variable("global_step", initializer=np.int64(step))
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver([*variables, number], write_version=version)
        return saver.save(session, str(folder / name), global_step=step)


def half(arrays):
    """The variables of a mixed-precision run: fp16, with fp32 master copies; BN stays fp32."""
    stored = {}
    for name, array in arrays.items():
        is_float32 = "/bn/" in name or "res_bn" in name or name.endswith("row_conv/w")
        stored[name] = array if is_float32 else array.astype(np.float16)
        if not is_float32:
            stored[MASTER + name] = array
    return stored


class Weights(dict):
    """Random weights by OpenSeq2Seq's names, made as they are asked for."""

    def __init__(self, seed=0):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def make(self, name, *shape, scale=0.4, offset=0.0):
        values = offset + scale * self.rng.standard_normal(shape)
        self[name] = values.astype(np.float32)
        return self[name]

    def normalization(self, scope, channels):
        self.make(f"{scope}/gamma", channels, scale=0.1, offset=1.0)
        self.make(f"{scope}/beta", channels)
        self.make(f"{scope}/moving_mean", channels)
        variance = np.abs(self.rng.standard_normal(channels)) + 0.5
        self[f"{scope}/moving_variance"] = variance.astype(np.float32)

    def normalize(self, scope, x):
        gamma, beta, mean, variance = (
            self[f"{scope}/{name}"].astype(np.float64)
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def same_padding(frames, taps, stride, dilation):
    """TensorFlow's SAME: frames before and after."""
    outputs = -(-frames // stride)
    total = max((outputs - 1) * stride + (taps - 1) * dilation + 1 - frames, 0)
    return total // 2, total - total // 2


def convolve(x, kernel, stride=1, dilation=1):
    """[time, channel] by [tap, channel, output]."""
    taps = len(kernel)
    x = np.pad(x, (same_padding(len(x), taps, stride, dilation), (0, 0)))
    count = (len(x) - (taps - 1) * dilation - 1) // stride + 1
    return np.array(
        [
            sum(x[t * stride + tap * dilation] @ kernel[tap] for tap in range(taps))
            for t in range(count)
        ]
    )


def convolve_image(x, kernel, stride):
    """[time, frequency, channel] by [tap, tap, channel, output]."""
    pads = [same_padding(x.shape[a], kernel.shape[a], stride[a], 1) for a in (0, 1)]
    sizes = [-(-x.shape[a] // stride[a]) for a in (0, 1)]
    x = np.pad(x, (*pads, (0, 0)))
    outputs = np.zeros((*sizes, kernel.shape[3]))
    for t in range(sizes[0]):
        for f in range(sizes[1]):
            first, second = t * stride[0], f * stride[1]
            patch = x[first : first + kernel.shape[0], second : second + kernel.shape[1]]
            outputs[t, f] = np.tensordot(patch, kernel, 3)
    return outputs


# --- TDNN

FEATURES, CLASSES = 8, 5
TDNN = "ForwardPass/w2l_encoder"
HEAD = "ForwardPass/fully_connected_ctc_decoder/fully_connected"

# (type, repeat, taps, stride, channels, dilation, residual, dense)
TDNN_LAYERS = [
    ("conv1d", 1, 5, 2, 6, 1, False, False),
    ("sep_conv1d", 2, 3, 1, 7, 1, True, False),
    ("conv1d", 2, 3, 1, 6, 1, True, True),
    ("conv1d", 1, 4, 1, 5, 1, True, True),
    ("sep_conv1d", 1, 3, 1, 6, 2, False, False),
]


def _kernels(weights, scope, kind, taps, inputs, outputs):
    if kind == "sep_conv1d":
        weights.make(f"{scope}/depthwise_kernel", taps, inputs, 1)
        weights.make(f"{scope}/pointwise_kernel", 1, inputs, outputs)
    else:
        weights.make(f"{scope}/kernel", taps, inputs, outputs)


def _kernel(weights, scope):
    if f"{scope}/kernel" in weights:
        return weights[f"{scope}/kernel"].astype(np.float64)
    depthwise, pointwise = (
        weights[f"{scope}/depthwise_kernel"],
        weights[f"{scope}/pointwise_kernel"],
    )
    return depthwise.astype(np.float64) * pointwise


def tdnn_weights(seed=0):
    weights, inputs, dense = Weights(seed), FEATURES, []
    for block, (kind, repeat, taps, _, channels, _, residual, is_dense) in enumerate(
        TDNN_LAYERS, 1
    ):
        sources = [inputs]
        if is_dense:
            dense.append(inputs)
            sources = dense
        for number in range(1, repeat + 1):
            scope = f"{TDNN}/conv{block}{number}"
            _kernels(weights, scope, kind, taps, inputs, channels)
            weights.normalization(f"{scope}/bn", channels)
            if residual and number == repeat:
                for index, size in enumerate(sources):
                    suffix = f"_{index}" if is_dense else ""
                    _kernels(weights, f"{scope}/res{suffix}", kind, 1, size, channels)
                    weights.normalization(f"{scope}/res_bn{suffix}", channels)
            inputs = channels
    weights.make(f"{HEAD}/kernel", inputs, CLASSES)
    weights.make(f"{HEAD}/bias", CLASSES)
    return weights


def tdnn_logits(weights, x):
    """The logits of one utterance [time, feature] whose length is a multiple of the stride."""
    dense = []
    for block, (_, repeat, _, stride, _, dilation, residual, is_dense) in enumerate(TDNN_LAYERS, 1):
        sources = [x]
        if is_dense:
            dense.append(x)
            sources = list(dense)
        for number in range(1, repeat + 1):
            scope = f"{TDNN}/conv{block}{number}"
            x = convolve(x, _kernel(weights, scope), stride, dilation)
            x = weights.normalize(f"{scope}/bn", x)
            if residual and number == repeat:
                for index, source in enumerate(sources):
                    suffix = f"_{index}" if is_dense else ""
                    path = convolve(source, _kernel(weights, f"{scope}/res{suffix}"))
                    x = x + weights.normalize(f"{scope}/res_bn{suffix}", path)
            x = np.minimum(relu(x), 20.0)
    return x @ weights[f"{HEAD}/kernel"] + weights[f"{HEAD}/bias"]


# --- Deep Speech 2

DS2 = "ForwardPass/ds2_encoder"
UNITS, HIDDEN, CHANNELS = 5, 6, 3
_CUDNN_GATES = {"gru": "rzn", "lstm": "ifgo"}


def cudnn_cell(weights, key, kind, inputs):
    """One direction's matrices and biases as cuDNN's formulas have them: W x + R h."""
    rng, cell = weights.rng, {}
    for gate in _CUDNN_GATES[kind]:
        shapes = {"W": (UNITS, inputs), "R": (UNITS, UNITS), "bW": (UNITS,), "bR": (UNITS,)}
        for name, shape in shapes.items():
            cell[name + gate] = (0.5 * rng.standard_normal(shape)).astype(np.float32)
    weights.cells[key] = cell
    return cell


def run_cudnn(cell, kind, x):
    """cuDNN's formulas over [time, input]."""
    h, c, outputs = np.zeros(UNITS), np.zeros(UNITS), []
    for frame in x:
        pre = {
            g: cell["W" + g] @ frame + cell["bW" + g] + cell["R" + g] @ h + cell["bR" + g]
            for g in _CUDNN_GATES[kind]
        }
        if kind == "gru":
            r, z = sigmoid(pre["r"]), sigmoid(pre["z"])
            inner = cell["Rn"] @ h + cell["bRn"]
            n = np.tanh(cell["Wn"] @ frame + cell["bWn"] + r * inner)
            h = (1 - z) * n + z * h
        else:
            c = sigmoid(pre["f"]) * c + sigmoid(pre["i"]) * np.tanh(pre["g"])
            h = sigmoid(pre["o"]) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def canonical(cell, kind, prefix):
    """As TensorFlow 1 saves a cell of a cuDNN layer: transposed, gates' biases summed."""
    if kind == "gru":
        rows = [np.concatenate([cell["W" + g], cell["R" + g]], axis=1) for g in "rz"]
        candidate = f"{prefix}/cudnn_compatible_gru_cell/candidate"
        gates = f"{prefix}/cudnn_compatible_gru_cell/gates"
        return {
            f"{gates}/kernel": np.concatenate(rows).T,
            f"{gates}/bias": np.concatenate([cell["bW" + g] + cell["bR" + g] for g in "rz"]),
            f"{candidate}/input_projection/kernel": cell["Wn"].T,
            f"{candidate}/input_projection/bias": cell["bWn"],
            f"{candidate}/hidden_projection/kernel": cell["Rn"].T,
            f"{candidate}/hidden_projection/bias": cell["bRn"],
        }
    rows = [np.concatenate([cell["W" + g], cell["R" + g]], axis=1) for g in "igfo"]
    return {
        f"{prefix}/cudnn_compatible_lstm_cell/kernel": np.concatenate(rows).T,
        f"{prefix}/cudnn_compatible_lstm_cell/bias": np.concatenate(
            [cell["bW" + g] + cell["bR" + g] for g in "igfo"]
        ),
    }


def blob(cells, kind):
    """cuDNN's flat parameters: all matrices of all layers and directions, then all biases."""
    gates = _CUDNN_GATES[kind]
    matrices = [cell[m + g].ravel() for cell in cells for m in "WR" for g in gates]
    biases = [cell[b + g] for cell in cells for b in ("bW", "bR") for g in gates]
    return np.concatenate([*matrices, *biases])


def plain_cell(weights, prefix, kind, inputs):
    """A cell of TensorFlow 1's own, by its names."""
    rows = inputs + UNITS
    if kind == "gru":
        for part, width in (("gates", 2 * UNITS), ("candidate", UNITS)):
            weights.make(f"{prefix}/gru_cell/{part}/kernel", rows, width)
            weights.make(f"{prefix}/gru_cell/{part}/bias", width)
    elif kind == "layernorm_lstm":
        scope = f"{prefix}/layer_norm_basic_lstm_cell"
        weights.make(f"{scope}/kernel", rows, 4 * UNITS)
        for gate in ("input", "transform", "forget", "output", "state"):
            weights.make(f"{scope}/{gate}/gamma", UNITS, scale=0.2, offset=1.0)
            weights.make(f"{scope}/{gate}/beta", UNITS)
    else:
        weights.make(f"{prefix}/{kind}/kernel", rows, 4 * UNITS)
        weights.make(f"{prefix}/{kind}/bias", 4 * UNITS)


def _normal(x, weights, scope):
    normal = (x - x.mean()) / np.sqrt(x.var() + 1e-12)
    return normal * weights[f"{scope}/gamma"] + weights[f"{scope}/beta"]


def run_plain(weights, prefix, kind, x):
    """GRUCell, BasicLSTMCell and LayerNormBasicLSTMCell over [time, input]."""
    h, c, outputs = np.zeros(UNITS), np.zeros(UNITS), []
    for frame in x:
        if kind == "gru":
            cell = f"{prefix}/gru_cell"
            both = np.concatenate([frame, h])
            gates = both @ weights[f"{cell}/gates/kernel"] + weights[f"{cell}/gates/bias"]
            r, u = np.split(sigmoid(gates), 2)
            both = np.concatenate([frame, r * h])
            candidate = both @ weights[f"{cell}/candidate/kernel"]
            h = u * h + (1 - u) * np.tanh(candidate + weights[f"{cell}/candidate/bias"])
        elif kind == "layernorm_lstm":
            cell = f"{prefix}/layer_norm_basic_lstm_cell"
            gates = np.split(np.concatenate([frame, h]) @ weights[f"{cell}/kernel"], 4)
            names = ("input", "transform", "forget", "output")
            i, j, f, o = (_normal(g, weights, f"{cell}/{n}") for g, n in zip(gates, names))
            c = sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(j)
            c = _normal(c, weights, f"{cell}/state")
            h = np.tanh(c) * sigmoid(o)
        else:
            gates = np.concatenate([frame, h]) @ weights[f"{prefix}/{kind}/kernel"]
            i, j, f, o = np.split(gates + weights[f"{prefix}/{kind}/bias"], 4)
            c = sigmoid(f + 1.0) * c + sigmoid(i) * np.tanh(j)
            h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def ds2_weights(kind, directions=2, layers=2, seed=0, is_cudnn=True, row_conv=3):
    """Everything but the recurrent layers by name; cuDNN cells in `.cells[layer, direction]`."""
    weights = Weights(seed)
    weights.cells = {}
    weights.make(f"{DS2}/conv1/kernel", 5, 3, 1, CHANNELS)
    weights.normalization(f"{DS2}/conv1/bn", CHANNELS)
    inputs = FEATURES // 2 * CHANNELS
    for layer in range(layers):
        for direction in range(directions):
            if is_cudnn:
                cudnn_cell(weights, (layer, direction), kind, inputs)
            else:
                plain_cell(weights, stack_prefix(layer, direction, directions), kind, inputs)
        inputs = UNITS * directions if is_cudnn else UNITS
    width = UNITS * directions
    if row_conv:
        weights.make(f"{DS2}/row_conv/w", row_conv, 1, width, 1)
        weights.normalization(f"{DS2}/row_conv/bn", width)
    weights.make(f"{DS2}/fully_connected/kernel", width, HIDDEN)
    weights.make(f"{DS2}/fully_connected/bias", HIDDEN)
    weights.make(f"{HEAD}/kernel", HIDDEN, CLASSES, scale=2.0)
    weights.make(f"{HEAD}/bias", CLASSES)
    return weights


def stack_prefix(layer, direction, directions):
    if directions == 1:
        return f"{DS2}/rnn/multi_rnn_cell/cell_{layer}"
    return f"{DS2}/bidirectional_rnn/{'fw' if direction == 0 else 'bw'}/multi_rnn_cell/cell_{layer}"


def canonical_prefix(kind, layer, direction, directions):
    scope = f"{DS2}/cudnn_{kind}"
    if directions == 1:
        return f"{scope}/rnn/multi_rnn_cell/cell_{layer}"
    way = "fw" if direction == 0 else "bw"
    return f"{scope}/stack_bidirectional_rnn/cell_{layer}/bidirectional_rnn/{way}"


def _recurrent(weights, kind, directions, layers, is_cudnn, x):
    def one(layer, direction, inputs):
        inputs = inputs[:: -1 if direction else 1]
        if is_cudnn:
            outputs = run_cudnn(weights.cells[layer, direction], kind, inputs)
        else:
            prefix = stack_prefix(layer, direction, directions)
            outputs = run_plain(weights, prefix, kind, inputs)
        return outputs[:: -1 if direction else 1]

    if is_cudnn:  # both directions side by side between the layers
        for layer in range(layers):
            x = np.concatenate([one(layer, d, x) for d in range(directions)], axis=1)
        return x
    tops = []
    for direction in range(directions):
        y = x
        for layer in range(layers):
            y = one(layer, direction, y)
        tops.append(y)
    return np.concatenate(tops, axis=1)


def ds2_logits(weights, kind, x, directions=2, layers=2, is_cudnn=True):
    """The logits of one utterance [time, feature] of an even length."""
    x = convolve_image(x[:, :, None], weights[f"{DS2}/conv1/kernel"], (2, 2))
    x = relu(weights.normalize(f"{DS2}/conv1/bn", x)).reshape(len(x), -1)
    x = _recurrent(weights, kind, directions, layers, is_cudnn, x)
    if f"{DS2}/row_conv/w" in weights:
        taps = weights[f"{DS2}/row_conv/w"][:, 0, :, 0]
        padded = np.pad(x, (same_padding(len(x), len(taps), 1, 1), (0, 0)))
        x = sum(padded[tap : tap + len(x)] * taps[tap] for tap in range(len(taps)))
        x = relu(weights.normalize(f"{DS2}/row_conv/bn", x))
    x = relu(x @ weights[f"{DS2}/fully_connected/kernel"] + weights[f"{DS2}/fully_connected/bias"])
    return x @ weights[f"{HEAD}/kernel"] + weights[f"{HEAD}/bias"]
