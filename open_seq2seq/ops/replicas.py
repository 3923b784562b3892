"""Statistics over the batches of all workers, while a model is traced.

A layer cannot be told how to sum over workers when it is built: the same model is trained by
one worker or many. So the training step says it while it calls the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from open_seq2seq.tensors import Tensor


class StatisticsSum(NamedTuple):
    """How statistics are summed over workers.

    Args:
      sum: takes a list of tensors and returns their sums over all workers, differentiable:
        the gradient of a sum is the sum of the gradients.
      sample_weight: scalar, 1, or 0 for a worker whose batch counts nothing.
    """

    sum: Callable[[list[Tensor]], list[Tensor]]
    sample_weight: Tensor


# Several devices of one process are traced in a thread each, and take turns in every sum.
_current: ContextVar[StatisticsSum | None] = ContextVar("statistics_sum", default=None)


@contextmanager
def summed_statistics(
    sum: Callable[[list[Tensor]], list[Tensor]], sample_weight: Tensor
) -> Iterator[None]:
    """While a model is called inside, batch normalization sums its statistics over workers.

    The workers' objectives are then coupled: the gradient of their weighted mean is the sum
    of the workers' gradients only if each weights its objective before it takes the gradient.

    Args:
      sum, sample_weight: see `StatisticsSum`. The batch's own statistics are multiplied by the
        weight.
    """
    token = _current.set(StatisticsSum(sum, sample_weight))
    try:
        yield
    finally:
        _current.reset(token)


def statistics_sum() -> StatisticsSum | None:
    """What `summed_statistics` around this call says; None where statistics are the batch's own."""
    return _current.get()
