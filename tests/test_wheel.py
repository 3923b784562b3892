"""A wheel in a fresh environment: the beam search and an exported model, without TensorFlow."""

import shutil
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

from ctc_decoder_with_lm import kenlm_source, library
from open_seq2seq import Recognizer

from .exported_models import RATE, speech, write_exported

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
# What an exported model needs besides the wheel; taken from this environment, not from the network.
LIGHT = {"numpy", "soundfile", "soxr", "onnxruntime", "typing_extensions"}
THEIRS = {"_soundfile", "_soundfile_data", "_cffi_backend", "cffi", "pycparser", "flatbuffers"}


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
    for place in {sysconfig.get_path("purelib"), *site.getsitepackages()}:
        for path in Path(place).iterdir():
            if path.name.partition(".")[0].partition("-")[0] in LIGHT | THEIRS:
                (packages / path.name).symlink_to(path)
    return folder / "bin" / "python"


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
