import numpy as np
import pytest

from open_seq2seq.interop.kaldi import Evaluator
from open_seq2seq.interop.kaldi.prepare import with_frame_subsampling
from open_seq2seq.scoring.kaldi_model import KaldiModel
from open_seq2seq.scoring.online_ivectors import OnlineRows
from tests.interop.kaldi.test_nnet3 import CASES, network_of


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return with_frame_subsampling(network_of(CASES["tdnnf"], tmp_path_factory.mktemp("x")), 3)


def utterance(frames, rows):
    random = np.random.default_rng(0)
    return {"input": random.normal(size=(frames, 6)).astype(np.float32),
            "ivector": random.normal(size=(rows, 3)).astype(np.float32)}  # fmt: skip


def test_each_chunk_has_the_row_of_its_middle(network):
    """Chunks of 9 frames with middles 3, 12, 21 and 28; rows of 4 frames each."""
    given = utterance(31, 6)
    model = KaldiModel(network)
    model.online_rows = OnlineRows(period=4, chunk=8)  # becomes 9: a multiple of 3
    (found,) = model.score([given], ["output"])
    parts = []
    for start, end, middle in ((0, 9, 3), (9, 18, 12), (18, 27, 21), (27, 31, 28)):
        row = given["ivector"][min(middle // 4, 5)]
        whole = Evaluator(network)({"input": given["input"], "ivector": row})["output"]
        parts.append(whole[start // 3 : -(-end // 3)])
    assert found["output"].shape == (11, 5)
    assert np.abs(found["output"] - np.concatenate(parts)).max() < 1e-5


def test_rows_that_are_the_same_are_one(network):
    given = utterance(31, 1)
    (expected,) = KaldiModel(network).score([given], ["output"])
    repeated = given | {"ivector": np.repeat(given["ivector"], 31, axis=0)}
    (found,) = KaldiModel(network).score([repeated], ["output"])
    assert np.array_equal(found["output"], expected["output"])
