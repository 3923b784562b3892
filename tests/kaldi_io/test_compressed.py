"""Compressed matrices are those of Kaldi's own code (kaldi_native_io holds it), bit for bit."""

import kaldi_native_io
import numpy as np
import pytest

from open_seq2seq.kaldi_io import ArkWriter, read_table

METHODS = {"CM": "kSpeechFeature", "CM2": "kTwoByteAuto", "CM3": "kOneByteAuto",
           "compressed": "kAutomaticMethod"}  # fmt: skip


def matrices():
    generator = np.random.default_rng(0)
    for number in range(60):
        shape = generator.integers(1, 40), generator.integers(1, 20)
        scale = 10 ** generator.uniform(-6, 6)
        matrix = generator.normal(size=shape) * scale + generator.choice([0, 1e4, -3])
        matrix = np.round(matrix) if number % 5 == 0 else matrix
        matrix = np.repeat(matrix[:1], len(matrix), axis=0) if number % 7 == 0 else matrix
        yield np.zeros(shape, "f") if number % 11 == 0 else matrix.astype(np.float32)


@pytest.mark.parametrize("kind", METHODS)
def test_what_is_written_and_read_is_kaldis(kind, tmp_path):
    ours, theirs = tmp_path / "ours.ark", tmp_path / "theirs.ark"
    method = getattr(kaldi_native_io.CompressionMethod, METHODS[kind])
    expected = {f"utterance-{number}": matrix for number, matrix in enumerate(matrices())}
    with ArkWriter(ours, kind=kind) as writer:
        for key, matrix in expected.items():
            writer.write(key, matrix)
    with kaldi_native_io.CompressedMatrixWriter(f"ark:{theirs}") as writer:
        for key, matrix in expected.items():
            writer.write(key, matrix, method=method)
    assert ours.read_bytes() == theirs.read_bytes()
    read = dict(read_table(ours))
    with kaldi_native_io.SequentialFloatMatrixReader(f"ark:{ours}") as reader:
        for key, matrix in reader:
            np.testing.assert_array_equal(read[key], matrix)
    assert list(read) == list(expected)
