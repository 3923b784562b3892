"""The corpus without faults, written once."""

from __future__ import annotations

import os
from functools import cache

import pytest

from tests.corpora.doctor.speech import make_items, write_split


@cache
def clean_items():
    return make_items(24, seed=1)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Its folder."""
    folder = tmp_path_factory.mktemp("corpus")
    write_split(folder, "train", clean_items())
    return folder


@pytest.fixture
def items():
    """Its rows, to be changed at will."""
    return [item.but() for item in clean_items()]


@pytest.fixture
def folder(written, tmp_path):
    """A folder of its own with the recordings in it."""
    for file in written.glob("*.wav"):
        os.link(file, tmp_path / file.name)
    return tmp_path
