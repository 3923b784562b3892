"""A scorer package of DeepSpeech as lm_path: its alpha, beta and scoring, unless others are set."""

import math
import re
import struct

import numpy as np
import pytest

from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.inference.recognizer import Recognizer
from tests.ctc_decoder_with_lm.language_model_files import build_binary
from tests.training.test_beam_search import ARPA

WORDS = ["ab", "ba", "ca", "cab", "bac", "b"]


@pytest.fixture
def package(corpus):
    """The corpus with a package of alpha 0.75 and beta 0.5; flags that decode with it."""
    (corpus / "lm.arpa").write_text(ARPA)
    path = build_binary(corpus / "lm.arpa", corpus / "kenlm.scorer", "-v", "trie")
    path.write_bytes(path.read_bytes() + b"EIRT" + struct.pack("<i?dd", 6, False, 0.75, 0.5))
    (corpus / "words.txt").write_text("\n".join(WORDS))
    return {"use_language_model": True, "lm_path": path, "lexicon_path": corpus / "words.txt"}


def arguments(params):
    return [f"--decoder_params/{name}={value}" for name, value in params.items()]


def decoder_params(corpus, params, mode="eval"):
    config = load_config(corpus / "config.py")
    return effective_params(config, split_arguments(arguments(params)), mode)["decoder_params"]


def test_what_is_not_set_is_the_packages(corpus, package, capsys):
    found = decoder_params(corpus, package)
    assert (found["lm_scoring"], found["alpha"], found["beta"]) == ("deepspeech", 0.75, 0.5)
    said = capsys.readouterr().out
    assert f"{package['lm_path']}: lm_scoring deepspeech, alpha 0.75, beta 0.5" in said
    found = decoder_params(corpus, {**package, "beta": 2.0}, "infer")
    assert (found["lm_scoring"], found["alpha"], found["beta"]) == ("deepspeech", 0.75, 2.0)
    found = decoder_params(corpus, {**package, "lm_scoring": "openseq2seq", "alpha": 1.5})
    assert (found["lm_scoring"], found["alpha"], found["beta"]) == ("openseq2seq", 1.5, 0.5)
    # alpha multiplies log10 probabilities there.
    found = decoder_params(corpus, {**package, "lm_scoring": "openseq2seq"})
    assert found["alpha"] == pytest.approx(0.75 * math.log(10))


def test_other_models_and_training_keep_their_defaults(corpus, package):
    for params, mode in (
        ({**package, "lm_path": corpus / "lm.arpa"}, "eval"),
        ({**package, "lm_path": corpus / "gone.scorer"}, "eval"),
        ({**package, "use_language_model": False}, "eval"),
        (package, "train"),
    ):
        if mode == "train":
            params = {**params}
            config = load_config(corpus / "config.py")
            found = effective_params(config, split_arguments(arguments(params)), mode)
            assert "alpha" not in found["decoder_params"]
        else:
            assert not {"alpha", "beta", "lm_scoring"} & decoder_params(corpus, params, mode).keys()


def test_decoding_is_that_of_its_values(corpus, package):
    config = load_config(corpus / "config.py")
    params = effective_params(config, split_arguments(arguments(package)), "infer")
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    recognizer = Recognizer.of(experiment)
    symbols = recognizer.vocabulary.symbols
    logits = np.random.default_rng(0).normal(0, 2, (3, 40, len(symbols) + 1)).astype(np.float32)
    lengths = np.full(3, 40)
    found = recognizer.decoder.decode(logits, lengths)
    # The same model with its words, and the values as arguments.
    decoder = BeamSearchDecoder(
        symbols, LanguageModel(corpus / "lm.arpa"), "deepspeech", lexicon=WORDS
    )
    width = experiment.params["decoder_params"]["beam_width"]
    wanted = decoder.decode_batch(logits, lengths, alpha=0.75, beta=0.5, beam_width=width)
    other = decoder.decode_batch(logits, lengths, alpha=2.0, beta=1.0, beam_width=width)
    assert [(one.text, one.score) for one in found] == [
        (one.text, pytest.approx(one.score)) for one in wanted
    ]
    assert [one.score for one in found] != [pytest.approx(one.score) for one in other]


@pytest.mark.slow
def test_evaluation_and_inference_by_the_package(corpus, package, run):
    assert run("--mode=train", "--max_steps=30", "--lr_policy_params/learning_rate=0.03")[0] == 0
    given = {**package, "lm_path": corpus / "lm.arpa", "lm_scoring": "deepspeech", "alpha": 0.75,
             "beta": 0.5}  # fmt: skip
    written = []
    for name, params in (("package", package), ("given", given)):
        flags = arguments(params)
        code, _, err = run("--mode=eval", f"--eval_report={corpus / name}.txt", *flags)
        assert code == 0, err
        report = (corpus / f"{name}.txt").read_text()
        assert re.search(r"^Alpha +0\.75$", report, re.MULTILINE)
        assert re.search(r"^Beta +0\.5$", report, re.MULTILINE)
        assert "scoring deepspeech" in report
        out = corpus / f"{name}.csv"
        assert run("--mode=infer", f"--infer_output_file={out}", *flags)[0] == 0
        written.append(out.read_text())
    assert written[0] == written[1]
