"""A wheel in a fresh environment, without TensorFlow: beam search, an exported model, commands."""

import json
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ctc_decoder_with_lm import kenlm_source, library
from open_seq2seq import Recognizer
from open_seq2seq.kaldi_io import ArkWriter

from .exported_models import RATE, speech, write_exported
from .scoring import kaldi_files

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
# What an exported model needs besides the wheel; taken from this environment, not from the network.
LIGHT = {"numpy", "soundfile", "soxr", "onnxruntime", "typing_extensions"}
THEIRS = {"_soundfile", "_soundfile_data", "_cffi_backend", "cffi", "pycparser", "flatbuffers"}
# What the mode eval needs besides.
JIWER = {"jiwer", "rapidfuzz", "click"}
COMMAND = "import sys; from open_seq2seq.cli import main; sys.exit(main())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as `pip wheel` makes it, of one level, from the source distribution."""
    folder = tmp_path_factory.mktemp("wheel")
    backend = "import scikit_build_core.build as b, sys; print(b.build_sdist(sys.argv[1]))"
    done = run([sys.executable, "-c", backend, folder], cwd=ROOT)
    sdist = folder / done.splitlines()[-1]
    kenlm = kenlm_source.unpacked(library.folder())
    settings = {"KENLM_FOLDER": kenlm, "CTC_LEVELS": "generic", "TENSORFLOW_PYTHON": "/none"}
    given = [f"--config-settings=cmake.define.{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", *given]
    run([*command, "--no-index", "--wheel-dir", folder, sdist])
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A Python that has the wheel and a few packages."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = folder / "lib" / version / "site-packages"
    zipfile.ZipFile(wheel).extractall(packages)
    link_packages(packages, LIGHT | THEIRS)
    return folder / "bin" / "python"


def link_packages(folder, wanted):
    for place in {sysconfig.get_path("purelib"), *site.getsitepackages()}:
        for path in Path(place).iterdir():
            if path.name.partition(".")[0].partition("-")[0] in wanted:
                (folder / path.name).symlink_to(path)


def run(command, **more):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_beam_search_and_an_exported_model(python, tmp_path):
    write_exported(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", speech("aa-bb-  cc-aa"), RATE, "FLOAT")
    script = shutil.copy(ROOT / "tests" / "try_wheel.py", tmp_path)
    said = run([python, "-I", script, tmp_path / "model", tmp_path / "a.wav"], cwd=tmp_path)
    lines = dict(line.split(": ", 1) for line in said.splitlines())
    assert lines["beam search"].startswith("_core-generic")
    assert lines["with a language model"] == "ab"
    assert LIGHT - {"typing_extensions"} <= set(lines["packages"].split()) <= LIGHT | THEIRS
    recognizer = Recognizer.load(tmp_path / "model", runtime="onnxruntime")
    expected = recognizer.transcribe([tmp_path / "a.wav"])
    assert lines["recognised"] == expected[0].text


@pytest.fixture
def folder(tmp_path):
    """An exported model, a recording of "ab ca", and a manifest of it."""
    write_exported(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", speech("aa-bb-  cc-aa"), RATE, "FLOAT")
    (tmp_path / "test.csv").write_text("wav_filename,wav_filesize,transcript\na.wav,1,ab cb\n")
    return tmp_path


def test_transcripts(python, folder):
    recording = "infer --exported model --infer_files a.wav"
    assert run([python, "-Ic", COMMAND, *recording.split()], cwd=folder) == "ab ca\n"
    manifest = "infer --exported model --dataset_files test.csv --infer_output_file out.jsonl"
    run([python, "-Ic", COMMAND, *manifest.split()], cwd=folder)
    assert json.loads((folder / "out.jsonl").read_text())["text"] == "ab ca"


def test_listening_to_a_file(python, folder):
    line = "listen --exported model --file a.wav --speed 0"
    assert run([python, "-Ic", COMMAND, *line.split()], cwd=folder) == "0:00.00\tab ca\n"
    events = run([python, "-Ic", COMMAND, *line.split(), "--json"], cwd=folder).splitlines()
    assert json.loads(events[-1])["text"] == "ab ca"


def test_evaluation_needs_jiwer_and_says_so(python, folder):
    line = ["eval", "--exported", "model", "--dataset_files", "test.csv"]
    done = subprocess.run(
        [python, "-Ic", COMMAND, *line], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "The package jiwer is not installed" in done.stderr and not done.stdout
    (folder / "more").mkdir()
    link_packages(folder / "more", JIWER)
    with_jiwer = f"import sys; sys.path.append({str(folder / 'more')!r}); {COMMAND}"
    said = run([python, "-Ic", with_jiwer, *line], cwd=folder)
    assert "WER 50.00% (1 errors in 2 words)" in said and "CER 20.00% (1 in 5" in said


@pytest.mark.parametrize("device", ["CPU", "GNA_SW_EXACT"])
def test_scores(python, tmp_path, device):
    random = np.random.default_rng(0)
    layers = [
        (random.normal(size=(out, width)).astype(np.float32) / 2, np.zeros(out, np.float32))
        for out, width in ((16, 6), (9, 16))
    ]
    kaldi_files.write_text_dnn(tmp_path / "dnn.nnet", layers, softmax=False)
    features = random.normal(size=(20, 6)).astype(np.float32)
    with ArkWriter(tmp_path / "features.ark") as archive:
        archive.write("one", features)
    line = f"score -m dnn.nnet -i features.ark -o scores.npz -d {device} --quiet"
    run([python, "-Ic", COMMAND, *line.split()], cwd=tmp_path)
    expected = kaldi_files.dnn_by_hand(features, layers, softmax=False)
    # GNA's sigmoid is off by up to 0.01, which the last layer adds up.
    tolerance = 1e-5 if device == "CPU" else 0.01 * np.abs(layers[-1][0]).sum(axis=1).max()
    np.testing.assert_allclose(np.load(tmp_path / "scores.npz")["one"], expected, atol=tolerance)


def test_what_a_wheel_holds(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert [
        name for name in names if name.startswith("ctc_decoder_with_lm/libraries/_core-generic")
    ]
    for name in ("ctc_decoder_with_lm/_core.pyi", "ctc_decoder_with_lm/CMakeLists.txt",
                 "open_seq2seq/ops/native/CMakeLists.txt", "open_seq2seq/serving/page/index.html",
                 "open_seq2seq/py.typed"):  # fmt: skip
        assert name in names
    foreign = ("tests/", "docs/", "example_configs/", "open_seq2seq/ops/native/build")
    assert not [name for name in names if name.startswith(foreign)]
