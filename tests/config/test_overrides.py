"""Command-line overrides: any parameter, any literal, and clear refusals."""

import pytest

from open_seq2seq.config.overrides import apply_overrides, parse_value, split_arguments
from open_seq2seq.config.schema import CALLABLE, Param, Schema
from open_seq2seq.errors import InputError

LAYER = Schema("layer", [Param("stride", list, "", [1], item=Param("", int, ""))])
SCHEMAS = {
    "A": Schema(
        "A",
        [
            Param("layers", list, "", [], item=Param("", dict, "", schema=LAYER)),
            Param("keep", float, "", 1.0),
        ],
    ),
    "B": Schema("B", [Param("cells", int, "", 1)]),
}
MODEL = Schema(
    "Model",
    [
        Param("encoder", (CALLABLE, str), "", "A"),
        Param("encoder_params", dict, "", {}, schema=lambda s: SCHEMAS.get(s.get("encoder", "A"))),
        Param("logdir", str, "", "x"),
        Param("max_steps", int, "", None),
        Param("use_it", bool, "", False),
    ],
)


def applied(params, *arguments, mode="train"):
    return apply_overrides(params, split_arguments(arguments), MODEL, mode)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("2.5", 2.5),
        ("1e-3", 1e-3),
        ("True", True),
        ("false", False),
        ("FALSE", False),
        ("None", None),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("{'a': [1]}", {"a": [1]}),
        ("'quoted'", "quoted"),
        ("tf.float32", "tf.float32"),
        ("poly_decay", "poly_decay"),
        ("-1", -1),
    ],
)
def test_literals_of_every_type(text, value):
    parsed = parse_value(text)
    assert parsed == value and type(parsed) is type(value)


def test_a_text_parameter_takes_digits_as_text():
    assert applied({}, "--logdir=2024")["logdir"] == "2024"
    assert applied({}, "--logdir=True")["logdir"] == "True"


def test_keys_that_the_config_does_not_mention_can_be_set():
    assert applied({}, "--max_steps=5", "--encoder_params/keep=0.5") == {
        "max_steps": 5,
        "encoder_params": {"keep": 0.5},
    }


def test_value_may_follow_as_the_next_argument():
    assert applied({}, "--max_steps", "7")["max_steps"] == 7


def test_list_elements_by_index():
    params = {"encoder_params": {"layers": [{"stride": [1]}, {"stride": [1]}]}}
    result = applied(params, "--encoder_params/layers/1/stride=[2]")
    assert result["encoder_params"]["layers"] == [{"stride": [1]}, {"stride": [2]}]


def test_component_is_chosen_before_its_parameters_whatever_the_order():
    result = applied({}, "--encoder_params/cells=3", "--encoder=B")
    assert result == {"encoder": "B", "encoder_params": {"cells": 3}}


def test_mode_prefix_restricts_an_override():
    arguments = ("--eval_params/max_steps=1", "--logdir=y")
    assert applied({}, *arguments, mode="train") == {"logdir": "y"}
    assert applied({}, *arguments, mode="eval") == {"logdir": "y", "max_steps": 1}


def test_all_unknown_names_are_reported_with_suggestions():
    with pytest.raises(InputError) as raised:
        applied({}, "--max_step=1", "--encoder_params/kep=1", "--stride=[3]", "--cells=1")
    text = str(raised.value)
    assert raised.value.exit_code == 2 and len(raised.value.problems) == 4
    assert "Did you mean --max_steps?" in text
    assert "Did you mean --encoder_params/keep?" in text


def test_an_index_out_of_range_is_refused():
    with pytest.raises(InputError, match="an index below 1"):
        applied({"encoder_params": {"layers": [{}]}}, "--encoder_params/layers/1/stride=[2]")


@pytest.mark.parametrize("argument", ["stray", "--no_value", "--"])
def test_arguments_of_other_forms_are_refused(argument):
    with pytest.raises(InputError):
        split_arguments([argument])
