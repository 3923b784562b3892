"""What a release writes, kept for its successors to read: `python -m tests.releases.make_release`.

Writes tests/releases/VERSION/: the log directory of a run of the small corpus (config, record,
summary, checkpoints with averages), the exported folder with its stream, and what both say of
three recordings. Made once, when a release is made, and never again.
"""

import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from open_seq2seq import Recognizer
from open_seq2seq.cli import main
from open_seq2seq.version import __version__
from tests.training.conftest import CONFIG, write_corpus

HERE = Path(__file__).parent
RECORDINGS = [f"{number}.wav" for number in range(3)]
# Features that a stream can compute.
STREAMS = CONFIG.replace('"pad_to": 8,', '"pad_to": 8, "gain": 1 / 32768, "feature_norm": "fixed",')
TRAINING = ["--mode=train_eval", "--max_steps=60", "--eval_steps=30", "--save_checkpoint_steps=60",
            "--num_checkpoints=1", "--ema_decay=0.9"]  # fmt: skip


def make(target: Path) -> None:
    with TemporaryDirectory() as name:
        folder = write_corpus(Path(name), config=STREAMS)
        config = f"--config_file={folder}/config.py"
        assert main([config, *TRAINING]) == 0
        assert main(["export", config, "--formats", "onnx", f"--output={folder}/model"]) == 0
        recognizer = Recognizer.load(folder / "config.py")
        paths = [folder / recording for recording in RECORDINGS]
        log_probs = recognizer.log_probs(paths)
        texts = [result.text for result in recognizer.transcribe(paths)]
        target.mkdir()
        for kept in ("run", "model"):
            shutil.copytree(folder / kept, target / kept)
        for events in target.rglob("events.out.*"):
            events.unlink()
        (target / "config.txt").write_text(STREAMS)
        np.savez(target / "said.npz", texts=texts, **dict(zip(RECORDINGS, log_probs)))
        # A user's folder and interpreter.
        for path in (p for p in target.rglob("*") if p.suffix in (".json", ".txt", ".py", ".csv")):
            text = path.read_text().replace(name, "/corpus").replace(str(Path.cwd()), "/project")
            text = text.replace(folder.name, "corpus")
            path.write_text(re.sub(r'"[^"\s]*/bin/python[0-9.]*"', '"python"', text))


if __name__ == "__main__":
    place = HERE / __version__
    sys.exit(
        f"{place} is there: what a release wrote stays as it is" if place.exists() else make(place)
    )
