"""The one place that rests on how Keras updates weights inside; what it says when that changes."""

import keras
import numpy as np
import pytest

from open_seq2seq.errors import RunError
from open_seq2seq.optimizers import OPTIMIZERS, make_optimizer
from open_seq2seq.optimizers.per_replica import keras_problem, update_per_replica

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="devices of TensorFlow"
)


def test_this_keras_is_one_that_the_adapter_is_written_for():
    assert keras_problem() is None, (
        f"{keras_problem()} Look how keras.optimizers.Optimizer.apply of this version updates "
        "weights, change open_seq2seq/optimizers/per_replica.py, and run "
        "tests/training/test_mirrored.py, slow ones included."
    )


class Decaying(keras.optimizers.SGD):
    def _apply_weight_decay(self, variables):
        for variable in variables:
            variable.assign(variable * 0.5)


def weights_after(optimizer, per_replica):
    variable = keras.Variable(np.array([1.0, -2.0], np.float32))
    optimizer.build([variable])
    if per_replica:
        update_per_replica(optimizer)
    for step in (1.0, 2.0):
        optimizer.apply([np.array([0.5, step], np.float32)], [variable])
    return variable.numpy()


MAKERS = {name: lambda name=name: make_optimizer(name) for name in OPTIMIZERS}
MAKERS["NovoGrad with decay"] = lambda: make_optimizer("NovoGrad", {"weight_decay": 0.1})
MAKERS["a class with its own decay"] = lambda: Decaying(0.1, weight_decay=0.1)


@pytest.mark.parametrize("name", MAKERS)
def test_on_one_device_it_changes_nothing(name):
    expected = weights_after(MAKERS[name](), False)
    assert np.abs(expected - [1.0, -2.0]).max() > 1e-4
    np.testing.assert_array_equal(weights_after(MAKERS[name](), True), expected)


@pytest.mark.parametrize("name", ["_backend_update_step", "_apply_weight_decay"])
@pytest.mark.parametrize("changed", [None, lambda self, grads: None])
def test_another_keras_ends_in_one_clear_sentence(monkeypatch, name, changed):
    cls = next(c for c in keras.optimizers.Optimizer.__mro__ if name in vars(c))
    if changed:
        monkeypatch.setattr(cls, name, changed)
    else:
        monkeypatch.delattr(cls, name)
    with pytest.raises(RunError, match=rf"needs Keras 3\.12 to 3\.15: .* has no {name}.*num_gpus"):
        update_per_replica(make_optimizer("SGD"))
