"""What kind of model a file or folder holds, by its content."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported import DESCRIPTION

KALDI, OPENVINO, ONNX, LITERT, SAVED_MODEL = "kaldi", "openvino", "onnx", "litert", "saved_model"
EXPORTED, LOG_DIRECTORY, INTEGER = "exported", "log_directory", "integer"
_EXPECTED = (
    "a Kaldi model (nnet1, nnet2, nnet3), an OpenVINO IR (.xml), ONNX, LiteRT, a SavedModel, an "
    "exported folder or a log directory"
)
# Text models of Kaldi begin with a token; old ones of nnet1 have components without <Nnet>.
_KALDI_TEXT = re.compile(rb"\s*<[A-Za-z][A-Za-z0-9]*>[\s<]")
_HEAD = 4096
# What a folder of converted models has, the first that is there.
_CONVERTED = ("openvino/model.xml", "model.onnx", "saved_model", "model.tflite")
_GZIP = b"\x1f\x8b"
# Protocol buffers of ONNX begin with the field 1, its format's number, which is 3 or more.
_IR_VERSION = 0x08


def model_kind(path: str | Path) -> str:
    """The kind of a model.

    Args:
      path: its file or folder.

    Raises:
      InputError: there is nothing, or it is of no known kind.
    """
    path = Path(path)
    if path.is_dir():
        return _folder_kind(path)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
        if head[:2] == _GZIP:
            with gzip.open(path) as packed:
                inside = packed.read(_HEAD)
            if inside[:2] == b"\0B" or _KALDI_TEXT.match(inside):
                return KALDI
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        problem = Problem(str(path), f"no readable file ({reason})", _EXPECTED)
        raise InputError("The model cannot be read:", [problem]) from error
    if head[:2] == b"\0B" or _KALDI_TEXT.match(head):
        return KALDI
    if b"<net" in head and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return OPENVINO
    if head[4:8] == b"TFL3":
        return LITERT
    if _is_safetensors(head):
        return INTEGER
    if head[:1] == bytes([_IR_VERSION]) and len(head) > 2:
        return SAVED_MODEL if path.name == "saved_model.pb" else ONNX
    raise _unknown(path, _described(head))


def model_file(path: Path) -> Path:
    """The file that is meant by a folder of `open-seq2seq convert`; any other path as it is."""
    if not path.is_dir() or (path / DESCRIPTION).is_file():
        return path
    there = [path / name for name in _CONVERTED if (path / name).exists()]
    return there[0] if there else path


def is_integer(path: str | Path) -> bool:
    """Whether a file is a compiled model of GNA's arithmetic, as far as its first bytes say.

    Raises:
      InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return _is_safetensors(file.read(_HEAD))
    except OSError as error:
        problem = Problem(str(path), f"no readable file ({error.strerror})", "a file of -wg")
        raise InputError("The compiled model cannot be read:", [problem]) from error


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**27


def _folder_kind(path: Path) -> str:
    if (path / DESCRIPTION).is_file():
        return EXPORTED
    if (path / "saved_model.pb").is_file():
        return SAVED_MODEL
    if next(path.glob("config_*.py"), None) and next(path.glob("run_*.json"), None):
        return LOG_DIRECTORY
    raise _unknown(path, "a folder with none of them")


def _described(head: bytes) -> str:
    if not head:
        return "an empty file"
    if head[:2] == b"PK":
        return "a ZIP archive (features in NPZ belong to -i)"
    if head[:2] == _GZIP:
        return "a gzip file: unpack it"
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "an HDF5 file"
    return f"a file that begins with {head[:12]!r}"


def _unknown(path: Path, found: str) -> InputError:
    return InputError("The model is of no known kind:", [Problem(str(path), found, _EXPECTED)])
