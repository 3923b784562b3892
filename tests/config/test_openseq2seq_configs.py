"""Configs as users of OpenSeq2Seq have them: loaded, checked, and run."""

import builtins
import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.config.loading import load_config
from open_seq2seq.encoders import DeepSpeech2Encoder, TDNNEncoder
from open_seq2seq.experiment import effective_params
from open_seq2seq.models.notes import parameter_notes
from open_seq2seq.optimizers import NovoGrad

FOLDER = Path(__file__).parent / "openseq2seq_configs"
CONFIGS = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("shared"))
MODES = ("train", "eval", "infer")


def notes(name, mode):
    config = load_config(FOLDER / name)
    schema = config.base_model.PARAMS
    return parameter_notes(schema, effective_params(config, [], mode), mode)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_loads_and_is_valid_in_every_mode(path):
    config = load_config(path)
    for mode in MODES:
        params = config.base_model.PARAMS.fill(effective_params(config, [], mode))
        assert params["encoder"] in (TDNNEncoder, DeepSpeech2Encoder)
        assert params["data_layer_params"]["dataset_files"]


def test_values_are_our_own():
    params = load_config(FOLDER / "jasper_novograd.py").base_params
    assert params["optimizer"] is NovoGrad
    assert params["encoder_params"]["initializer"] == "xavier_initializer"
    old = load_config(FOLDER / "w2l_first_release.py").base_params
    assert old["encoder"] is TDNNEncoder  # Wave2LetterEncoder, once
    assert (old["optimizer"], old["regularizer"]) == ("Momentum", "l2_regularizer")
    names = load_config(FOLDER / "every_tensorflow_name.py").base_params
    assert names["dtype"] == "float16" and names["encoder_params"]["dtype"] == "float32"


@pytest.mark.parametrize(
    ("name", "limit"),
    [("w2l_first_release.py", 20.0), ("ds2_gru.py", 20.0), ("every_tensorflow_name.py", 6.0)],
)
def test_activations_work_long_after_loading(name, limit):
    activation = load_config(FOLDER / name).base_params["encoder_params"]["activation_fn"]
    result = np.asarray(activation(np.array([-50.0, 0.0, 50.0], "float32")))
    np.testing.assert_allclose(result, [0.0, 0.0, limit], atol=1e-5)


def test_loading_leaves_the_interpreter_as_it_was():
    load_config(FOLDER / "quartznet_cosine.py")  # what it imports of ours is there from now on
    before = (dict(sys.modules), list(sys.meta_path), list(sys.path), builtins.__import__)
    for path in CONFIGS:
        load_config(path)
    assert (dict(sys.modules), sys.meta_path, sys.path, builtins.__import__) == before


@pytest.mark.parametrize(
    "statement",
    [
        "import tensorflow.contrib.layers",
        "from tensorflow import contrib",
        "from open_seq2seq.encoders import Wave2LetterEncoder",
        "import open_seq2seq.encoders.tdnn_encoder",
        "import shared_quartznet",
    ],
)
def test_old_names_are_offered_only_while_a_config_loads(statement):
    load_config(FOLDER / "quartznet_cosine.py")
    importlib.invalidate_caches()
    with pytest.raises(ImportError):
        exec(statement, {})


def test_two_folders_may_have_modules_of_the_same_name(tmp_path):
    widths = []
    for folder, width in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sizes_of_test.py").write_text(f"width = {width}\n")
        text = """
            import sizes_of_test
            base_model = object

            def again():
                from sizes_of_test import width
                return width

            base_params = {"width": sizes_of_test.width, "again": again}
        """
        (tmp_path / folder / "config.py").write_text(textwrap.dedent(text))
        params = load_config(tmp_path / folder / "config.py").base_params
        widths += [params["width"], params["again"]()]
    assert widths == [1, 1, 2, 2]


def test_a_package_beside_the_config_has_the_old_names_too(tmp_path):
    (tmp_path / "blocks_of_test").mkdir()
    (tmp_path / "blocks_of_test/__init__.py").write_text("from .inner import dtype\n")
    (tmp_path / "blocks_of_test/inner.py").write_text("import tensorflow as tf\ndtype=tf.float16")
    text = "from blocks_of_test import dtype\nbase_model = object\nbase_params = {'d': dtype}\n"
    (tmp_path / "config.py").write_text(text)
    assert load_config(tmp_path / "config.py").base_params == {"d": "float16"}


def test_a_package_that_others_use_is_not_the_configs(tmp_path, monkeypatch):
    """A config may lie beside this framework, or beside a virtual environment."""
    (tmp_path / "package_of_all").mkdir()
    (tmp_path / "package_of_all/__init__.py").write_text("")
    (tmp_path / "package_of_all/inner.py").write_text("import tensorflow\nname = str(tensorflow)")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("package_of_all")
    text = """
        from package_of_all.inner import name
        import tensorflow
        base_model = object
        base_params = {"theirs": name, "mine": str(tensorflow)}
    """
    (tmp_path / "config.py").write_text(textwrap.dedent(text))
    params = load_config(tmp_path / "config.py").base_params
    assert params["theirs"] == str(sys.modules["tensorflow"]) != params["mine"]
    assert "package_of_all.inner" in sys.modules
    for name in ("package_of_all.inner", "package_of_all"):
        del sys.modules[name]


# Runs where TensorFlow cannot be imported: Keras computes with NumPy.
WITHOUT_TENSORFLOW = """
    import sys
    import numpy as np

    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "tensorflow":
                raise ModuleNotFoundError(f"refused: {name}", name=name)

    sys.meta_path.insert(0, Refuse())
    from open_seq2seq.config.loading import load_config
    for path in sys.argv[1:]:
        params = load_config(path).base_params
        activation = params["encoder_params"]["activation_fn"]
        print(path, activation(np.array([-1.0, 3.0], "float32")))
    assert "tensorflow" not in sys.modules
"""


@pytest.mark.slow
def test_loads_without_tensorflow():
    # Keras has no other backend that does without it but JAX (its NumPy one needs JAX too).
    command = [sys.executable, "-c", textwrap.dedent(WITHOUT_TENSORFLOW), *map(str, CONFIGS)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(CONFIGS)


def test_what_has_no_effect_is_said_once():
    (mel,) = notes("jasper_novograd.py", "train")
    assert mel.startswith("data_layer_params/precompute_mel_basis: no effect here")
    (_, tensorrt) = notes("jasper_novograd.py", "infer")
    assert tensorrt.startswith("use_trt, trt_max_workspace_size_bytes, trt_precision_mode, ")
    assert "TensorRT" in tensorrt
    assert any(
        note.startswith("encoder_params/data_format") for note in notes("ds2_gru.py", "eval")
    )
    assert notes("every_tensorflow_name.py", "train") == []
