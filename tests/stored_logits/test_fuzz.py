"""Damaged files of scripts that decode: a result, or an error of ours."""

import pytest

from tests.fuzzing import MANY
from tests.fuzzing_child import assert_both, fuzz_in_child
from tests.stored_logits import fuzz_files


def test_a_few_of_each(tmp_path):
    assert_both(fuzz_in_child(fuzz_files.__name__, tmp_path, 1, 20), 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz_files.CASES)
def test_many(tmp_path, name):
    found = fuzz_in_child(fuzz_files.__name__, tmp_path, 2, MANY, name)
    assert_both(found, MANY)
    assert min(*found[name]) > MANY / 100
