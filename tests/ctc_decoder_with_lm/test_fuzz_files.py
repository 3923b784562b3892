"""Damaged language models, scorer packages and tries: a result, or an error of ours."""

import pytest

from tests.ctc_decoder_with_lm import fuzz_files
from tests.fuzzing import FEW, MANY
from tests.fuzzing_child import assert_both, fuzz_in_child

SCORERS = ("scorer", "scorer's words")


def test_a_few_of_each(tmp_path):
    assert_both(fuzz_in_child(fuzz_files.__name__, tmp_path, 1, 20), 20)


def test_scorer_packages(tmp_path):
    assert_both(fuzz_in_child(fuzz_files.__name__, tmp_path, 1, FEW, *SCORERS), FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz_files.NAMES)
def test_many(tmp_path, name):
    found = fuzz_in_child(fuzz_files.__name__, tmp_path, 2, MANY, name)
    assert_both(found, MANY)
    assert min(*found[name]) > MANY / 100
