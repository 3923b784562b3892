"""Validation of parameters: all problems at once, nested, with the nearest name."""

import pytest

from open_seq2seq.config.schema import CALLABLE, Param, Schema
from open_seq2seq.errors import InputError

LAYER = Schema(
    "layer",
    [
        Param("kernel_size", list, "Taps.", item=Param("", int, "", minimum=1)),
        Param("keep", float, "Share kept.", 1.0, minimum=0, maximum=1),
    ],
)
ENCODER = Schema(
    "Encoder", [Param("layers", list, "Layers.", item=Param("", dict, "", schema=LAYER))]
)


class Encoder:
    PARAMS = ENCODER


MODEL = Schema(
    "Model",
    [
        Param("encoder", CALLABLE, "The encoder.", names={"Encoder": Encoder}),
        Param(
            "encoder_params",
            dict,
            "Its parameters.",
            {},
            schema=lambda s: getattr(
                {"Encoder": Encoder}.get(s.get("encoder"), s.get("encoder")), "PARAMS", None
            ),
        ),
        Param("backend", str, "Front-end.", "psf", choices=("psf", "librosa")),
        Param("epochs", int, "Passes.", None),
    ],
)


def messages(values):
    return [str(problem) for problem in MODEL.problems(values)]


def test_every_problem_is_reported_with_its_place():
    found = messages(
        {
            "encoder": Encoder,
            "encoder_params": {"layers": [{"kernel_size": [0], "keep": 2}, {"kernal_size": [3]}]},
            "backend": "libros",
            "epoch": 3,
        }
    )
    assert len(found) == 6
    text = "\n".join(found)
    assert "encoder_params/layers[0]/kernel_size[0]" in text
    assert "encoder_params/layers[0]/keep: found 2 (int), expected at most 1" in text
    assert "encoder_params/layers[1]/kernal_size" in text and "Did you mean kernel_size?" in text
    assert "encoder_params/layers[1]/kernel_size: found nothing" in text
    assert "Did you mean librosa?" in text
    assert "Did you mean epochs?" in text


@pytest.mark.parametrize(
    ("value", "valid"),
    [(1, True), (0.5, True), (True, False), ("1", False), (None, False)],
)
def test_an_int_is_a_float_and_a_bool_is_neither(value, valid):
    schema = Schema("S", [Param("x", float, "A number.", 0.5)])
    assert (schema.problems({"x": value}) == []) is valid


def test_a_bool_is_not_an_int_and_an_int_is_not_a_bool():
    schema = Schema("S", [Param("n", int, "", 1), Param("b", bool, "", True)])
    assert len(schema.problems({"n": True, "b": 1})) == 2


def test_none_is_valid_only_where_it_is_the_default():
    assert messages({"encoder": Encoder, "epochs": None}) == []
    assert len(messages({"encoder": Encoder, "backend": None})) == 1


def test_parse_fills_defaults_and_converts_nested_values():
    parsed = MODEL.parse(
        {"encoder": "Encoder", "encoder_params": {"layers": [{"kernel_size": (3,), "keep": 1}]}}
    )
    assert parsed["encoder"] is Encoder
    assert parsed["backend"] == "psf" and parsed["epochs"] is None
    layer = parsed["encoder_params"]["layers"][0]
    assert layer == {"kernel_size": [3], "keep": 1.0} and isinstance(layer["keep"], float)


def test_parsing_twice_changes_nothing():
    values = {"encoder": Encoder, "encoder_params": {"layers": [{"kernel_size": [3]}]}}
    once = MODEL.parse(values)
    assert MODEL.parse(once) == once


def test_unknown_names_of_components_are_suggested():
    assert "Did you mean Encoder?" in messages({"encoder": "Encodr"})[0]


def test_parse_raises_with_all_problems():
    with pytest.raises(InputError) as raised:
        MODEL.parse({"backend": 3, "epochs": "x"})
    assert raised.value.exit_code == 2 and len(raised.value.problems) == 3


def test_cross_checks_run_only_on_values_of_the_right_type():
    def check(values, where):
        if values["n"] > 3:
            yield MODEL.problems({})[0]

    schema = Schema("S", [Param("n", int, "")], check=check)
    assert len(schema.problems({"n": "many"})) == 1
    assert len(schema.problems({"n": 4})) == 1
    assert schema.problems({"n": 2}) == []
