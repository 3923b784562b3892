"""Small models in NeMo's layout with random weights, and what they compute, in NumPy.

The formulas are those of Li et al. 2019 (Jasper), Kriman et al. 2019 (QuartzNet) and Majumdar et
al. 2021 (Citrinet), with NeMo's masks, paddings and epsilons.
"""

import numpy as np

LABELS = [" ", "a", "b", "c", "'"]
PREPROCESSOR = {
    "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
    "sample_rate": 16000, "normalize": "per_feature", "window_size": 0.02, "window_stride": 0.01,
    "window": "hann", "features": 16, "n_fft": 512, "dither": 0.0, "pad_to": 16,
}  # fmt: skip


def block(filters, kernel, repeat=1, stride=1, dilation=1, residual=False, separable=True, **more):
    """An entry of NeMo's list of blocks."""
    return {
        "filters": filters,
        "repeat": repeat,
        "kernel": [kernel],
        "stride": [stride],
        "dilation": [dilation],
        "residual": residual,
        "separable": separable,
        **more,
    }


QUARTZNET = [
    block(12, 5, stride=2),
    block(12, 7, repeat=3, residual=True),
    block(16, 9, repeat=2, residual=True),
    block(16, 11, dilation=2),
    block(20, 1, separable=False),
]
JASPER = [
    block(12, 11, stride=2, separable=False),
    block(12, 5, repeat=2, residual=True, residual_dense=True, separable=False),
    block(14, 7, repeat=2, residual=True, residual_dense=True, separable=False),
    block(16, 7, dilation=2, separable=False, dropout=0.4),
]
_SE = {"se": True, "se_context_size": -1}
_STRIDED = {"residual_mode": "stride_add", "stride_last": True}
CITRINET = [
    block(16, 5, **_SE),
    block(16, 11, repeat=3, stride=2, residual=True, kernel_size_factor=0.5, **_SE, **_STRIDED),
    block(16, 7, repeat=2, residual=True, **_SE),
    block(24, 9, repeat=2, stride=2, residual=True, stride_last=True, **_SE),
    block(24, 9, **_SE, se_reduction_ratio=4),
]
BLOCKS = {"quartznet": QUARTZNET, "jasper": JASPER, "citrinet": CITRINET}


def config(name, **more):
    """The config of a model."""
    channels = BLOCKS[name][-1]["filters"]
    return {
        "target": "nemo.collections.asr.models.ctc_models.EncDecCTCModel",
        "sample_rate": 16000,
        "labels": LABELS,
        "preprocessor": PREPROCESSOR,
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConvASREncoder",
            "feat_in": 16, "activation": "relu", "conv_mask": True, "jasper": BLOCKS[name],
        },
        "decoder": {"_target_": "nemo.collections.asr.modules.ConvASRDecoder",
                    "feat_in": channels, "num_classes": len(LABELS), "vocabulary": LABELS},
        **more,
    }  # fmt: skip


def odd_kernel(one):
    taps = max(int(one["kernel"][0] * one.get("kernel_size_factor", 1.0)), 1)
    return taps + (taps % 2 == 0)


