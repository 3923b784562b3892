"""A recogniser of an exported folder is the recogniser of the same network in Python."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from open_seq2seq.data.audio import resample
from open_seq2seq.decoders.factory import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError
from open_seq2seq.exported import DESCRIPTION, ExportedFile, ExportedModel, Probe
from open_seq2seq.exported.file import LEXICON, LM, MODEL
from open_seq2seq.features.fingerprint import probe_signal
from open_seq2seq.inference import model_choice
from open_seq2seq.inference.front_end import RawSamples
from open_seq2seq.inference.recognizer import Recognizer, RecordingsLeftOut
from open_seq2seq.inference.runtimes import RUNTIMES
from open_seq2seq.vocabulary import SymbolTable
from tests.exported_models import (
    FRAME_SHIFT,
    HOP,
    LEVELS,
    RATE,
    SEGMENTATION,
    SYMBOLS,
    network,
    onnx_bytes,
    speech,
    spoken,
    write_exported,
)
from tests.fuzzing import COUNTS, fuzz_file

WORDS = ("ab", "cab", "abba", "b", "caca")
ARPA = """\\data\\
ngram 1=8
ngram 2=3

\\1-grams:
-1.5\t<unk>
-99\t<s>\t-0.3
-0.9\t</s>
-0.7\tab\t-0.3
-0.8\tcab\t-0.3
-0.9\tabba\t-0.3
-1.1\tb\t-0.3
-1.3\tcaca\t-0.3

\\2-grams:
-0.2\tab cab
-0.3\tcab abba
-0.4\t<s> ab

