"""What the benchmark of exported models prepares in lower precision."""

import argparse

import numpy as np
import pytest

from benchmarks import inference
from benchmarks.inference_models import prepare
from open_seq2seq.export.quantization import search
from open_seq2seq.exported import ExportedModel
from tests.export.small_models import small_experiment

pytestmark = pytest.mark.slow
PRECISIONS = ["float32", "static_int8", "dynamic_int8", "bfloat16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small network in ONNX and LiteRT, of which neither has bfloat16."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        # Whatever is lost is too much; a benchmark quantises all the same.
        patch.setattr(search, "LIMIT", 0.0)
        prepare(small_experiment("jasper"), folder, [0.5], ["onnx", "litert"], PRECISIONS)
        assert search.LIMIT == 0.0
    return folder


def models_in(folder):
    return {
        name: one for name, one in ExportedModel.read(folder).files.items() if one.kind == "model"
    }


def test_each_precision_in_the_formats_that_have_it(folder):
    # Without LSTMs ONNX Runtime has no dynamic int8.
    assert [one.runtime for one in models_in(folder / "static_int8").values()] == ["onnxruntime"]
    assert [one.runtime for one in models_in(folder / "dynamic_int8").values()] == ["litert"]
    assert len(models_in(folder / "float32")) == 2
    assert not (folder / "bfloat16").exists()


# What is never quantised.
ALWAYS = {"static_int8": ["the front-end", "the last layer"], "dynamic_int8": ["the front-end"]}


@pytest.mark.parametrize("kind", ALWAYS)
def test_all_layers_are_quantised(folder, kind):
    """Weights are drawn from a seed: of them nobody can tell which layers lose too much."""
    (found,) = models_in(folder / kind).values()
    assert found.precision == "int8"
    assert found.quantization == {"kind": kind, "float32": ALWAYS[kind]}


def test_they_take_their_turn(folder):
    options = argparse.Namespace(
        runtimes=["onnxruntime", "litert"], precisions=PRECISIONS, seconds=[0.5], budget=0.0
    )
    jobs = inference.jobs_of("small", folder, options)
    label = "onnxruntime static_int8"
    assert {label, "litert dynamic_int8"} < set(jobs)
    found = inference.race({label: jobs[label]}, threads=[1], rounds=1)[1][label]
    assert found["file_mb"] < jobs["onnxruntime float32"]["file_mb"]
    # Its numbers are rounded ones, of the same network.
    assert 1e-4 < found["0.5"]["difference"] < np.inf
    assert found["0.5"]["wall"] > 0
