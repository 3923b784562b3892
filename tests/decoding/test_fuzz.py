"""Damaged vocabularies, files of logits and language models: a result, or an error of ours."""

import io
import pickle
import warnings

import numpy as np
import pytest

from ctc_decoder_with_lm import LanguageModel
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.decoding.logits_file import read_logits
from tests.decoding.small import ARPA, SYMBOLS, dump
from tests.fuzzing import COUNTS, assert_reads_or_refuses, mutations

LOGITS = {name: array[:3] for name, array in dump()["logits"].items()}


def archive():
    stream = io.BytesIO()
    np.savez(stream, **LOGITS, vocab=np.array(SYMBOLS), step_size=0.02)
    return stream.getvalue()


def scored(path):
    model = LanguageModel(path)
    return model.score(["ab", "ca", "x"])


CASES = {
    "vocabulary": ("\n".join(["# labels", *SYMBOLS, "\\#"]).encode(), None),
    "pickle": (pickle.dumps(dict(dump(), logits=LOGITS)), read_logits),
    "npz": (archive(), read_logits),
    "arpa": (ARPA.encode(), scored),
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("case", CASES)
def test_damaged_files(tmp_path, case, count):
    content, read = CASES[case]
    read = read or (lambda path: load_vocabulary(path, bpe=False))
    path = tmp_path / "damaged"
    for damaged in mutations(content, 1, count):
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert_reads_or_refuses(lambda: read(str(path)), damaged)
