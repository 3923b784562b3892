"""When an utterance has ended."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.errors import InputError
from open_seq2seq.streaming.endpoints import (
    ENDPOINT_RULES,
    EndpointRule,
    Heard,
    first_end,
    first_rule,
)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (Heard(2.3, 2.3, False), None),
        (Heard(2.4, 2.4, False), "nothing_said"),
        (Heard(5.0, 1.1, True), None),
        (Heard(5.0, 1.2, True), "after_speech"),
        (Heard(19.9, 0.0, True), None),
        (Heard(20.0, 0.0, True), "too_long"),
        (Heard(0.1 * 12, 0.1 * 12 - 1e-9, True), "after_speech"),
    ],
)
def test_rules_of_sherpa(heard, expected):
    rule = first_rule(ENDPOINT_RULES, heard, None)
    assert (rule and rule.name) == expected


def test_what_the_decoder_thinks():
    """Kaldi's rule 2: half a second, where the utterance may well end here."""
    rules = [EndpointRule("sure", trailing_silence=0.5, max_end_cost=2.0)]
    heard = Heard(3.0, 0.5, True)
    found = [first_rule(rules, heard, cost) for cost in (0.0, 2.0, 2.1, math.inf, None)]
    assert [rule is not None for rule in found] == [True, True, False, False, False]


@pytest.mark.parametrize(
    "wrong", [{"trailing_silence": -1}, {"length": float("nan")}, {"max_end_cost": -0.1}, {}]
)
def test_there_are_such_rules_only(wrong):
    with pytest.raises(InputError, match="rule"):
        EndpointRule("rule", **wrong)


@given(
    rows=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 4), st.booleans()), max_size=30),
    holds=st.booleans(),
)
def test_the_first_row_is_that_of_the_rules_one_by_one(rows, holds):
    expected = None
    for number, one in enumerate(rows):
        if (first_rule(ENDPOINT_RULES, Heard(*one), None) is not None) == holds:
            expected = number
            break
    lengths, silences, texts = (np.array([one[place] for one in rows]) for place in range(3))
    found = first_end(ENDPOINT_RULES, lengths, silences, texts.astype(bool), holds)
    assert found == expected