\\end\\
"""
BEAM = {"use_language_model": True, "lm_scoring": "standard", "alpha": 0.7, "beta": 0.9,
        "beam_width": 24, "nbest": 3}  # fmt: skip


class NumPyNetwork:
    """A `Network` of samples."""

    def compute(self, inputs, labels=None):
        found = [network(samples).astype(np.float32) for samples in inputs]
        return found, [None] * len(found)


def in_python(decoder_params, batch_size=3):
    params = DECODER_PARAMS.parse(decoder_params)
    return Recognizer(
        RawSamples(RATE, HOP),
        NumPyNetwork(),
        SymbolTable(SYMBOLS),
        make_decoder(params, SymbolTable(SYMBOLS), FRAME_SHIFT),
        frame_shift=FRAME_SHIFT,
        time_stride=1,
        segmentation=SEGMENTATION,
        batch_size=batch_size,
        trained_on={"longest": 2.0, "mean": 1.0},
    )


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    path.write_text(ARPA)
    return path


@pytest.fixture(scope="module")
def with_lm(everything, lm, tmp_path_factory):
    """A folder with a language model and a lexicon, which its decoder uses."""
    folder = tmp_path_factory.mktemp("with_lm")
    (folder / "lm.arpa").write_bytes(lm.read_bytes())
    (folder / "lexicon.txt").write_text("\n".join(WORDS))
    decoder = {**BEAM, "lm_path": "lm.arpa", "lexicon_path": "lexicon.txt"}
    files = {"lm.arpa": ExportedFile(LM), "lexicon.txt": ExportedFile(LEXICON)}
    write_exported(folder, decoder=DECODER_PARAMS.parse(decoder), files=files)
    return folder


def sentences(count, seed, pause=""):
    rng = np.random.default_rng(seed)
    parts = [spoken(" ".join(rng.choice(WORDS, 4)), rng) + "-" + pause for _ in range(count)]
    return speech("".join(parts), rng)


def assert_same(found, expected):
    """Results that differ by the rounding of log-probabilities."""
    assert found.text == expected.text and found.text.strip()
    assert [w[:3] for w in found.words] == [w[:3] for w in expected.words]
    assert found.tokens == expected.tokens
    confidences = [[w.confidence for w in one.words] for one in (found, expected)]
    np.testing.assert_allclose(*confidences, atol=1e-4)
    assert found.score == pytest.approx(expected.score, abs=1e-3, rel=1e-4)
    assert found.lm_score == pytest.approx(expected.lm_score, abs=1e-4)
    assert len(found.nbest) == len(expected.nbest)
    for one, other in zip(found.nbest, expected.nbest):
        assert (one.text, one.bonus_count) == (other.text, other.bonus_count)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_gives_texts_times_and_confidences(everything, runtime):
    audio = [sentences(1, seed) for seed in range(12)] + [sentences(12, 20, "." * 40)]
    recognizer = Recognizer.load(everything, runtime=runtime, threads=1)
    reference = in_python({})
    assert recognizer.recordings.is_long(len(audio[-1]) / RATE)
    for found, expected in zip(recognizer.transcribe(audio), reference.transcribe(audio)):
        assert_same(found, expected)
    for found, expected in zip(recognizer.log_probs(audio), reference.log_probs(audio)):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_beam_search_is_the_folders(with_lm, lm):
    audio = [sentences(1, seed) for seed in range(6)] + [sentences(9, 21)]
    lexicon = with_lm / "lexicon.txt"
    reference = in_python({**BEAM, "lm_path": str(lm), "lexicon_path": str(lexicon)})
    found = Recognizer.load(with_lm, threads=2).transcribe(audio)
    assert len(found[0].nbest) > 1
    for one, expected in zip(found, reference.transcribe(audio)):
        assert_same(one, expected)


def test_parameters_can_be_overridden(with_lm, lm, tmp_path):
    audio = [sentences(2, 5)]
    greedy = Recognizer.load(with_lm, ["--decoder_params/use_language_model=False"])
    assert_same(greedy.transcribe(audio)[0], in_python({}).transcribe(audio)[0])
    flags = ["--decoder_params/lexicon_path=None", "--decoder_params/alpha=0.1",
             f"--decoder_params/lm_path={lm}"]  # fmt: skip
    reference = in_python({**BEAM, "alpha": 0.1, "lm_path": str(lm)})
    found = Recognizer.load(with_lm, flags).transcribe(audio)
    assert_same(found[0], reference.transcribe(audio)[0])
    whole = Recognizer.load(with_lm, ["--segmentation/enabled=False"])
    assert not whole.recordings.is_long(1000.0)
    with pytest.raises(InputError, match="Did you mean --decoder_params/beam_width"):
        Recognizer.load(with_lm, ["--decoder_params/beam_widht=3"])
    with pytest.raises(InputError, match=r"found 0 .*, expected at least 1"):
        Recognizer.load(with_lm, ["--decoder_params/beam_width=0"])


def test_paths_integers_and_other_rates(everything, tmp_path):
    samples = np.round(sentences(1, 7) * 32768) / 32768
    integers = np.round(samples * 32768).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", integers, RATE)
    recognizer = Recognizer.load(everything)
    audio = [tmp_path / "a.wav", str(tmp_path / "a.wav"), samples, integers]
    for logits in recognizer.logits(audio):
        np.testing.assert_allclose(logits, network(samples), atol=1e-4)
    (other,) = recognizer.logits(samples.astype(np.float32), sample_freq=11025)
    converted = resample(samples.astype(np.float32), 11025, RATE)
    np.testing.assert_allclose(other, network(converted), atol=1e-4)


def test_what_cannot_be_read_costs_nobody_else(everything, tmp_path):
    recognizer = Recognizer.load(everything)
    audio = [sentences(1, 3), tmp_path / "gone.wav", np.full(80, np.nan), np.zeros((80, 2))]
    with pytest.raises(RecordingsLeftOut) as raised:
        recognizer.transcribe(audio)
    assert [one is None for one in raised.value.results] == [False, True, True, True]
    places = [problem.where for problem in raised.value.problems]
    assert places == [str(tmp_path / "gone.wav"), "audio[2]", "audio[3]"]


def test_the_most_precise_and_fastest_model_is_chosen(everything, monkeypatch):
    described = ExportedModel.read(everything)
    choose = model_choice.choose_model
    assert choose(described) == "model.onnx"
    assert choose(described, "litert") == "model.tflite"
    whole = {**described.files, "small.onnx": ExportedFile(MODEL, "onnxruntime", "int8", 1),
             "one.onnx": ExportedFile(MODEL, "onnxruntime", "float32", 1)}  # fmt: skip
    described = replace(described, files=whole)
    assert choose(described) == "one.onnx"
    assert choose(described, precision="int8") == "small.onnx"
    assert model_choice.fitting_models(described)[-1] == "small.onnx"
    with pytest.raises(InputError, match=r"float32 openvino.*expected int8 openvino"):
        choose(described, "openvino", "int8")
    monkeypatch.setattr(model_choice, "is_installed", lambda runtime: runtime == "litert")
    assert choose(described) == "model.tflite"
    with pytest.raises(InputError, match="pip install 'open-seq2seq"):
        choose(described, "onnxruntime")


def test_arguments_of_another_kind_of_model_are_refused(everything, tmp_path):
    with pytest.raises(InputError, match="checkpoint='ckpt-5'"):
        Recognizer.load(everything, checkpoint="ckpt-5")
    (tmp_path / "config.py").write_text("")
    with pytest.raises(InputError, match=r"runtime='litert'(.|\n)*threads=2"):
        Recognizer.load(tmp_path / "config.py", runtime="litert", threads=2)
    with pytest.raises(InputError, match=DESCRIPTION):
        Recognizer.load(tmp_path)


def broken(folder, **changes):
    write_exported(folder, **changes)
    with pytest.raises(InputError) as refused:
        Recognizer.load(folder)
    assert len(refused.value.problems) == 1 and str(folder) in str(refused.value)
    return str(refused.value)


def test_a_model_that_computes_something_else_is_refused(tmp_path):
    assert "5 classes, expected 4" in broken(tmp_path / "a", symbols=SYMBOLS[:3])
    probe = Probe.of(network(probe_signal(RATE)))
    good = ExportedFile(MODEL, "onnxruntime", "float32", probe=probe)
    write_exported(tmp_path / "b", files={"model.onnx": good})
    assert Recognizer.load(tmp_path / "b")
    shifted = replace(probe, numbers=tuple(number + 0.02 for number in probe.numbers))
    for other in (shifted, replace(probe, shape=(59, 5))):
        file = replace(good, probe=other)
        assert "differ by up to" in broken(tmp_path / "b", files={"model.onnx": file})
    # What whole numbers give is another machine's affair.
    write_exported(
        tmp_path / "c",
        files={"model.onnx": replace(good, precision="int8", probe=shifted)},
    )
    assert Recognizer.load(tmp_path / "c")


def test_a_model_with_damaged_weights_is_refused(tmp_path):
    write_exported(tmp_path)
    levels = LEVELS.tobytes()
    damaged = onnx_bytes().replace(levels, levels[:-4] + np.float32(np.nan).tobytes())
    (tmp_path / "model.onnx").write_bytes(damaged)
    with pytest.raises(InputError, match="another content"):
        Recognizer.load(tmp_path)
    ExportedModel.read(tmp_path).write(tmp_path)  # as who made the damage might do
    with pytest.raises(InputError, match="NaN or infinity"):
        Recognizer.load(tmp_path)


def test_only_what_is_used_has_to_be_there(with_lm, tmp_path):
    for path in with_lm.iterdir():
        if path.name != "lm.arpa":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"lm\.arpa: found No such file"):
        Recognizer.load(tmp_path)
    assert Recognizer.load(tmp_path, ["--decoder_params/use_language_model=False"])


PROGRAM = """
import sys
for name in ("tensorflow", "keras", "jax", "torch"):
    sys.modules[name] = None  # whoever imports it fails
