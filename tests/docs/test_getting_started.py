"""The guide to one's own recordings, followed from first to last."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from open_seq2seq import cli

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_data  # noqa: E402

TOY = ROOT / "open_seq2seq/test_utils/toy_speech_data"
# What makes the guide's network small and its training short, in the copy that the guide makes.
SMALLER = {
    '"rnn_cell_dim": 256': '"rnn_cell_dim": 8',
    '"n_hidden": 256': '"n_hidden": 8',
    '"num_channels": 32': '"num_channels": 2',
    '"num_epochs": 60': '"max_steps": 2',
}


def guide():
    """The section, from its heading to the page's end."""
    text = (ROOT / "docs/getting_started.md").read_text()
    return text[text.index("## Your own recordings") :]


def commands(text):
    """The indented lines that are commands, as lists of words."""
    lines = re.findall(r"^ {7,}((?:cp|python|tensorboard) .*)$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout's folder with the data that the guide's reader brings."""
    for name in ("example_configs", "example_data", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    rows = (TOY / "toy_data.csv").read_text().splitlines()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/recordings").symlink_to(TOY / "recordings")
    for name, part in (("train", rows[1:3]), ("dev", rows[3:5])):
        # As people write: a capital and a full stop.
        part = [re.sub(r",([^,]+)$", lambda m: f",{m[1].capitalize()}.", row) for row in part]
        (tmp_path / f"data/{name}.csv").write_text("\n".join([rows[0], *part]) + "\n")
    samples = np.random.default_rng(0).normal(0, 0.1, 16000)
    for name in ("a.wav", "b.mp3"):
        soundfile.write(tmp_path / name, samples, 16000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(words):
    """Does what a command says, in this process; its exit code."""
    program, *arguments = words
    if program == "cp":
        shutil.copy(*arguments)
        return 0
    assert program == "python"
    main = {"run.py": cli.main, "scripts/check_data.py": check_data.main}[arguments[0]]
    return main(arguments[1:])


def test_the_guide_works_as_it_is_written(checkout, capsys):
    done = []
    for words in commands(guide()):
        if words[0] == "tensorboard":
            beside = str(Path(sys.executable).parent)  # whether the environment is active or not
            assert shutil.which("tensorboard", path=beside) and Path(words[2]).is_dir()
        else:
            assert run(words) == 0, (words, capsys.readouterr().err)
        if words[0] == "cp":
            config = Path(words[2])
            text = config.read_text()
            for usual, small in SMALLER.items():
                assert usual in text
                text = text.replace(usual, small)
            config.write_text(text)
        done.append(words[1].rpartition("/")[2])
    assert done == ["own_recordings.py", "check_data.py", "run.py", "--logdir", *["run.py"] * 3]
    assert Path("report.html").read_text().startswith("<!DOCTYPE html>")
    assert len(Path("out.csv").read_text().splitlines()) == 3

    example = re.search(r"```python\n(.*?)```", guide(), re.DOTALL)[1].replace("\n   ", "\n")
    capsys.readouterr()
    exec(example.strip(), {"samples": np.zeros(8000, np.float32)})
    assert len(capsys.readouterr().out.splitlines()) >= 2
