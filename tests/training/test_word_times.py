"""scripts/calibrate_model.py runs a model; scripts/dump_to_time.py uses what it finds."""

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def script(name, *arguments):
    return runpy.run_path(str(ROOT / "scripts" / name))["main"](list(map(str, arguments)))


def times(path):
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    return {
        row.wav_filename: [
            (word, float(start), float(end))
            for word, start, end in zip(
                row.transcript.split(), row.start_time.split(), row.end_time.split(), strict=True
            )
        ]
        for row in table.itertuples()
    }


def test_a_model_is_calibrated_by_a_manifest_and_by_a_folder(corpus, run, monkeypatch):
    """Alignments are the model's own times, moved: then the move is what comes out."""
    monkeypatch.chdir(corpus)
    assert run("--mode=train", "--max_steps=30", "--lr_policy_params/learning_rate=0.03")[0] == 0
    pickled = "--decoder_params/infer_logits_to_pickle=True"
    assert run("--mode=infer", "--infer_output_file=logits.pkl", pickled)[0] == 0
    assert script("dump_to_time.py", "--dumpfile=logits.pkl", "--save_file=own.csv") == 0
    own = times("own.csv")
    assert len(own) == 18 and sum(map(len, own.values())) > 10
    aligned = {
        Path(name).stem: {
            "words": [
                {"case": "success", "alignedWord": word, "start": start + 0.5, "end": end + 0.75}
                for word, start, end in words
            ]
        }
        for name, words in own.items()
    }
    del aligned["0"]  # the others are transcribed
    Path("target.json").write_text(json.dumps(aligned))
    for audio in ("data.csv", "."):
        Path("calibration.txt").unlink(missing_ok=True)
        assert script("calibrate_model.py", "--config_file=config.py", f"--audio={audio}",
                      "--alignments=target.json", "--batch_size_per_gpu=3") == 0  # fmt: skip
        start, end = map(float, Path("calibration.txt").read_text().split())
        # Other batches, other rounding: a frame may change its best symbol.
        assert (start, end) == (pytest.approx(0.5, abs=5e-3), pytest.approx(0.75, abs=5e-3))
    assert script("dump_to_time.py", "--dumpfile=logits.pkl", "--save_file=moved.csv",
                  "--calibration_file=calibration.txt") == 0  # fmt: skip
    first = next(name for name, words in own.items() if words)
    assert times("moved.csv")[first][0][1] == pytest.approx(own[first][0][1] + start, abs=1e-5)


def test_a_model_that_cannot_be_run(corpus, monkeypatch, capfd):
    monkeypatch.chdir(corpus)
    Path("target.json").write_text('{"0": []}')
    arguments = ("--config_file=config.py", "--audio=data.csv", "--alignments=target.json")
    assert script("calibrate_model.py", *arguments) == 2  # no checkpoint
    assert "could not be run" in capfd.readouterr().err
    (corpus / "empty").mkdir()
    assert script("calibrate_model.py", *arguments[::2], "--audio=empty") == 2
    assert "no recordings" in capfd.readouterr().err
