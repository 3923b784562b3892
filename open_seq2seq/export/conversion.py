"""Other packages convert and quantise: what they lack or raise becomes a sentence of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import unwritable

_log = logging.getLogger(__name__)

# What writes a format, and runs what was written.
_PACKAGES = {
    "onnx": ("onnx", "onnxruntime"),
    "litert": ("ai_edge_litert",),
    "saved_model": (),
    "openvino": ("onnx", "openvino"),
}
# The same of a format in fewer bits.
_OF_KINDS = {("openvino", "static_int8"): ("nncf",)}
_EXTRA = "pip install 'open-seq2seq[export]'"
# Of what a package says: some write pages.
_LONGEST = 300


def check_packages(formats: Sequence[str], kinds: Sequence[str] = ()) -> None:
    """Looks for the packages of some formats, before anything is converted.

    Args:
      formats: names of `FORMATS`.
      kinds: of `KINDS`.

    Raises:
      InputError: packages are not installed.
    """
    problems = []
    for name in formats:
        if missing := missing_packages(name, kinds):
            found = f"{name}, without its package {' and '.join(missing)}"
            remedy = f"{_EXTRA}, or name the formats that are wanted: --formats saved_model."
            problems.append(Problem("--formats", found, "formats whose packages are there", remedy))
    if problems:
        raise InputError("Nothing is exported:", problems)


def installed_formats(formats: Sequence[str], kinds: Sequence[str] = ()) -> list[str]:
    """Those of some formats whose packages are there; what is left out is said.

    Args:
      formats, kinds: as for `check_packages`.
    """
    missing = {name: found for name in formats if (found := missing_packages(name, kinds))}
    for name, packages in missing.items():
        _log.info(
            "%s is left out: no package %s. With it: %s.", name, " and ".join(packages), _EXTRA
        )
    return [name for name in formats if name not in missing]


def missing_packages(name: str, kinds: Sequence[str] = ()) -> list[str]:
    """The packages of a format that are not installed; the arguments as for `check_packages`."""
    needed = list(_PACKAGES[name])
    for kind in kinds:
        needed += _OF_KINDS.get((name, kind), ())
    return [one for one in needed if find_spec(one) is None]


@contextmanager
def conversion(path: Path, what: str, remedy: str) -> Iterator[None]:
    """While it lasts a package writes `path`; whatever it raises becomes an error of ours.

    Args:
      path: what is written.
      what: the format and the kind, in words.
      remedy: how to do without.

    Raises:
      InputError: the package cannot convert this model.
      RunError: the file cannot be written.
    """
    try:
        yield
    except OpenSeq2SeqError:
        raise
    except OSError as error:
        raise unwritable(path, error) from error
    except Exception as error:  # packages have errors of their own
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:_LONGEST]
        found = f"{what}, which this model cannot be converted to ({said})"
        problem = Problem("--formats", found, "formats that can hold the model", remedy)
        raise InputError("Nothing is exported:", [problem]) from error
