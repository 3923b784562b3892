"""Config modules: executed, checked, merged."""

import textwrap

import pytest

from open_seq2seq.config.loading import load_config, merge
from open_seq2seq.errors import InputError


def write(folder, text):
    path = folder / "my_config.py"
    path.write_text(textwrap.dedent(text))
    return path


GOOD = """
    base_model = object
    base_params = {"a": {"x": 1, "y": [1, 2]}, "dtype": tf.float32}
    train_params = {"a": {"x": 2}}
    infer_params = {"b": 5}
    interactive_infer_params = {"b": 6}
"""


def test_mode_dictionaries_are_merged_over_the_base(tmp_path):
    config = load_config(write(tmp_path, GOOD))
    assert config.merged("train") == {"a": {"x": 2, "y": [1, 2]}, "dtype": "float32"}
    assert config.merged("eval")["a"] == {"x": 1, "y": [1, 2]}
    assert config.merged("interactive_infer")["b"] == 6


def test_merging_leaves_the_inputs_alone():
    base = {"a": {"list": [1]}}
    merged = merge(base, {"a": {"x": 1}})
    merged["a"]["list"].append(2)
    assert base == {"a": {"list": [1]}}


def test_neighbour_modules_of_the_config_can_be_imported(tmp_path):
    (tmp_path / "shared_settings_of_test.py").write_text("width = 7\n")
    text = (
        "from shared_settings_of_test import width\nbase_model = object\nbase_params = {'w': width}"
    )
    assert load_config(write(tmp_path, text)).base_params == {"w": 7}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base_params = {", "my_config.py:1:"),
        ("base_model = object\n\nbase_params = {'a': undefined}", "my_config.py:3"),
        ("base_parms = {}\nbase_model = object", "Is base_parms meant to be it?"),
        ("base_params = {}", "base_model"),
        ("base_params = {}\nbase_model = object\ntrain_params = 3", "train_params"),
    ],
)
def test_errors_name_the_place(tmp_path, text, expected):
    with pytest.raises(InputError) as raised:
        load_config(write(tmp_path, text))
    assert expected in str(raised.value)


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    write(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"Did you mean .*my_config\.py"):
        load_config(tmp_path / "my_confg.py")


def test_a_copy_that_a_run_keeps_finds_what_the_config_found(tmp_path):
    (tmp_path / "original").mkdir()
    (tmp_path / "original/neighbour_of_copied_config.py").write_text("width = 7\n")
    original = tmp_path / "original/config.py"
    original.write_text("never read")
    copy = tmp_path / "copy.py"
    copy.write_text(
        "from neighbour_of_copied_config import width\n"
        "base_model = object\n"
        "base_params = {'w': width, 'file': __file__}\n"
        f"# run.py: a copy of {original}\n"
    )
    assert load_config(copy).base_params == {"w": 7, "file": str(original)}
