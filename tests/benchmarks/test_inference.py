"""Short runs of the benchmark of exported models, and how it puts figures together."""

import argparse
import json

import numpy as np
import pytest

from benchmarks import inference
from benchmarks.inference_models import as_trained, load_weights, prepare, untrained, weights_of
from benchmarks.inference_worker import CONTESTANTS, timed
from tests.export.small_models import small_experiment

SECONDS = [0.5, 1.0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What is measured of a small network."""
    folder = tmp_path_factory.mktemp("small")
    prepare(small_experiment("quartznet"), folder, SECONDS, ["onnx"])
    return folder


LABELS = ["onnxruntime float32", "Recognizer onnxruntime", "network alone"]


def options(*runtimes, precisions=("float32",)):
    return argparse.Namespace(
        runtimes=runtimes, precisions=list(precisions), seconds=SECONDS, budget=0.0
    )


def test_a_run(folder):
    """Processes of their own measure the same network with and without its front-end."""
    jobs = inference.jobs_of("small", folder, options("onnxruntime"))
    assert list(jobs) == LABELS
    found = inference.race(jobs, threads=[1], rounds=1)[1]
    for label, figures in found.items():
        assert 0 < figures["imported"] < figures["loaded"] < figures["first"]
        assert figures["file_mb"] > 0
        is_start = label.startswith("Recognizer")
        for seconds in ("0.5",) if is_start else ("0.5", "1"):
            assert figures[seconds].get("difference", 0) < 1e-4
            assert figures[seconds]["wall"] > 0
            assert figures[seconds]["peak_mb"] >= figures["imported_mb"] > 10


def test_what_is_not_there_is_said(folder, capsys):
    jobs = inference.jobs_of(
        "small", folder, options("onnxruntime", "litert", precisions=["float32", "static_int8"])
    )
    assert list(jobs) == LABELS
    assert capsys.readouterr().out.splitlines() == [
        "small, onnxruntime: no model is written in static_int8",
        "small, litert: no model is written in float32, static_int8",
    ]


def test_a_contestant_that_fails_is_named_once(folder, capsys):
    jobs = inference.jobs_of("small", folder, options("onnxruntime"))
    jobs = {"broken": {**jobs["onnxruntime float32"], "file": "missing.onnx"}}
    assert inference.race(jobs, threads=[1], rounds=3) == {1: {}}
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("broken, 1 threads: failed: ")
    assert "missing.onnx" in line


def test_the_best_turn():
    turns = [
        {"loaded": 2.0, "imported_mb": 40, "10": {"wall": 0.5, "difference": 1e-6, "peak_mb": 90}},
        {"loaded": 1.0, "imported_mb": 41, "10": {"wall": 0.6, "difference": 2e-6, "peak_mb": 80}},
    ]
    assert inference.merged(turns) == {
        "loaded": 1.0,
        "imported_mb": 41,
        "10": {"wall": 0.5, "difference": 2e-6, "peak_mb": 90},
    }


def test_the_fastest_run():
    calls = []
    found = timed(lambda inputs: calls.append(inputs) or inputs, np.zeros(3), budget=0)
    assert len(calls) == 3
    assert 0 <= found["wall"] < 1


def test_every_contestant_can_be_chosen():
    """The command's names are the worker's."""
    runtimes = set(inference.FORMATS)
    others = set(inference.PYTORCH) | {"network alone", "framework"}
    others |= {f"Recognizer {runtime}" for runtime in runtimes}
    assert set(CONTESTANTS) == runtimes | others


def test_the_command_line(tmp_path, monkeypatch, capsys):
    """The whole of it, in whose place a small network stands."""
    written = []

    def small(network, folder, options):
        written.append(network)
        prepare(small_experiment("jasper"), folder, options.seconds, ["onnx"])

    monkeypatch.setattr(inference, "prepare", small)
    monkeypatch.setattr(inference, "run", lambda job: {"loaded": 1.0, "0.5": FIGURES})
    output = tmp_path / "figures.json"
    inference.main(
        ["--networks", "ds2", "--runtimes", "onnxruntime", "--seconds", "0.5", "--threads", "1",
         "--precisions", "float32", "--output", str(output)]
    )  # fmt: skip
    assert written == ["ds2"]
    found = json.loads(output.read_text())
    assert found["networks"]["ds2"]["1"]["network alone"]["0.5"] == FIGURES
    assert found["command"].startswith("python benchmarks/inference.py --networks ds2")
    assert "front-end, as a share of the network's time" in capsys.readouterr().out


FIGURES = {"wall": 0.1, "processor": 0.1, "difference": 0.0, "peak_mb": 1.0}


def test_weights_come_back(tmp_path):
    """What the framework's process loads is the network that was exported."""
    first = untrained("ds2").model
    as_trained(first)
    np.savez(tmp_path / "weights.npz", **weights_of(first))
    second = untrained("ds2").model
    load_weights(second, tmp_path / "weights.npz")
    ours, theirs = weights_of(first), weights_of(second)
    assert "encoder/rnn_0/forward_kernel" in ours
    for name, value in ours.items():
        np.testing.assert_array_equal(theirs[name], value)
