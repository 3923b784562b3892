"""Damaged and hostile archives, pickles and configs end in a sentence."""

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.nemo.importer import Plan
from open_seq2seq.interop.nemo.old_layouts import read_model
from open_seq2seq.interop.nemo.torch_file import open_torch_file
from open_seq2seq.interop.nemo.yaml_text import parse_yaml
from tests.fuzzing import COUNTS, fuzz_file
from tests.interop.nemo import models
from tests.interop.nemo.torch_writer import archive, legacy, write_nemo, zipped

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(4)}


def read_tensors(path):
    opened = open_torch_file(io.BytesIO(Path(path).read_bytes()), "weights")
    values = opened.content
    if not isinstance(values, dict):
        return values
    return {name: opened.read(one, str(name)) for name, one in values.items()
            if type(one).__name__ == "StoredTensor"}  # fmt: skip


def planned(path):
    """All of an import that reads the file, but not the network."""
    plan = Plan(read_model(path))
    return [plan.source.tensors[name]() for name in plan.source.tensors]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("form", [zipped, legacy], ids=["zip", "legacy"])
def test_damaged_weights(form, count, tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(form(TENSORS))
    read, refused = fuzz_file(read_tensors, path, 1, count, [zipped(TENSORS), legacy(TENSORS)])
    assert read and refused


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_damaged_archives(mode, count, tmp_path):
    path = write_nemo(
        tmp_path / "a.nemo", models.config("quartznet"), models.tensors("quartznet"), mode
    )
    read, refused = fuzz_file(planned, path, 2, count)
    assert read and refused


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_configs(count, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(models.config("citrinet"), indent=1))
    weights = zipped(models.tensors("citrinet"))

    def read(path):
        members = {"model_config.yaml": path.read_bytes(), "model_weights.ckpt": weights}
        (tmp_path / "a.nemo").write_bytes(archive(members))
        return planned(tmp_path / "a.nemo")

    read_, refused = fuzz_file(read, config, 3, count)
    assert read_ and refused


@pytest.mark.parametrize("form", [zipped, legacy])
def test_both_forms_of_weights_are_read(form, tmp_path):
    (tmp_path / "weights").write_bytes(form(TENSORS))
    found = read_tensors(tmp_path / "weights")
    assert found.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(found[name], value)


class _Program:
    def __reduce__(self):
        return (eval, ("print('run')",))


def test_a_program_in_a_pickle_is_refused(tmp_path, capsys):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("archive/data.pkl", pickle.dumps({"a": _Program()}, 2))
    (tmp_path / "weights").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"builtins\.eval|__builtin__\.eval"):
        read_tensors(tmp_path / "weights")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(kind, tmp_path):
    with tarfile.open(tmp_path / "a.nemo", "w") as made:
        for name in ("model_config.yaml", "model_weights.ckpt"):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            made.addfile(info)
    with pytest.raises(InputError, match="link"):
        read_model(tmp_path / "a.nemo")


def test_names_outside_the_archive_are_not_looked_at(tmp_path):
    members = {"../model_config.yaml": b"a: 1", "../../model_weights.ckpt": b"x"}
    (tmp_path / "a.nemo").write_bytes(archive(members))
    with pytest.raises(InputError, match="no such member"):
        read_model(tmp_path / "a.nemo")


def test_what_grows_without_end_is_refused(tmp_path):
    (tmp_path / "a.nemo").write_bytes(gzip.compress(bytes(64 << 20), 9))
    with pytest.raises(InputError, match="become more than"):
        read_model(tmp_path / "a.nemo")


def test_aliases_that_multiply_are_refused():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    with pytest.raises(InputError, match="aliases"):
        parse_yaml("\n".join(lines).encode(), "config")


@pytest.mark.parametrize("name", ["a.pt", "a.ckpt"])
def test_other_checkpoints_are_refused(name, tmp_path):
    (tmp_path / name).write_bytes(zipped(TENSORS))
    with pytest.raises(InputError):
        read_model(tmp_path / name)


def test_lightning_checkpoints_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="folder"):
        read_model(tmp_path)
    members = {"mp_rank_00/model_weights.ckpt": b"x", "model_config.yaml": b"a: 1"}
    (tmp_path / "a.nemo").write_bytes(archive(members))
    with pytest.raises(InputError, match="model-parallel"):
        read_model(tmp_path / "a.nemo")
