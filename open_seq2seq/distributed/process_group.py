"""The workers of a job: processes that train one model together.

A worker on its own is a `ProcessGroup`; those that Horovod connects are in `horovod_group`. Code
that uses them reads the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.tensors import Tensor, Variable

Value = TypeVar("Value")


class RankStopped(OpenSeq2SeqError):
    """This worker ends because another one has a reason to, which says it.

    Args:
      exit_code: the other's.
    """

    def __init__(self, exit_code: int = 1):
        super().__init__("Another worker has said why.")
        self.exit_code = exit_code


class Reducer:
    """Sums over workers inside a compiled training step.

    Args:
      size: how many workers there are.
    """

    size: int

    def sum(self, tensors: Sequence[Tensor], compressed: bool = False) -> list[Tensor]:
        """Each tensor summed over all workers; the gradient of a sum is the gradients' sum.

        Args:
          tensors: of the same shapes in every worker.
          compressed: send float32 as float16.
        """
        raise NotImplementedError

    def max(self, tensor: Tensor) -> Tensor:
        """The elementwise largest over all workers."""
        raise NotImplementedError


class ProcessGroup:
    """A process on its own: rank 0 of 1.

    Every method but the properties is called by all workers, at the same place of the program.
    """

    rank = 0
    size = 1
    reducer: Reducer | None = None

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is the rank that writes and prints."""
        return self.rank == 0

    def broadcast(self, value: Value) -> Value:
        """Rank 0's value; anything that can be pickled."""
        return value

    def gather(self, value: Value) -> list[Value]:
        """Every worker's value, by rank; anything that can be pickled."""
        return [value]

    def broadcast_variables(self, variables: Iterable[Variable]) -> None:
        """Gives the Keras variables of all workers the values that rank 0's have."""

    def run_on_rank_zero(self, function: Callable[[], Value]) -> Value:
        """What the function returns to rank 0, the only one to call it.

        Raises:
          what it raises, at rank 0; RankStopped at the others.
        """
        return function()

    def all_or_none(self, function: Callable[[], Value]) -> Value:
        """Every worker calls the function, and all go on, or none.

        Raises:
          rank 0: the function's error if all have the same; else a RunError or InputError that
            says what happened at which rank. The others: RankStopped.
        """
        return function()

    def rank_zero_first(self, function: Callable[[], Value]) -> Value:
        """As `all_or_none`, but rank 0 first: it may write files that the others read."""
        return function()

    def stop(self, error: OpenSeq2SeqError) -> OpenSeq2SeqError:
        """What to raise when all workers found the same error: one of them says it."""
        return error if self.is_rank_zero else RankStopped(error.exit_code)


ALONE = ProcessGroup()
