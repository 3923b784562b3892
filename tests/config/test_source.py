"""Configs in the encodings that Python reads, and those that it does not."""

import runpy

import pytest

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.source import as_utf8, copied_from, read_source
from open_seq2seq.errors import InputError
from open_seq2seq.runs.record import original_config, store_run
from tests.fuzzing import COUNTS, fuzz_file

BODY = "base_model = dict\nbase_params = {'logdir': 'grün/λ'}\n"
LATIN = BODY.replace("λ", "é")


@pytest.mark.parametrize(
    "content",
    [
        BODY.encode(),
        b"\xef\xbb\xbf" + BODY.encode(),
        BODY.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + ("# -*- coding: utf-8 -*-\n" + BODY).replace("\n", "\r\n").encode(),
        BODY.replace("\n", "\r").encode(),
        ("# coding: latin-1\n" + LATIN).encode("latin-1"),
        ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + LATIN).encode("cp1252"),
        ("# coding: koi8-r\n" + BODY.replace("grün/λ", "привет")).encode("koi8-r"),
    ],
)
def test_what_python_reads_is_read_and_its_copy_too(tmp_path, content):
    path = tmp_path / "c.py"
    path.write_bytes(content)
    expected = runpy.run_path(str(path))["base_params"]
    assert load_config(path).base_params == expected
    store_run(tmp_path / "run", "now", path, [], {})
    copy = tmp_path / "run/config_now.py"
    assert load_config(copy).base_params == expected
    assert runpy.run_path(str(copy))["base_params"] == expected
    assert copied_from(read_source(copy)) == path and original_config(copy) == path
    # A copy of a copy has the mark once.
    store_run(tmp_path / "again", "now", copy, [], {})
    assert (tmp_path / "again/config_now.py").read_bytes() == copy.read_bytes()


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b"x = 1\ny = '\xe9'\n", 2, "found byte 0xE9, expected UTF-8"),
        (b"y = '\xe9'\n", 1, "found byte 0xE9, expected UTF-8"),
        (b"# \xe9\nx = 1\n", 1, "found byte 0xE9, expected UTF-8"),
        (b"x = 1\n" * 50 + b"# \xff", 51, "found byte 0xFF, expected UTF-8"),
        (b"# coding: ascii\n\n# \xe9\n", 3, "found byte 0xE9, expected ascii"),
        (b"# coding: klingon\n", 1, "klingon"),
        (b"#\n# coding: rot13\n", 2, "text encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, "utf-8"),
        (b"x = 1\n\0\n", 2, "found a NUL byte, expected Python"),
        ("x = 1\n".encode("utf-16"), 1, "found "),
    ],
)
def test_what_is_no_text_is_named_with_its_line(tmp_path, content, line, found):
    path = tmp_path / "c.py"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert f"{path}:{line}: " in str(caught.value) and found in str(caught.value)


def test_the_remedy_for_latin_1_helps(tmp_path):
    path = tmp_path / "c.py"
    path.write_bytes(LATIN.encode("latin-1"))
    with pytest.raises(InputError, match="in its first line: # coding: latin-1"):
        load_config(path)
    path.write_bytes(("# coding: latin-1\n" + LATIN).encode("latin-1"))
    assert load_config(path).base_params == {"logdir": "grün/é"}


def test_only_a_declaration_is_replaced():
    text = "# coding: latin-1\n\n# coding: latin-1\nx = 'coding: latin-1'\n"
    assert as_utf8(text) == text.replace("latin-1", "utf-8", 1)


def test_a_config_that_leaves_is_refused_with_its_line(tmp_path):
    (tmp_path / "c.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(InputError, match=r"c\.py:2: found SystemExit"):
        load_config(tmp_path / "c.py")


CONFIG = """# A config.
from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
import tensorflow as tf

base_model = Speech2Text
base_params = {
    "random_seed": 3, "logdir": "run", "batch_size_per_gpu": 4, "max_steps": 10,
    "dtype": tf.float32, "decoder": FullyConnectedCTCDecoder,
    "optimizer": "Momentum", "optimizer_params": {"momentum": 0.9}, "lr_policy": "poly_decay",
    "lr_policy_params": {"learning_rate": 0.02, "power": 1.5},
    "encoder": TDNNEncoder,
    "encoder_params": {"convnet_layers": [
        {"type": "conv1d", "repeat": 1, "kernel_size": [5], "stride": [2], "num_channels": 16,
         "padding": "SAME", "dilation": [1]}], "dropout_keep_prob": 0.9, "activation_fn": "relu"},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {"sample_freq": 8000, "input_type": "logfbank", "dither": 1e-5,
                          "num_audio_features": 20, "vocab_file": "v.txt", "dataset_files": ["d"]},
}
train_params = {"num_epochs": None, "data_layer_params": {"shuffle": True}}
eval_params = {**train_params, "batch_size_per_gpu": 1 + 3}
"""


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("count", COUNTS)
def test_damaged_configs_are_read_or_refused(tmp_path, count):
    from open_seq2seq.experiment import effective_params

    path = tmp_path / "c.py"
    path.write_text(CONFIG)

    def read(file):
        config = load_config(file)
        if isinstance(config.base_model, type) and hasattr(config.base_model, "PARAMS"):
            effective_params(config, [], "train")

    was_read, refused = fuzz_file(read, path, seed=16, count=count)
    assert was_read > count / 20 and refused > count / 3
