"""Scripts that are there because OpenSeq2Seq's guide names them."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from open_seq2seq.stored_logits.calibration import aligned_names, read_alignments
from tests.corpora.importers.layouts import librispeech_part

ROOT = Path(__file__).parents[2]
TOOL = """#!{python}
import sys
if "--arpa" in sys.argv:
    text = sys.stdin.read()
    open(sys.argv[sys.argv.index("--arpa") + 1], "w").write("\\\\data\\\\\\nngram 1=5\\n" + text)
else:
    open(sys.argv[-1], "w").write("binary")
"""


def script(name, *arguments):
    return runpy.run_path(str(ROOT / "scripts" / name))["main"](list(map(str, arguments)))


def shell(name, *arguments, cwd):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", str(ROOT / "scripts" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize(
    ("door", "says"),
    [
        ("scripts/nsr_create_syn_train_csv.py", "scripts/create_synthetic_data.py"),
        ("external_lm_rescore/process_beam_dump.py", "scripts/rescore.py --beam_dump="),
    ],
)
def test_a_door_names_what_took_its_place(door, says, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [door, "--beam_dump", "x"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / door), run_name="__main__")
    assert ended.value.code == 2 and says in capsys.readouterr().err


def test_the_streaming_recogniser_is_answered():
    with pytest.raises(ImportError, match=r"Recognizer\.load\(config\)\.stream\(\)"):
        runpy.run_path(str(ROOT / "frame_asr.py"))


def test_tests_and_builds_are_started_by_their_old_names(tmp_path):
    done = shell("run_all_tests.sh", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0 and "-m pytest -n" in done.stdout, done.stderr
    done = shell("install_decoders.sh", "--help", cwd=tmp_path)
    assert done.returncode == 0 and "C++ core" in done.stdout, done.stderr


def test_a_6_gram_of_a_mirrors_text(tmp_path):
    import gzip

    (tmp_path / "mirror").mkdir()
    with gzip.open(tmp_path / "mirror/librispeech-lm-norm.txt.gz", "wt") as file:
        file.write("A CAT SAT\n" * 3)
    (tmp_path / "bin").mkdir()
    for name in ("lmplz", "build_binary"):
        (tmp_path / "bin" / name).write_text(TOOL.format(python=sys.executable))
        (tmp_path / "bin" / name).chmod(0o755)
    arguments = ("--url", f"file://{tmp_path}/mirror", "--tools", tmp_path / "bin")
    done = shell("build_6-gram_OpenSLR_lm.sh", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "language_model/librispeech-lm-norm-lm.binary").read_text() == "binary"
    assert "a cat sat\n" in (tmp_path / "language_model/librispeech-lm-norm.arpa").read_text()


def test_sample_rates_are_changed(tmp_path, capsys):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "84/1").mkdir(parents=True)
    time = np.arange(22050) / 22050
    soundfile.write(source / "84/1/a.flac", np.sin(2 * np.pi * 440 * time) / 2, 22050)
    stereo = np.stack([np.full(8000, 0.5), np.full(8000, -0.25)], axis=1)
    soundfile.write(source / "b.wav", stereo, 8000)
    (source / "c.wav").write_bytes(b"RIFF no sound")
    arguments = (f"--source_dir={source}", f"--target_dir={target}", "--out_csv=True")
    assert script("change_sample_rate.py", *arguments) == 2
    assert "c.wav" in capsys.readouterr().err and not (target / "c.wav").exists()
    samples, rate = soundfile.read(target / "84/1/a.wav")
    assert rate == 16000 and len(samples) == 16000
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() == 440
    samples, rate = soundfile.read(target / "b.wav")
    assert rate == 16000 and np.median(samples) == pytest.approx(0.125, abs=1e-3)
    table = pd.read_csv(target / "recordings.csv")
    assert [Path(name).name for name in table.wav_filename] == ["a.wav", "b.wav"]
    assert script("change_sample_rate.py", *arguments) == 2
    assert "nothing is written over" in capsys.readouterr().err


def test_two_recordings_of_one_name_are_refused(tmp_path, capsys):
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, np.zeros(160), 16000)
    assert script("change_sample_rate.py", f"--source_dir={tmp_path}",
                  f"--target_dir={tmp_path}/out") == 2  # fmt: skip
    assert "the same name as" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.fixture
def dev_clean(tmp_path):
    librispeech_part(tmp_path / "calibration/LibriSpeech/dev-clean", {"84": 3})
    key = "#FILE_PATH_HERE#dev-clean/84/100/84-100-0001.wav"
    words = [{"case": "success", "alignedWord": "bbb", "start": 0.1, "end": 0.2}]
    (tmp_path / "theirs.json").write_text(json.dumps({key: {"transcript": "bbb", "words": words}}))
    return tmp_path


def test_the_files_of_the_calibration(dev_clean):
    """Alignments as OpenSeq2Seq's repository has them hold for recordings wherever they are."""
    calibration = dev_clean / "calibration"
    (calibration / "sample.csv").write_text("wav_filename\n#FILE_PATH_HERE#dev-clean/x.wav\n")
    arguments = ("--alignments", dev_clean / "theirs.json", "--url=file:///nowhere")
    done = shell("get_calibration_files.sh", *arguments, cwd=dev_clean)
    assert done.returncode == 0, done.stderr
    recordings = list(pd.read_csv(calibration / "sample.csv").wav_filename)
    assert len(recordings) == 3 and all(Path(name).is_file() for name in recordings)
    alignments = read_alignments(str(calibration / "target.json"))
    (aligned,) = aligned_names(recordings, alignments)
    assert aligned.endswith("dev-clean/84/100/84-100-0001.flac")
    (calibration / "sample.csv").write_text("mine\n")
    done = shell("get_calibration_files.sh", *arguments, cwd=dev_clean)
    assert done.stdout.count("is there already") == 2
    assert (calibration / "sample.csv").read_text() == "mine\n"


def test_without_its_files_the_calibration_says_where_they_come_from(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert script("calibrate_model.py", "--config_file=config.py") == 2
    assert "scripts/get_calibration_files.sh" in capsys.readouterr().err
    (tmp_path / "calibration").mkdir()
    (tmp_path / "calibration/target.json").write_text('{"a": []}')
    assert script("calibrate_model.py", "--config_file=config.py") == 2
    assert "scripts/get_calibration_files.sh" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_wrong_arguments_of_shell_scripts(tmp_path):
    done = shell("get_calibration_files.sh", "--from", "x", cwd=tmp_path)
    assert done.returncode == 2 and "unknown argument --from" in done.stderr
    assert not list(tmp_path.iterdir())