from open_seq2seq import Recognizer
recognizer = Recognizer.load(sys.argv[1], runtime=sys.argv[2], threads=1)
print(recognizer.transcribe([sys.argv[3]])[0].text)
foreign = {"pandas", "scipy", "matplotlib", "sentencepiece", "librosa", "rich", "jiwer",
           "safetensors"}
assert not foreign & set(sys.modules), foreign & set(sys.modules)
with open("/proc/self/status") as status:  # getrusage has the parent's memory before exec
    (peak,) = [int(line.split()[1]) for line in status if line.startswith("VmHWM")]
assert peak < 200 * 1024, peak
"""


@pytest.mark.parametrize("runtime", [one for one in RUNTIMES if one != "tensorflow"])
@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_a_process_without_tensorflow_transcribes(everything, with_lm, tmp_path, runtime, decoding):
    """And says nothing but the text, with less than 200 MB."""
    folder = everything
    if decoding == "beam":
        described, model = ExportedModel.read(with_lm), ExportedModel.read(everything)
        folder = tmp_path / "both"
        folder.mkdir()
        for path in (*with_lm.rglob("*"), *everything.rglob("*")):
            root = with_lm if path.is_relative_to(with_lm) else everything
            target = folder / path.relative_to(root)
            target.parent.mkdir(exist_ok=True)
            if path.is_file():
                target.write_bytes(path.read_bytes())
        replace(described, files={**model.files, **described.files}).write(folder)
    samples = sentences(1, 9)
    soundfile.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    command = [sys.executable, "-c", PROGRAM, str(folder), runtime, str(tmp_path / "a.wav")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    expected = Recognizer.load(folder, runtime=runtime).transcribe([samples])[0].text
    assert done.stdout == f"{expected}\n"


def test_the_description_is_plain_json(everything):
    value = json.loads((everything / DESCRIPTION).read_text())
    assert value["symbols"] == list(SYMBOLS) and value["files"]["model.tflite"]["batch"] == 1


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_descriptions_load_or_are_refused(with_lm, tmp_path, count):
    for path in with_lm.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    audio = [sentences(1, 3), sentences(9, 22)]

    def read(path):
        for flags in ([], ["--decoder_params/use_language_model=False"]):
            recognizer = Recognizer.load(path.parent, flags, threads=1)
            recognizer.transcribe(audio, on_error="skip")

    was_read, refused = fuzz_file(read, tmp_path / DESCRIPTION, 5, count)
    assert was_read and refused
