"""The packaged model: as good as it says, also with silence, from anywhere; and how it is made."""

import json

import numpy as np
import pytest

from open_seq2seq.checkpoints.storage import MODEL, checkpoints, read_arrays
from open_seq2seq.inference.recognizer import Recognizer
from scripts import make_try_model, try_model

PACKAGED = make_try_model.DIGITS / "model"
# Another processor may round one or two words that are nearly another to the other side.
ROUNDED = 2


@pytest.mark.parametrize(
    ("silence", "name"), [(0.0, "errors"), (make_try_model.SILENCE, "errors_with_silence")]
)
def test_the_packaged_model_is_as_good_as_it_says(monkeypatch, tmp_path, silence, name):
    monkeypatch.chdir(tmp_path)
    told = json.loads((PACKAGED / "model.json").read_text())
    found = make_try_model.errors_of(PACKAGED / "config.py", silence=silence)
    assert abs(found - told[name]) <= ROUNDED
    assert found <= 0.02 * told["rows"]


def test_it_is_small_and_says_where_it_is_from():
    files = [path for path in PACKAGED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8e6
    (checkpoint,) = checkpoints(PACKAGED)
    assert sorted(path.name for path in checkpoint.iterdir()) == [MODEL, "state.json"]
    readme = (PACKAGED / "README.md").read_text()
    told = json.loads((PACKAGED / "model.json").read_text())
    assert "CC BY-SA 4.0" in readme and f"{told['errors']} in {told['rows']} words" in readme


def test_make_try(monkeypatch, tmp_path, capsys):
    """Five recordings are recognised; its command for others names a config that is there."""
    monkeypatch.chdir(tmp_path)
    assert try_model.main([]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if ".flac" in line]
    assert len(rows) == 5 and all(said == recognised for _, said, recognised in rows)
    assert f"--config_file={try_model.CONFIG.relative_to(try_model.ROOT)}" in out
    assert try_model.main([str(tmp_path / "missing.wav")]) == 2
    assert "missing.wav" in capsys.readouterr().err


@pytest.mark.parametrize("more", [(), pytest.param(("--ema_decay=0.5",), marks=pytest.mark.slow)])
def test_a_model_is_made_from_a_run(run, corpus, more):
    """Its kernels are float16, the averaged ones if there are any; it recognises as before."""
    assert run("--mode=train_eval", *more)[0] == 0
    output = corpus / "packed"
    assert make_try_model.main([str(corpus / "run"), f"--output={output}"]) == 0
    (checkpoint,) = checkpoints(output)
    assert checkpoint.name == "ckpt-10" and not (checkpoint / "optimizer.safetensors").exists()
    whole = Recognizer.load(corpus / "config.py")
    small = Recognizer.load(output / "config.py")
    audio = [str(corpus / f"{index}.wav") for index in range(4)]
    for one, other in zip(whole.logits(audio), small.logits(audio)):
        # Kernels of five layers are rounded, each value by 2^-11 at most.
        assert 0 < np.abs(one - other).max() < 5 * 2.0**-11 * np.abs(one).max()
    for name, array in read_arrays(checkpoint / MODEL).items():
        expected = "float16" if name.endswith("kernel") else None
        assert expected is None or array.dtype == expected, name
    assert json.loads((output / "model.json").read_text())["dtype"] == "float16"
