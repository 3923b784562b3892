"""The guide to one's own recordings, followed from first to last."""

import csv
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
import import_folder  # noqa: E402
import import_table  # noqa: E402
import split_data  # noqa: E402

TOY = ROOT / "open_seq2seq/test_utils/toy_speech_data"
# What makes the guide's network small and its training short, in the copy that the guide makes.
SMALLER = {
    '"rnn_cell_dim": 256': '"rnn_cell_dim": 8',
    '"n_hidden": 256': '"n_hidden": 8',
    '"num_channels": 32': '"num_channels": 2',
    '"num_epochs": 60': '"max_steps": 2',
}


MAINS = {
    "run.py": cli.main,
    "scripts/check_data.py": check_data.main,
    "scripts/import_folder.py": import_folder.main,
    "scripts/import_table.py": import_table.main,
    "scripts/split_data.py": split_data.main,
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
    rows = list(csv.DictReader((TOY / "toy_data.csv").open()))[:4]
    (tmp_path / "recordings").mkdir()
    table = ["sentence;file"]
    for row in rows:
        name = Path(row["wav_filename"]).name
        (tmp_path / "recordings" / name).symlink_to(TOY / row["wav_filename"])
        # As people write: a capital and a full stop.
        text = row["transcript"].capitalize() + "."
        (tmp_path / "recordings" / name).with_suffix(".txt").write_text(text + "\n")
        table.append(f"{text};recordings/{name}")
    (tmp_path / "clips.csv").write_text("\n".join(table))
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
    return MAINS[arguments[0]](arguments[1:])


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
    lists = ["import_folder.py", "import_table.py", "split_data.py"]
    rest = ["own_recordings.py", "check_data.py", "run.py", "--logdir", *["run.py"] * 3]
    assert done == [*lists, *rest]
    assert len(Path("data/clips.csv").read_text().splitlines()) == 5
    assert Path("report.html").read_text().startswith("<!DOCTYPE html>")
    assert len(Path("out.csv").read_text().splitlines()) == 2

    example = re.search(r"```python\n(.*?)```", guide(), re.DOTALL)[1].replace("\n   ", "\n")
    capsys.readouterr()
    exec(example.strip(), {"samples": np.zeros(8000, np.float32)})
    assert len(capsys.readouterr().out.splitlines()) >= 2
