"""Small Conformers in NeMo's layout, with random weights."""

import numpy as np

from tests.interop.nemo.models import LABELS, PREPROCESSOR

WIDTH, HEADS, KERNEL = 16, 2, 7
CONFIGS = {
    "conformer": {"subsampling": "striding", "subsampling_factor": 4},
    "fast_conformer": {
        "subsampling": "dw_striding", "subsampling_factor": 8, "subsampling_conv_channels": 6,
        "causal_downsampling": True, "att_context_size": [[8, 3], [4, 1]],
        "att_context_style": "chunked_limited", "conv_context_size": "causal",
        "conv_norm_type": "layer_norm", "use_bias": False, "untie_biases": False, "feat_out": 10,
    },
}  # fmt: skip


def config(name):
    """The config of a model."""
    own = CONFIGS[name]
    channels = own.get("feat_out", WIDTH)
    return {
        "target": "nemo.collections.asr.models.ctc_models.EncDecCTCModel",
        "labels": LABELS,
        "preprocessor": PREPROCESSOR,
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConformerEncoder",
            "feat_in": 16, "n_layers": 2, "d_model": WIDTH, "n_heads": HEADS,
            "ff_expansion_factor": 2, "conv_kernel_size": KERNEL, **own,
        },
        "decoder": {"feat_in": channels, "num_classes": len(LABELS), "vocabulary": LABELS},
    }  # fmt: skip


def tensors(name, seed=6):
    """The state dict of a model, by NeMo's names."""
    own, rng, made = CONFIGS[name], np.random.default_rng(seed), {}
    has_bias = own.get("use_bias", True)

    def put(name, *shape):
        made[name] = (0.2 * rng.standard_normal(shape)).astype(np.float32)

    def dense(name, outputs, inputs, *taps, bias=has_bias):
        put(f"{name}.weight", outputs, inputs, *taps)
        if bias:
            put(f"{name}.bias", outputs)

    made["preprocessor.featurizer.window"] = np.hanning(320).astype(np.float32)
    made["preprocessor.featurizer.fb"] = np.abs(rng.standard_normal((1, 16, 257))).astype(
        np.float32
    )
    stages = {4: 2, 8: 3}[own["subsampling_factor"]]
    channels, frequencies = own.get("subsampling_conv_channels", WIDTH), 16
    for _ in range(stages):
        padding = 3 if own.get("causal_downsampling") else 2
        frequencies = (frequencies + padding - 3) // 2 + 1
    dense("encoder.pre_encode.conv.0", channels, 1, 3, 3, bias=True)
    for stage in range(1, stages):
        if own["subsampling"] == "striding":
            dense(f"encoder.pre_encode.conv.{2 * stage}", channels, channels, 3, 3, bias=True)
        else:
            dense(f"encoder.pre_encode.conv.{3 * stage - 1}", channels, 1, 3, 3, bias=True)
            dense(f"encoder.pre_encode.conv.{3 * stage}", channels, channels, 1, 1, bias=True)
    dense("encoder.pre_encode.out", WIDTH, channels * frequencies, bias=True)
    for layer in range(2):
        base = f"encoder.layers.{layer}"
        for norm in ("feed_forward1", "self_att", "conv", "feed_forward2", "out"):
            put(f"{base}.norm_{norm}.weight", WIDTH)
            put(f"{base}.norm_{norm}.bias", WIDTH)
        for number in (1, 2):
            dense(f"{base}.feed_forward{number}.linear1", 2 * WIDTH, WIDTH)
            dense(f"{base}.feed_forward{number}.linear2", WIDTH, 2 * WIDTH)
        for part in ("q", "k", "v", "out"):
            dense(f"{base}.self_attn.linear_{part}", WIDTH, WIDTH)
        put(f"{base}.self_attn.linear_pos.weight", WIDTH, WIDTH)
        for part in "uv":
            put(f"{base}.self_attn.pos_bias_{part}", HEADS, WIDTH // HEADS)
            if not own.get("untie_biases", True):
                first = f"encoder.layers.0.self_attn.pos_bias_{part}"
                made[f"{base}.self_attn.pos_bias_{part}"] = made[first]
        dense(f"{base}.conv.pointwise_conv1", 2 * WIDTH, WIDTH, 1)
        dense(f"{base}.conv.depthwise_conv", WIDTH, 1, KERNEL)
        dense(f"{base}.conv.pointwise_conv2", WIDTH, WIDTH, 1)
        put(f"{base}.conv.batch_norm.weight", WIDTH)
        put(f"{base}.conv.batch_norm.bias", WIDTH)
        if own.get("conv_norm_type", "batch_norm") == "batch_norm":
            put(f"{base}.conv.batch_norm.running_mean", WIDTH)
            variance = rng.uniform(0.1, 2, WIDTH).astype(np.float32)
            made[f"{base}.conv.batch_norm.running_var"] = variance
            made[f"{base}.conv.batch_norm.num_batches_tracked"] = np.array(3)
    width = own.get("feat_out", WIDTH)
    if width != WIDTH:
        dense("encoder.out_proj", width, WIDTH, bias=True)
    put("decoder.decoder_layers.0.weight", len(LABELS) + 1, width, 1)
    put("decoder.decoder_layers.0.bias", len(LABELS) + 1)
    return made
