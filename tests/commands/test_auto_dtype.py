"""`dtype: "auto"` in a run: what is chosen, said, stored and kept."""

import json

import pytest

from open_seq2seq import experiment
from open_seq2seq.models import precision
from open_seq2seq.models.product_times import ProductTimes
from open_seq2seq.runs.summary import read_summary


@pytest.fixture
def measured(monkeypatch):
    """How often products were timed; float32 is faster until `times` says otherwise."""
    calls = []

    class Machine:
        times = ProductTimes(float32=0.001, bfloat16=0.002)

    def product_times(variables):
        calls.append(list(variables))
        return Machine.times

    monkeypatch.setattr(experiment, "product_times", product_times)
    monkeypatch.setattr(precision, "supports_bfloat16", lambda: True)
    return Machine, calls


def test_a_run_keeps_what_was_chosen_when_it_began(corpus, run, measured):
    machine, calls = measured
    code, out, err = run("--mode=train", "--dtype=auto", "--max_steps=1")
    assert (code, err, len(calls)) == (0, "", 1)
    assert "dtype 'auto': float32; products of this model take 2.0 ms in bfloat16, 1.0" in out
    assert read_summary(corpus / "run")["dtype"] == "float32"
    assert json.loads((corpus / "run/ckpt-1/state.json").read_text())["dtype"] == "float32"
    # The weights are those of a run that was told.
    code, _, _ = run("--mode=train", "--dtype=float32", "--max_steps=1", f"--logdir={corpus}/told")
    assert code == 0
    weights = [corpus / name / "ckpt-1/model.safetensors" for name in ("run", "told")]
    assert weights[0].read_bytes() == weights[1].read_bytes()

    machine.times = ProductTimes(float32=0.002, bfloat16=0.001)
    code, out, _ = run("--mode=train", "--dtype=auto", "--max_steps=2", "--continue_learning")
    assert code == 0 and len(calls) == 1 and "dtype" not in out
    assert json.loads((corpus / "run/ckpt-2/state.json").read_text())["dtype"] == "float32"
