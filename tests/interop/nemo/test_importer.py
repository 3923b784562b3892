"""Small models in NeMo's layout: imported, they give what the formulas give."""

import copy
from dataclasses import replace

import keras
import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.interop.nemo.importer import import_model
from open_seq2seq.interop.nemo.source import read_nemo
from tests.interop.nemo import conformers, models
from tests.interop.nemo.conformer_formulas import Formulas
from tests.interop.nemo.torch_writer import write_nemo

# A model is built in each.
SLOW = pytest.mark.slow


def signal(count, seed=3):
    rng = np.random.default_rng(seed)
    return (0.2 * rng.standard_normal(count)).astype(np.float32)


def imported(tmp_path, config, state, era=None, mode="w"):
    path = write_nemo(tmp_path / "model.nemo", config, state, mode)
    return import_model(read_nemo(path), tmp_path / "run", era)


@pytest.mark.parametrize(
    "name",
    [
        "quartznet",
        pytest.param("jasper", marks=pytest.mark.slow),
        pytest.param("citrinet", marks=pytest.mark.slow),
    ],
)
def test_log_probabilities_are_those_of_the_formulas(name, tmp_path):
    state = models.tensors(name)
    result = imported(tmp_path, models.config(name), state)
    assert result.used.used.keys() | result.used.unused.keys() == state.keys()
    recognizer = Recognizer.load(tmp_path / "run/config.py")
    signals = [signal(9000), signal(4111, 4), signal(16000, 5)]
    options = result.experiment.speech_data.extractor.options
    extract = FeatureExtractor(replace(options, filters_file=str(tmp_path / "run/front_end.npz")))
    expected = [models.log_probs(name, state, extract(one)) for one in signals]
    alone = [recognizer.log_probs([one])[0] for one in signals]
    for found in (alone, recognizer.log_probs(signals)):
        for one, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, wanted, rtol=0, atol=2e-4)


@SLOW
def test_convolutions_without_masks_are_those_of_one_recording_without_padding(tmp_path):
    """Also in a batch, where NeMo's own would see the padding."""
    state = {name.replace(".conv.", "."): one for name, one in models.tensors("quartznet").items()}
    config = changed(models.config("quartznet"), "encoder/conv_mask", False)
    result = imported(tmp_path, config, state)
    assert any("conv_mask is false" in note for note in result.notes)
    recognizer = Recognizer.load(tmp_path / "run/config.py")
    signals = [signal(9000), signal(4111, 4), signal(16000, 5)]
    options = result.experiment.speech_data.extractor.options
    extract = FeatureExtractor(replace(options, filters_file=str(tmp_path / "run/front_end.npz")))
    masked = models.tensors("quartznet")
    for one, found in zip(signals, recognizer.log_probs(signals), strict=True):
        expected = models.log_probs("quartznet", masked, extract(one))
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)


@SLOW
@pytest.mark.parametrize("name", conformers.CONFIGS)
def test_log_probabilities_of_conformers_are_those_of_the_formulas(name, tmp_path):
    state = conformers.tensors(name)
    result = imported(tmp_path, conformers.config(name), state)
    assert result.used.used.keys() | result.used.unused.keys() == state.keys()
    assert all(one.endswith("num_batches_tracked") for one in result.used.unused)
    recognizer = Recognizer.load(tmp_path / "run/config.py")
    signals = [signal(9000), signal(4111, 4), signal(16000, 5)]
    options = result.experiment.speech_data.extractor.options
    extract = FeatureExtractor(replace(options, filters_file=str(tmp_path / "run/front_end.npz")))
    formulas = Formulas(name, state)
    expected = [formulas.log_probs(extract(one)) for one in signals]
    alone = [recognizer.log_probs([one])[0] for one in signals]
    for found in (alone, recognizer.log_probs(signals)):
        for one, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, wanted, rtol=0, atol=2e-4)


@SLOW
def test_an_older_file_has_the_older_front_end(tmp_path):
    config = models.config("quartznet", nemo_version="1.20.0")
    result = imported(tmp_path, config, models.tensors("quartznet"), mode="w:gz")
    assert result.era.era.name == "1.0-2.4" and "1.20.0" in result.era.reason
    options = result.experiment.speech_data.extractor.options
    assert (options.edges, options.frame_count) == ("reflected", "centred")


@SLOW
def test_the_user_says_which_front_end(tmp_path):
    config = models.config("quartznet", nemo_version="3.0.0")
    result = imported(tmp_path, config, models.tensors("quartznet"), era="0.x")
    assert result.era.era.name == "0.x"


@SLOW
def test_nothing_is_written_over_a_model(tmp_path):
    imported(tmp_path, models.config("quartznet"), models.tensors("quartznet"))
    with pytest.raises(InputError, match="no place"):
        imported(tmp_path, models.config("quartznet"), models.tensors("quartznet"))


def changed(config, path, value):
    """The config with another value at `a/0/b`."""
    config = copy.deepcopy(config)
    part = config
    *parts, last = path.split("/")
    for key in parts:
        part = part[int(key)] if key.isdigit() else part[key]
    part[last] = value
    return config


