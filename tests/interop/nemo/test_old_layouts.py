"""Layouts of NeMo before 1.0 and of DeepLearningExamples: the same network under other names."""

import json

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.nemo.importer import Plan
from open_seq2seq.interop.nemo.old_layouts import read_model
from tests.interop.nemo import models
from tests.interop.nemo.torch_writer import archive, legacy, write_nemo, zipped

STATE = models.tensors("quartznet")
ENCODER = {k.removeprefix("encoder."): v for k, v in STATE.items() if k.startswith("encoder.")}
HEAD = {k.removeprefix("decoder."): v for k, v in STATE.items() if k.startswith("decoder.")}
CONFIG = {
    "labels": models.LABELS,
    "sample_rate": 16000,
    "AudioToMelSpectrogramPreprocessor": {
        k: v for k, v in models.PREPROCESSOR.items() if k != "_target_"
    },
    "JasperEncoder": {"feat_in": 16, "activation": "relu", "conv_mask": True,
                      "jasper": models.QUARTZNET},
    "JasperDecoderForCTC": {"feat_in": 20, "num_classes": len(models.LABELS)},
}  # fmt: skip
EXAMPLES = {
    "labels": models.LABELS,
    "input_val": {"filterbank_features": {
        "sample_rate": 16000, "window_size": 0.02, "window_stride": 0.01, "window": "hann",
        "n_filt": 16, "n_fft": 512, "normalize": "per_feature", "pad_align": 16}},
    "quartznet": {
        "encoder": {"in_feats": 16, "activation": "relu", "use_conv_masks": True, "blocks": [
            {**{k: v for k, v in one.items() if k != "kernel"}, "kernel_size": one["kernel"]}
            for one in models.QUARTZNET]},
        "decoder": {"in_feats": 20},
    },
}  # fmt: skip


def written(folder, config):
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return path


def values(plan):
    """What goes into each variable."""
    return {
        weight.target: weight.convert(*(plan.source.tensors[name]() for name in weight.sources))
        for weight in plan.weights
    }


def assert_same(plan, tmp_path):
    """The network is that of the same weights in a file of NeMo 1.0."""
    path = write_nemo(tmp_path / "new.nemo", models.config("quartznet"), STATE)
    new = Plan(read_model(path))
    assert plan.encoder.params == new.encoder.params
    assert plan.tokens.symbols == new.tokens.symbols
    expected, found = values(new), values(plan)
    assert found.keys() == expected.keys()
    for target, value in expected.items():
        np.testing.assert_array_equal(found[target], value)


@pytest.mark.parametrize("form", [zipped, legacy])
@pytest.mark.parametrize("version", ["0.8", "0.11"])
def test_modules_of_nemo(version, form, tmp_path):
    encoder = ENCODER
    if version == "0.8":  # masked convolutions are the convolutions themselves
        encoder = {
            name.replace(".conv.weight", ".weight").replace("mconv", "conv"): value
            for name, value in ENCODER.items()
        }
    (tmp_path / "JasperEncoder-STEP-7.pt").write_bytes(form(encoder))
    (tmp_path / "JasperDecoderForCTC-STEP-7.pt").write_bytes(form(HEAD))
    config = written(tmp_path, CONFIG)
    plan = Plan(read_model(tmp_path / "JasperEncoder-STEP-7.pt", config))
    assert plan.era.era.name == "0.x"
    assert_same(plan, tmp_path)


def test_an_archive_of_nemo_0_11(tmp_path):
    members = {
        ".nemo_tmp/module.yaml": json.dumps(CONFIG).encode(),
        ".nemo_tmp/JasperEncoder.pt": legacy(ENCODER),
        ".nemo_tmp/JasperDecoderForCTC.pt": legacy(HEAD),
    }
    (tmp_path / "old.nemo").write_bytes(archive(members, "w:gz"))
    assert_same(Plan(read_model(tmp_path / "old.nemo")), tmp_path)


@pytest.mark.parametrize("averaged", [True, False])
def test_deep_learning_examples(averaged, tmp_path):
    renamed = {
        name.replace("encoder.encoder.", "encoder.layers.")
        .replace("decoder.decoder_layers.", "decoder.layers.")
        .replace(".conv.weight", ".weight"): value
        for name, value in STATE.items()
        if not name.startswith("preprocessor")
    }
    other = {name: value + 1 for name, value in renamed.items()}
    parts = {"state_dict": other, "ema_state_dict": renamed, "epoch": 3, "optimizer": {}}
    if not averaged:
        parts = {"state_dict": renamed, "ema_state_dict": None, "epoch": 3, "optimizer": {}}
    (tmp_path / "epoch10.pt").write_bytes(zipped(parts))
    plan = Plan(read_model(tmp_path / "epoch10.pt", written(tmp_path, EXAMPLES)))
    assert_same(plan, tmp_path)
    front_end = plan.front_end.params
    assert (front_end["log_guard_value"], front_end["frame_count"]) == (1e-20, "begun_hops")


def test_what_is_missing_is_said(tmp_path):
    (tmp_path / "JasperEncoder-STEP-7.pt").write_bytes(zipped(ENCODER))
    with pytest.raises(InputError, match="--config"):
        read_model(tmp_path / "JasperEncoder-STEP-7.pt")
    with pytest.raises(InputError, match="decoder"):
        read_model(tmp_path / "JasperEncoder-STEP-7.pt", written(tmp_path, CONFIG))
