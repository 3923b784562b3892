"""The example configs: valid in every mode, as large as they say, and able to train."""

import ast
import math
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import sentencepiece
import soundfile

from open_seq2seq.checkpoints.logdir import LogDir
from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.inference.weights import load_weights
from open_seq2seq.training.trainer import Trainer

FOLDER = Path("example_configs/speech2text")
# Trainable parameters: OpenSeq2Seq's graphs', where it has the config.
PARAMETERS = {
    "citrinet_256": 9_767_441,
    "citrinet_512": 36_502_033,
    "conformer_ctc_small": 12_995_441,
    "crnn": 23_386_493,
    "deepspeech_neon": 50_693_789,
    "digits_conformer": 967_453,
    "digits_jasper_mini": 1_706_013,
    "ds2_large_8gpus": 58_971_133,
    "ds2_large_8gpus_mp": 58_971_133,
    "ds2_medium_4gpus": 25_721_341,
    "ds2_mini_librispeech": 7_422_397,
    "ds2_mini_librispeech_long": 7_422_397,
    "ds2_phonemes_mini_librispeech": 7_428_040,
    "ds2_small_1gpu": 9_993_469,
    "ds2_streaming_mini_librispeech": 7_381_021,
    "ds2_toy": 5_391_357,
    "fastconformer_ctc_large_streaming": 109_419_009,
    "jasper-Mini-for-Jetson": 8_192_733,
    "jasper10x5_LibriSpeech_nvgrad": 332_632_349,
    "jasper10x5_LibriSpeech_nvgrad_masks": 332_632_349,
    "lstm_small_1gpu": 3_458_077,
    "own_recordings": 4_890_045,
    "quartznet10x5_LibriSpeech": 12_822_621,
    "quartznet15x5_LibriSpeech": 19_193_949,
    "quartznet5x5_LibriSpeech": 6_714_973,
    "quartznet_streaming_mini_librispeech": 1_776_989,
    "w2l_large_8gpus": 105_774_877,
    "w2l_large_8gpus_mp": 105_774_877,
    "w2lplus_large_8gpus": 106_496_285,
    "w2lplus_large_8gpus_mp": 106_496_285,
}
# Ours, with results of their own instead of published ones.
OURS = (
    "digits_conformer",
    "digits_jasper_mini",
    "ds2_mini_librispeech",
    "ds2_mini_librispeech_long",
    "ds2_phonemes_mini_librispeech",
    "ds2_streaming_mini_librispeech",
    "own_recordings",
    "quartznet_streaming_mini_librispeech",
)
# The pieces of those with a SentencePiece model; others have the packaged file's 28 characters.
PIECES = {
    "citrinet_256": 256,
    "citrinet_512": 256,
    "conformer_ctc_small": 128,
    "fastconformer_ctc_large_streaming": 1024,
}
PHONEMES = {"ds2_phonemes_mini_librispeech": 39}
FAST = ("lstm_small_1gpu",)
MODES = ("train", "eval", "infer")


def path_of(name):
    return Path(__file__).parents[2] / FOLDER / f"{name}.py"


def filled(name, mode, overrides=()):
    config = load_config(path_of(name))
    params = effective_params(config, split_arguments(overrides), mode)
    return config.base_model.PARAMS.fill(params)


def test_every_example_is_in_the_table():
    names = {path.stem for path in path_of("x").parent.glob("*.py")}
    assert names == PARAMETERS.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_is_valid_in_every_mode_and_says_what_it_is(name):
    config = load_config(path_of(name))
    for mode in MODES:
        effective_params(config, [], mode)
    source = path_of(name).read_text()
    assert "infer_params" in source  # and not eval_params for want of it
    text = ast.get_docstring(ast.parse(source))
    assert f"python run.py --config_file={FOLDER / name}.py --mode=train_eval" in text
    assert f"Parameters: {PARAMETERS[name]:,}" in text
    if name not in OURS:
        assert "\nPublished: " in text and "\nRun here: " in text


def test_the_guide_has_every_example_with_its_size():
    guide = (Path(__file__).parents[2] / "docs/configs.md").read_text()
    for name, count in PARAMETERS.items():
        name = name.removesuffix("_mp").removesuffix("_masks")
        (row,) = [line for line in guide.splitlines() if line.startswith(f"| `{name}`")]
        assert f"| {count:,} |" in row


def built_without_values(make):
    """The number of a layer's trainable parameters, which never get values."""
    with keras.StatelessScope(initialize_variables=False):
        count = sum(math.prod(variable.shape) for variable in make().trainable_variables)
    keras.utils.clear_session(free_memory=False)
    return count


