"""The products of a model that are timed."""

import types

import pytest

from open_seq2seq.models import product_times as module
from open_seq2seq.models.product_times import ProductTimes, matrix_shapes, product_times
from tests.machines import need_bfloat16


def variable(*shape, path="encoder/kernel"):
    return types.SimpleNamespace(shape=shape, path=path)


MODEL = [
    variable(11, 64, 256),  # a convolution: its taps are inputs
    variable(256, 512), variable(256, 512),
    variable(29, 896, 896),  # wider than what is timed
    variable(7, 64, 1, path="encoder/conv/depthwise_kernel"),
    variable(512),  # a bias
    variable(512, 1),
]  # fmt: skip


def test_matrices():
    assert matrix_shapes(MODEL) == {(704, 256): 1, (256, 512): 2, (4096, 896): 1}


def test_times_are_those_of_all_layers_for_the_same_frames(monkeypatch):
    """Each number of rows costs in proportion; half of it in bfloat16."""
    asked = []

    def timed(rows, inputs, outputs):
        asked.append((rows, inputs, outputs))
        seconds = rows * inputs * outputs * 1e-9
        return {"float32": seconds, "bfloat16": seconds / 2}

    monkeypatch.setattr(module, "_timed", timed)
    found = product_times(MODEL)
    expected = 1024e-9 * (704 * 256 + 2 * 256 * 512 + 4096 * 896)
    assert found == pytest.approx(ProductTimes(expected, expected / 2))
    assert asked[0][1:] == (4096, 896) and asked[0][0] < 1024, "the dearest first, of fewer rows"


def test_they_are_measured():
    need_bfloat16()
    found = product_times(MODEL[:2])
    assert min(found) > 0


def test_a_model_without_products_has_no_time():
    assert product_times([variable(512)]) == (0, 0)
