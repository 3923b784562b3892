"""Damaged files of corpora: rows and problems, or an error of ours."""

import pytest

from tests.corpora.importers import fuzz_importers
from tests.fuzzing import MANY
from tests.fuzzing_child import assert_both, fuzz_in_child


def test_a_few_of_each(tmp_path):
    assert_both(fuzz_in_child(fuzz_importers.__name__, tmp_path, 1, 15), 15)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz_importers.NAMES)
def test_many(tmp_path, name):
    (read, refused) = fuzz_in_child(fuzz_importers.__name__, tmp_path, 2, MANY, name)[name]
    assert read + refused == MANY and read > 0