@pytest.mark.parametrize("name", PARAMETERS)
def test_has_as_many_parameters_as_it_says(name):
    params = filled(name, "train")
    given = params["encoder_params"]
    channels = given.get("n_hidden") or given.get("hidden_size")
    channels = channels or given["convnet_layers"][-1]["num_channels"]
    own = {"regularizer", "regularizer_params", "initializer", "initializer_params", "dtype"}
    own.add("look_ahead_seconds")  # of the data layer's frames: padding, not parameters

    def encoder():
        given = params["encoder_params"].items()
        layer = params["encoder"]({key: value for key, value in given if key not in own})
        layer.build((None, None, params["data_layer_params"]["num_audio_features"]), (None,))
        return layer

    decoder = (channels + 1) * (
        {**PIECES, **PHONEMES}.get(name, 28) + 1
    )  # the symbols and the blank
    assert built_without_values(encoder) + decoder == PARAMETERS[name]


@pytest.fixture
def corpus(tmp_path):
    """Two short recordings that match the 28 symbols of the packaged vocabulary."""
    rng = np.random.default_rng(0)
    rows = ["wav_filename,wav_filesize,transcript"]
    for index, text in enumerate(("ab", "cab")):
        seconds = 0.6 + 0.2 * index
        samples = 0.1 * rng.standard_normal(int(16000 * seconds))
        soundfile.write(tmp_path / f"{index}.wav", samples, 16000)
        rows.append(f"{index}.wav,0,{text}")
    (tmp_path / "data.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def pieces_of_docs(folder, count):
    """A SentencePiece model of so many pieces, made of words of the documentation."""
    texts = [path.read_text() for path in sorted((path_of("x").parents[2] / "docs").glob("*.md"))]
    words = re.findall("[a-z]+", " ".join(texts).lower())
    lines = (" ".join(words[first : first + 20]) for first in range(0, len(words), 20))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_prefix=str(folder / "pieces"),
        vocab_size=count,
        model_type="unigram",
        minloglevel=2,
    )
    return folder / "pieces.model"


def slow_unless_fast(names):
    return [
        name if name in FAST else pytest.param(name, marks=pytest.mark.slow)
        for name in names
        if not name.startswith("digits")  # the demonstration trains one, and their kinds are here
    ]


@pytest.mark.parametrize("name", slow_unless_fast(PARAMETERS))
def test_takes_a_training_step_and_round_trips_a_checkpoint(name, corpus):
    overrides = [
        f"--logdir={corpus / 'run'}",
        f"--data_layer_params/dataset_files=['{corpus / 'data.csv'}']",
        "--batch_size_per_gpu=2",
        "--num_epochs=None",
        "--max_steps=1",
    ]
    config = load_config(path_of(name))
    if name in PHONEMES:
        manifest = corpus / "data.csv"
        manifest.write_text(manifest.read_text().replace(",ab", ",AE B").replace(",cab", ",K AE B"))
    if name in PIECES:
        overrides.append(f"--data_layer_params/vocab_file={pieces_of_docs(corpus, PIECES[name])}")
    elif "warmup_steps" in config.base_params["lr_policy_params"]:
        overrides.append("--lr_policy_params/warmup_steps=0")  # its first rate is 0
    if config.base_params["data_layer_params"].get("feature_norm") == "running":
        # The command measures the statistics that it begins with.
        overrides.append("--data_layer_params/running_prior_frames=0")
    params = effective_params(config, split_arguments(overrides), "train")
    trained = make_experiment(params, config.base_model, "train")
    count = sum(math.prod(variable.shape) for variable in trained.model.trainable_variables)
    assert count == PARAMETERS[name]
    features = np.random.default_rng(1).standard_normal((2, 48, trained.data.num_features))
    inputs = features.astype("float32"), np.array([48, 31], "int32")
    before = np.asarray(trained.model(*inputs)[0])

    message = Trainer(trained, LogDir(corpus / "run", False)).run()
    assert message.startswith("Finished training: 1 steps")
    logits = np.asarray(trained.model(*inputs)[0])
    assert np.isfinite(logits).all() and not np.array_equal(logits, before)

    fresh = make_experiment({**params, "random_seed": 5}, config.base_model, "train")
    assert not np.array_equal(np.asarray(fresh.model(*inputs)[0]), logits)
    load_weights(fresh, corpus / "run" / "ckpt-1")
    np.testing.assert_array_equal(np.asarray(fresh.model(*inputs)[0]), logits)
