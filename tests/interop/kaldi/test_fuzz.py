"""Damaged models: a network that can be evaluated, or a sentence."""

import tracemalloc

import numpy as np
import pytest

from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.interop.kaldi import Evaluator, read_network
from tests.fuzzing import assert_reads_or_refuses, fuzz_file
from tests.interop.kaldi.test_nnet1 import recurrent
from tests.interop.kaldi.test_nnet2 import model
from tests.interop.kaldi.test_nnet3 import CASES

MODELS = {
    "nnet1": recurrent,
    "nnet2": model,
    "lstm": CASES["lstm"].write,
    "tdnnf": CASES["tdnnf"].write,
    "time-height": CASES["time-height"].write,
    "statistics": CASES["statistics"].write,
    "both-ways": CASES["both-ways"].write,
}


def read_and_evaluate(path):
    """Of networks that are read, those of small inputs are evaluated, too."""
    network = read_network(path)
    if sum(one.dim for one in network.inputs) > 1000 or network.left_context > 1000:
        return
    inputs = {
        one.name: np.zeros(one.dim if one.per_utterance else (2, one.dim), np.float32)
        for one in network.inputs
    }
    with np.errstate(all="ignore"):
        Evaluator(network)(inputs)


@pytest.mark.parametrize(
    "count", [pytest.param(12, id="few"), pytest.param(7200, id="many", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
@pytest.mark.parametrize("name", MODELS)
def test_damaged_models(name, binary, count, tmp_path):
    """A hundred thousand in the slow suite."""
    path = MODELS[name](binary).save(tmp_path / "model")
    _, refused = fuzz_file(read_and_evaluate, path, 3, count)
    assert refused


@pytest.mark.parametrize(
    "step", [pytest.param(97, id="few"), pytest.param(1, id="all", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
@pytest.mark.parametrize("name", MODELS)
def test_models_that_end_early(name, binary, step, tmp_path):
    whole, path = MODELS[name](binary).content, tmp_path / "model"
    for size in range(0, len(whole.rstrip()) - 1, step):
        path.write_bytes(whole[:size])
        error = assert_reads_or_refuses(lambda: read_network(path), whole[:size])
        assert isinstance(error, OpenSeq2SeqError), size


@pytest.mark.parametrize("name", MODELS)
def test_no_memory_is_taken_for_promises(name, tmp_path):
    """Every size in the file is made as large as can be, one after the other."""
    whole, path = MODELS[name](True).content, tmp_path / "model"
    tracemalloc.start()
    try:
        places = [
            n for n in range(len(whole) - 5) if whole[n] == 4 and whole[n + 2 : n + 5] == bytes(3)
        ]
        for place in places[:60]:
            path.write_bytes(whole[: place + 1] + b"\xff\xff\xff\x7f" + whole[place + 5 :])
            assert_reads_or_refuses(lambda: read_network(path), b"")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
