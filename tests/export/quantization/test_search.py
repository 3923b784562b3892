"""The search for layers that stay in float32, on a model whose losses are known."""

import pytest

from open_seq2seq.export.quantization.layers import Layer
from open_seq2seq.export.quantization.search import LIMIT, quantise

pytestmark = pytest.mark.slow  # minutes: each way is written and run at many lengths

LAYERS = [Layer("first", "convolution"), Layer("deep", "depthwise"), Layer("last", "convolution")]


class Model:
    """Each quantised layer adds its own loss."""

    def __init__(self, **losses):
        self.losses = losses
        self.written = []

    def write(self, left):
        self.written.append(set(left))

    def divergence(self):
        return sum(loss for name, loss in self.losses.items() if name not in self.written[-1])

    def quantise(self):
        return quantise("a file", LAYERS, self.write, self.divergence)


def test_what_loses_little_is_quantised_whole():
    model = Model(first=LIMIT / 4, deep=LIMIT / 4, last=LIMIT / 4)
    assert model.quantise() == []
    assert model.written == [set()]


def test_the_layer_that_loses_is_left():
    model = Model(first=10 * LIMIT, last=LIMIT / 10)
    assert model.quantise() == ["the first layer"]
    assert model.written[-1] == {"first"}


def test_what_does_not_help_is_quantised_after_all():
    model = Model(deep=10 * LIMIT, last=LIMIT / 10)
    assert model.quantise() == ["depthwise convolutions"]
    assert model.written[-1] == {"deep"}


def test_groups_add_up(logged):
    model = Model(first=2 * LIMIT, deep=2 * LIMIT, last=2 * LIMIT)
    assert model.quantise() == ["the last layer", "the first layer", "depthwise convolutions"]
    assert model.written[-1] == {"first", "deep", "last"}
    assert not [text for text in logged if "--eval_manifest" in text]


@pytest.mark.parametrize("losses", [{}, {"last": LIMIT / 2}])
def test_what_loses_anyway_is_said(losses, logged):
    model = Model(middle=9 * LIMIT, **losses)
    assert model.quantise() == []
    assert model.written[-1] == set()  # as it was best, not as it was tried last
    assert [text for text in logged if "--eval_manifest" in text]
