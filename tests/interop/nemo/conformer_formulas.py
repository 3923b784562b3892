"""What a Conformer of NeMo computes, in NumPy, from its tensors by NeMo's names.

The formulas are those of Gulati et al. 2020 and Rekesh et al. 2023, with NeMo's paddings, order of
axes and masks.
"""

import numpy as np

from tests.interop.nemo.conformers import CONFIGS, HEADS, KERNEL, WIDTH


class Formulas:
    """A model of two layers in float64, of a recording alone.

    Args:
      name: of its config.
      state: its tensors.
    """

    def __init__(self, name, state):
        self.own = CONFIGS[name]
        self.state = {key: np.asarray(value, np.float64) for key, value in state.items()}

    def log_probs(self, features):
        """`[time, class]` of features `[time, feature]`."""
        x = self._subsampled(np.asarray(features, np.float64)) * np.sqrt(WIDTH)
        for layer in range(2):
            base = f"encoder.layers.{layer}"
            x = x + 0.5 * self._feed_forward(x, base, 1)
            x = x + self._attention(self._norm(x, f"{base}.norm_self_att"), f"{base}.self_attn")
            x = x + self._convolution(self._norm(x, f"{base}.norm_conv"), f"{base}.conv")
            x = x + 0.5 * self._feed_forward(x, base, 2)
            x = self._norm(x, f"{base}.norm_out")
        if "feat_out" in self.own:
            x = self._dense(x, "encoder.out_proj")
        logits = self._dense(x, "decoder.decoder_layers.0")
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def _dense(self, x, name):
        weight = self.state[f"{name}.weight"]
        return x @ weight.reshape(weight.shape[:2]).T + self.state.get(f"{name}.bias", 0.0)

    def _norm(self, x, name):
        x = x - x.mean(axis=1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-5)
        return x * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def _subsampled(self, x):
        """`[time, feature]` -> `[time', channel]`: images `[channel, time, frequency]`."""
        x, place = x[None], 0
        for stage in range({4: 2, 8: 3}[self.own["subsampling_factor"]]):
            name = f"encoder.pre_encode.conv.{place}"
            separable = stage > 0 and self.own["subsampling"] == "dw_striding"
            x = self._strided(x, self.state[f"{name}.weight"], separable)
            x = x + self.state[f"{name}.bias"][:, None, None]
            if separable:
                place += 1
                name = f"encoder.pre_encode.conv.{place}"
                x = np.einsum("oc,ctf->otf", self.state[f"{name}.weight"][:, :, 0, 0], x)
                x = x + self.state[f"{name}.bias"][:, None, None]
            x = np.maximum(x, 0)
            place += 2
        return self._dense(x.transpose(1, 0, 2).reshape(x.shape[1], -1), "encoder.pre_encode.out")

    def _strided(self, x, kernel, separable):
        sides = (2, 1) if self.own.get("causal_downsampling") else (1, 1)
        x = np.pad(x, [(0, 0), sides, sides])
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
        if separable:
            return np.einsum("ctfij,cij->ctf", windows, kernel[:, 0])
        return np.einsum("ctfij,ocij->otf", windows, kernel)

    def _feed_forward(self, x, base, number):
        x = self._norm(x, f"{base}.norm_feed_forward{number}")
        x = self._dense(x, f"{base}.feed_forward{number}.linear1")
        return self._dense(x / (1 + np.exp(-x)), f"{base}.feed_forward{number}.linear2")

    def _attention(self, x, base):
        frames, size = len(x), WIDTH // HEADS
        parts = [self._dense(x, f"{base}.linear_{one}") for one in "qkv"]
        queries, keys, values = (one.reshape(frames, HEADS, size) for one in parts)
        # Positions i - j, of frames before positive.
        positions = np.arange(frames)[:, None] - np.arange(frames)
        angles = positions[..., None] * 10000 ** (-np.arange(0, WIDTH, 2) / WIDTH)
        table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(frames, frames, WIDTH)
        table = (table @ self.state[f"{base}.linear_pos.weight"].T).reshape(
            frames, frames, HEADS, size
        )
        u, v = self.state[f"{base}.pos_bias_u"], self.state[f"{base}.pos_bias_v"]
        scores = np.einsum("ihd,jhd->hij", queries + u, keys)
        scores = scores + np.einsum("ihd,ijhd->hij", queries + v, table)
        scores = np.where(self._is_seen(frames), scores / np.sqrt(size), -np.inf)
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        weights = weights / weights.sum(axis=2, keepdims=True)
        context = np.einsum("hij,jhd->ihd", weights, values).reshape(frames, WIDTH)
        return self._dense(context, f"{base}.linear_out")

    def _is_seen(self, frames):
        """`[query, key]`: all, or its own chunk and some before it."""
        if "att_context_size" not in self.own:
            return np.ones((frames, frames), bool)
        left, right = self.own["att_context_size"][0]
        chunks = np.arange(frames) // (right + 1)
        before = chunks[:, None] - chunks
        return (before >= 0) & (before <= left // (right + 1))

    def _convolution(self, x, base):
        x = self._dense(x, f"{base}.pointwise_conv1")
        x = x[:, :WIDTH] / (1 + np.exp(-x[:, WIDTH:]))
        causal = self.own.get("conv_context_size") == "causal"
        sides = (KERNEL - 1, 0) if causal else ((KERNEL - 1) // 2,) * 2
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [sides, (0, 0)]), KERNEL, 0)
        x = np.einsum("tck,ck->tc", windows, self.state[f"{base}.depthwise_conv.weight"][:, 0])
        x = x + self.state.get(f"{base}.depthwise_conv.bias", 0.0)
        name = f"{base}.batch_norm"
        if self.own.get("conv_norm_type") == "layer_norm":
            x = self._norm(x, name)
        else:
            x = (x - self.state[f"{name}.running_mean"]) / np.sqrt(
                self.state[f"{name}.running_var"] + 1e-5
            )
            x = x * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]
        return self._dense(x / (1 + np.exp(-x)), f"{base}.pointwise_conv2")
