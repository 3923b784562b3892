"""How what is wrong with a file becomes one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.interop.nemo.torch_pickle import Refused

SUMMARY = "The NeMo model cannot be imported:"
_LONGEST = 200


def refusal(where: str, found: str, expected: str, remedy: str = "") -> InputError:
    """The error of one problem."""
    return InputError(SUMMARY, [Problem(where, found, expected, remedy)])


@contextmanager
def refused_if_damaged(where: str, expected: str) -> Iterator[None]:
    """Whatever readers of files raise inside becomes an `InputError` of one sentence.

    Args:
      where: what is read.
      expected: what it should be.
    """
    try:
        yield
    except OpenSeq2SeqError:
        raise
    except Refused as error:
        remedy = "Files of weights hold nothing else; this one could run a program when loaded."
        raise refusal(where, _short(str(error)), expected, remedy) from None
    except MemoryError:
        raise refusal(where, "a length for which there is no memory", expected) from None
    except Exception as error:  # damaged files fail in any way
        found = f"a damaged file ({type(error).__name__}: {_short(str(error))})"
        raise refusal(where, found, expected, "Get the file again.") from None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
