"""Epochs have the batches that they always had: runs of before resume at the batch they were at."""

from __future__ import annotations

import json

import pytest

from tests.data.make_epoch_plans import CASES, GOLDEN, digest_of


@pytest.mark.parametrize(("count", "name"), CASES, ids=", ".join)
def test_the_batches_are_what_they_were(count, name):
    assert digest_of(count, name) == json.loads(GOLDEN.read_text())[f"{count}, {name}"]
