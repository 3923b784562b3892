"""Writes PyTorch's files of weights and NeMo's archives, by hand: nothing here knows PyTorch."""

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np

KINDS = {"float32": "FloatStorage", "int64": "LongStorage", "float16": "HalfStorage",
         "uint16": "BFloat16Storage", "float64": "DoubleStorage"}  # fmt: skip


def _text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _number(value):
    return b"J" + struct.pack("<i", value)


def _numbers(values):
    return b"(" + b"".join(map(_number, values)) + b"t"


def _tensor(key, array, legacy):
    strides = [one // array.itemsize for one in array.strides]
    kind = KINDS[str(array.dtype)]
    view = b"N" if legacy else b""
    place = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + _text(key) + _text("cpu")
    place += _number(array.size) + view + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    parts = place + _number(0) + _numbers(array.shape) + _numbers(strides) + b"\x89" + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + parts + b"tR"


def pickled(content, legacy=False):
    """The pickle of dictionaries of tensors and plain values; the storages' arrays by key."""
    storages = {}

    def one(value):
        if isinstance(value, dict):
            items = b"".join(_text(name) + one(inner) + b"s" for name, inner in value.items())
            metadata = b"}" + _text("_metadata") + b"}sb"
            return b"ccollections\nOrderedDict\n)R" + items + metadata
        if value is None:
            return b"N"
        if isinstance(value, int):
            return _number(value)
        key = str(len(storages))
        storages[key] = np.ascontiguousarray(value)
        return _tensor(key, storages[key], legacy)

    return b"\x80\x02" + one(content) + b".", storages


def zipped(tensors, prefix="model_weights"):
    """The form of PyTorch 1.6 and later."""
    content, storages = pickled(tensors)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{prefix}/data.pkl", content)
        archive.writestr(f"{prefix}/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"{prefix}/data/{key}", array.tobytes())
        archive.writestr(f"{prefix}/version", "3\n")
    return buffer.getvalue()


def legacy(tensors):
    """The form before PyTorch 1.6."""
    content, storages = pickled(tensors, legacy=True)
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    system = b"\x80\x02}" + _text("little_endian") + b"\x88s."
    keys = b"\x80\x02](" + b"".join(map(_text, storages)) + b"e."
    numbers = b"".join(struct.pack("<q", one.size) + one.tobytes() for one in storages.values())
    return magic + b"\x80\x02M\xe9\x03." + system + content + keys + numbers


def archive(members, mode="w"):
    """A tar of members, or (`w:gz`) a gzipped one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def write_nemo(path, config, tensors, mode="w", more=()):
    """A `.nemo` file; the config is JSON, which is YAML too."""
    members = {
        "./model_config.yaml": json.dumps(config).encode(),
        "./model_weights.ckpt": zipped(tensors),
        **dict(more),
    }
    Path(path).write_bytes(archive(members, mode))
    return Path(path)
