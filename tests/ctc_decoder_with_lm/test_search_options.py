"""Each default is written once, and C++ agrees with it."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from ctc_decoder_with_lm import PRESETS, Scoring, SearchOptions, presets
from ctc_decoder_with_lm.library import core
from open_seq2seq.errors import InputError


def in_single_precision(values: dict) -> dict:
    """Without what the core has in the options of a call; a model is of words until it is read."""
    rules = {name: value for name, value in values.items() if name != "recombine"}
    rules["lm_unit"] = "word" if rules["lm_unit"] == "auto" else rules["lm_unit"]
    return {n: float(np.float32(v)) if isinstance(v, float) else v for n, v in rules.items()}


def test_the_core_has_the_same_default_options() -> None:
    expected = SearchOptions().native(recombine=False)
    found = core().default_options()
    assert found.pop("weights") == expected.pop("weights")
    assert found == pytest.approx(expected)
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_the_core_has_the_same_default_rules() -> None:
    assert core().default_scoring() == in_single_precision(Scoring().as_dict())


def test_the_core_has_the_same_presets() -> None:
    assert core().presets() == {
        name: in_single_precision(preset.as_dict()) for name, preset in PRESETS.items()
    }


def test_the_header_is_that_of_the_presets() -> None:
    remedy = "python -m ctc_decoder_with_lm.presets writes it"
    assert presets.HEADER.read_text("utf-8") == presets.header(), remedy


def test_the_tensorflow_operation_has_the_same_defaults() -> None:
    from ctc_decoder_with_lm.tensorflow_op import operations

    signature = inspect.signature(operations().ctc_beam_search_decoder_with_lm)
    assert signature.parameters["beam_width"].default == SearchOptions.beam_width
    assert signature.parameters["top_paths"].default == SearchOptions.nbest


def test_options_are_checked_when_they_are_made() -> None:
    with pytest.raises(InputError) as error:
        SearchOptions(alpha="1", beam_width=2.0, weights=[1.0, None], recombine=1)
    assert [problem.where for problem in error.value.problems] == [
        "recombine",
        "alpha",
        "weights",
        "beam_width",
    ]
    options = SearchOptions(weights=(1, 2), beam_threshold=math.inf)
    assert options.native(recombine=True)["weights"] == [1, 2]
    assert options.native(recombine=True)["recombine"] is True
    assert SearchOptions(recombine=False).native(recombine=True)["recombine"] is False