def tensors(name, seed=5):
    """The state dict of a model, by NeMo's names."""
    rng = np.random.default_rng(seed)
    made = {}

    def put(name, *shape, scale=0.3):
        made[name] = (scale * rng.standard_normal(shape)).astype(np.float32)

    def norm(name, channels):
        put(f"{name}.weight", channels)
        put(f"{name}.bias", channels)
        put(f"{name}.running_mean", channels)
        made[f"{name}.running_var"] = rng.uniform(5e-4, 1.5, channels).astype(np.float32)
        made[f"{name}.num_batches_tracked"] = np.array(7)

    mel = np.abs(rng.standard_normal((1, 16, 257))).astype(np.float32)
    made["preprocessor.featurizer.window"] = np.hanning(320).astype(np.float32)
    made["preprocessor.featurizer.fb"] = mel
    width, dense = 16, []
    for number, one in enumerate(BLOCKS[name]):
        base, filters, separable = f"encoder.encoder.{number}", one["filters"], one["separable"]
        panes = [width] if one["residual"] else []
        if one.get("residual_dense"):
            dense.append(width)
            panes = list(dense)
        for repetition in range(one["repeat"]):
            first = (5 if separable else 4) * repetition
            if separable:
                put(f"{base}.mconv.{first}.conv.weight", width, 1, odd_kernel(one))
                put(f"{base}.mconv.{first + 1}.conv.weight", filters, width, 1)
            else:
                put(f"{base}.mconv.{first}.conv.weight", filters, width, odd_kernel(one), scale=0.1)
            norm(f"{base}.mconv.{first + 1 + separable}", filters)
            width = filters
        if one.get("se"):
            place = first + 2 + separable
            inner = filters // one.get("se_reduction_ratio", 8)
            put(f"{base}.mconv.{place}.fc.0.weight", inner, filters)
            put(f"{base}.mconv.{place}.fc.2.weight", filters, inner)
        for pane, channels in enumerate(panes):
            put(f"{base}.res.{pane}.0.conv.weight", filters, channels, 1)
            norm(f"{base}.res.{pane}.1", filters)
    put("decoder.decoder_layers.0.weight", len(LABELS) + 1, width, 1)
    put("decoder.decoder_layers.0.bias", len(LABELS) + 1)
    return made


def _convolved(x, kernel, stride=1, dilation=1, depthwise=False):
    """`[channel, time]` by `[output, input, tap]`, half of the padding on each side."""
    taps = kernel.shape[2]
    padding = dilation * (taps - 1) // 2
    padded = np.pad(x, [(0, 0), (padding, padding)])
    frames = (x.shape[1] + 2 * padding - dilation * (taps - 1) - 1) // stride + 1
    out = np.zeros((len(kernel), frames))
    for tap in range(taps):
        seen = padded[:, tap * dilation :][:, : stride * (frames - 1) + 1 : stride]
        out += kernel[:, 0, tap, None] * seen if depthwise else kernel[:, :, tap] @ seen
    return out


def log_probs(name, state, features):
    """`[time, class]` of features `[time, feature]`, in float64."""
    state = {key: np.asarray(value, np.float64) for key, value in state.items()}

    def norm(x, name):
        scale = state[f"{name}.weight"] / np.sqrt(state[f"{name}.running_var"] + 1e-3)
        shift = state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale
        return x * scale[:, None] + shift[:, None]

    x, dense = features.T.astype(np.float64), []
    for number, one in enumerate(BLOCKS[name]):
        base, separable = f"encoder.encoder.{number}", one["separable"]
        sources = [x] if one["residual"] else []
        if one.get("residual_dense"):
            dense.append(x)
            sources = list(dense)
        for repetition in range(one["repeat"]):
            last = repetition == one["repeat"] - 1
            stride = one["stride"][0] if last or not one.get("stride_last") else 1
            first = (5 if separable else 4) * repetition
            kernel = state[f"{base}.mconv.{first}.conv.weight"]
            x = _convolved(x, kernel, stride, one["dilation"][0], separable)
            if separable:
                x = _convolved(x, state[f"{base}.mconv.{first + 1}.conv.weight"])
            x = norm(x, f"{base}.mconv.{first + 1 + separable}")
            x = x if last else np.maximum(x, 0)
        if one.get("se"):
            place = f"{base}.mconv.{first + 2 + separable}.fc"
            squeezed = np.maximum(state[f"{place}.0.weight"] @ x.mean(axis=1), 0)
            x = x / (1 + np.exp(-(state[f"{place}.2.weight"] @ squeezed)))[:, None]
        for pane, source in enumerate(sources):
            kernel = state[f"{base}.res.{pane}.0.conv.weight"]
            x = x + norm(_convolved(source, kernel, one["stride"][0]), f"{base}.res.{pane}.1")
        x = np.maximum(x, 0)
    head = state["decoder.decoder_layers.0.weight"][:, :, 0]
    logits = (head @ x + state["decoder.decoder_layers.0.bias"][:, None]).T
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