REFUSED = [
    ("target", "nemo.collections.asr.models.EncDecRNNTModel"),
    ("encoder/_target_", "nemo.collections.asr.modules.SqueezeformerEncoder"),
    ("encoder/normalization_mode", "group"),
    ("encoder/jasper/1/groups", 2),
    ("encoder/jasper/1/heads", 4),
    ("encoder/jasper/1/residual_mode", "max"),
    ("encoder/jasper/3/future_context", 1),
    ("preprocessor/_target_", "nemo.collections.asr.modules.AudioToMFCCPreprocessor"),
    ("preprocessor/exact_pad", True),
    ("preprocessor/use_torchaudio", True),
    ("preprocessor/window_stride", 0.01001),
    ("preprocessor/normalize", {"fixed_mean": [0.0], "fixed_std": [1.0]}),
    ("preprocessor/features", 17),
    ("preprocessor/n_fft", 256),
    ("decoder/num_classes", 9),
    ("sample_rate", "sixteen"),
]


@pytest.mark.parametrize(("path", "value"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_cannot_be_exact_is_refused_by_name(path, value, tmp_path):
    config = changed(models.config("quartznet"), path, value)
    if path == "sample_rate":
        del config["preprocessor"]["sample_rate"]
    with pytest.raises(InputError) as raised:
        imported(tmp_path, config, models.tensors("quartznet"))
    assert len(raised.value.problems) == 1 and str(raised.value).count("\n") == 1
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob(".import_*"))


CONFORMER_REFUSED = [
    ("subsampling", "vggnet"),
    ("subsampling", "striding_conv1d"),
    ("self_attention_model", "abs_pos"),
    ("reduction", "striding"),
    ("global_tokens", 1),
    ("conv_norm_type", "instance_norm"),
    ("att_context_size", [1, 2, 3]),
]


@pytest.mark.parametrize(("key", "value"), CONFORMER_REFUSED, ids=str)
def test_conformers_that_cannot_be_exact_are_refused_by_name(key, value, tmp_path):
    config = changed(conformers.config("conformer"), f"encoder/{key}", value)
    with pytest.raises(InputError, match=key):
        imported(tmp_path, config, conformers.tensors("conformer"))


def test_unequal_local_attention_is_refused(tmp_path):
    config = changed(conformers.config("conformer"), "encoder/self_attention_model",
                     "rel_pos_local_attn")  # fmt: skip
    config["encoder"]["att_context_size"] = [8, 5]
    with pytest.raises(InputError, match="misplaces"):
        imported(tmp_path, config, conformers.tensors("conformer"))


@SLOW
def test_tensors_that_do_not_fit_are_listed(tmp_path):
    state = models.tensors("quartznet")
    del state["encoder.encoder.1.mconv.0.conv.weight"]
    state["encoder.encoder.2.mconv.1.conv.weight"] = np.ones((3, 4, 1), np.float32)
    state["encoder.encoder.0.adapter_layer.a.weight"] = np.ones(3, np.float32)
    state["decoder.decoder_layers.0.bias"][2] = np.nan
    with pytest.raises(InputError) as raised:
        imported(tmp_path, models.config("quartznet"), state)
    found = {problem.where for problem in raised.value.problems}
    assert found == {
        "encoder.encoder.1.mconv.0.conv.weight",
        "encoder.encoder.2.mconv.1.conv.weight",
        "encoder.encoder.0.adapter_layer.a.weight",
        "decoder.decoder_layers.0.bias",
    }


@SLOW
def test_a_hybrid_models_transducer_is_left_out(tmp_path):
    config = models.config("quartznet")
    config["target"] = "nemo.collections.asr.models.EncDecHybridRNNTCTCModel"
    config["aux_ctc"] = {"decoder": {**config.pop("decoder"), "vocabulary": []}}
    state = {
        name.replace("decoder.", "ctc_decoder.", 1) if name.startswith("decoder.") else name: one
        for name, one in models.tensors("quartznet").items()
    }
    state["decoder.prediction.embed.weight"] = np.ones((6, 4), np.float32)
    state["joint.enc.weight"] = np.ones((4, 20), np.float32)
    result = imported(tmp_path, config, state)
    assert "transducer" in result.used.unused["joint.enc.weight"]


@SLOW
def test_labels_of_several_letters(tmp_path):
    labels = ["a", "ab", "B", "#c", " "]
    config = models.config("quartznet")
    config["labels"] = config["decoder"]["vocabulary"] = labels
    result = imported(tmp_path, config, models.tensors("quartznet"))
    vocabulary = result.experiment.data.vocabulary
    assert list(vocabulary.symbols) == labels
    assert vocabulary.decode([1, 4, 3]) == "ab #c"
    assert vocabulary.encode("aab B").tolist() == [0, 1, 4, 2]


@SLOW
def test_a_beta_has_its_parameters_one_level_down(tmp_path):
    config = models.config("jasper")
    for part in ("preprocessor", "encoder", "decoder"):
        target = config[part].pop("_target_")
        config[part] = {"cls": target, "params": config[part]}
    imported(tmp_path, config, models.tensors("jasper"))


@SLOW
def test_interpolations_are_resolved(tmp_path):
    config = models.config("quartznet")
    config["decoder"]["vocabulary"] = "${model.labels}"
    config["preprocessor"]["sample_rate"] = "${sample_rate}"
    imported(tmp_path, config, models.tensors("quartznet"))


@SLOW
def test_half_precision_is_widened(tmp_path):
    state = models.tensors("quartznet")
    names = [name for name in state if name.endswith("conv.weight")]
    halves = state | {name: state[name].astype(np.float16) for name in names[:2]}
    bits = state[names[2]].view(np.uint32) >> 16
    halves[names[2]] = bits.astype(np.uint16)
    result = imported(tmp_path, models.config("quartznet"), halves)
    variables = {v.path: v for v in result.experiment.model.variables}
    found = next(v for path, v in variables.items() if path.endswith("conv21/depthwise_kernel"))
    expected = (bits << 16).view(np.float32).transpose(2, 0, 1)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), expected)
