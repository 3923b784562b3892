"""Pickles that can hold nothing but NumPy arrays and plain containers.

A pickle is a program: `pickle.load` runs whatever its author wrote. Dumps of logits need
dictionaries, lists, text, numbers and arrays; a file that asks for more is refused before
anything of it is called.
"""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")


def load_plain_pickle(path: Path) -> Any:
    """The content of a pickle file of arrays and plain containers, any protocol.

    Raises:
      InputError: the file cannot be read, is no pickle, or holds other objects.
    """
    summary = "The pickle of logits cannot be read:"
    try:
        with open(path, "rb") as stream:
            # Python 2 wrote text and arrays as byte strings, which latin1 keeps as they are.
            return _PlainUnpickler(stream, encoding="latin1").load()
    except OSError as error:
        problem = Problem(str(path), error.strerror or str(error), "a file to read")
        raise InputError(summary, [problem]) from None
    except _Refused as refused:
        remedy = "Such a pickle could run any program when it is loaded."
        expected = "NumPy arrays, dictionaries, lists, text and numbers only"
        raise InputError(summary, [Problem(str(path), str(refused), expected, remedy)]) from None
    except MemoryError:
        # A length that is damaged asks for more than any machine has.
        remedy = "Write it again with --decoder_params/infer_logits_to_pickle=True."
        found = "a length for which there is not enough memory"
        raise InputError(
            summary, [Problem(str(path), found, "a pickle of logits", remedy)]
        ) from None
    except Exception as error:  # a broken stream of opcodes can fail in any way
        found = f"no pickle, or a damaged one ({type(error).__name__}: {error})"
        remedy = "Write it again with --decoder_params/infer_logits_to_pickle=True."
        raise InputError(
            summary, [Problem(str(path), found, "a pickle of logits", remedy)]
        ) from None


class _Refused(Exception):
    """The pickle asks for something that no dump of logits needs."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"an object of {module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("a reference to an object outside the file")


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """How protocols 0 to 2 write bytes: text, and the function that encodes it."""
    if encoding != "latin1":
        raise _Refused(f"bytes in encoding {encoding!r}")
    return text.encode("latin1")


_RECONSTRUCT = np.ndarray(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("_codecs", "encode"): _latin1_bytes,
    ("builtins", "bytearray"): bytearray,
    ("__builtin__", "bytearray"): bytearray,
    **{(module, "_reconstruct"): _RECONSTRUCT for module in _MULTIARRAY},
    **{(module, "scalar"): np.float32(0).__reduce__()[0] for module in _MULTIARRAY},
    **{(module, "_frombuffer"): np.zeros(1).__reduce_ex__(5)[0] for module in _NUMERIC},
}
