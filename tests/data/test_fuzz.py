"""Damaged recordings, manifests, texts and vocabularies: a result, or an error of ours."""

import pytest

from tests.data import fuzz_audio, fuzz_texts
from tests.fuzzing import MANY
from tests.fuzzing_child import assert_both, fuzz_in_child


@pytest.mark.parametrize("module", [fuzz_audio, fuzz_texts])
def test_a_few_of_each(tmp_path, module):
    assert_both(fuzz_in_child(module.__name__, tmp_path, 1, 20), 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*fuzz_audio.KINDS, fuzz_audio.NO_TAG])
def test_recordings(tmp_path, name):
    found = fuzz_in_child(fuzz_audio.__name__, tmp_path, 2, MANY, name)
    assert_both(found, MANY)
    assert min(*found[name]) > MANY / 100


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz_texts.NAMES)
def test_texts(tmp_path, name):
    found = fuzz_in_child(fuzz_texts.__name__, tmp_path, 2, MANY, name)
    assert_both(found, MANY)
    assert min(*found[name]) > MANY / 100
