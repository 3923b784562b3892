"""The example configs of language models: valid, and as large as they say."""

import ast
import math
from pathlib import Path

import keras
import pytest

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.experiment import effective_params
from open_seq2seq.training.loss_scale import LossScaling

FOLDER = Path(__file__).parents[2] / "example_configs/text"
PARAMETERS = {"lstm_lm": 1_556_360, "transformer_lm": 1_720_976}


def test_every_example_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.py")} == PARAMETERS.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_is_valid_and_as_large_as_it_says(name):
    config = load_config(FOLDER / f"{name}.py")
    params = {mode: effective_params(config, [], mode) for mode in ("train", "eval", "infer")}
    text = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text()))
    command = f"python run.py --config_file=example_configs/text/{name}.py --mode=train_eval"
    assert command in text and f"Parameters: {PARAMETERS[name]:,}." in text
    filled = config.base_model.PARAMS.fill(params["train"])
    vocabulary = filled["data_layer_params"]["vocab_size"]
    with keras.StatelessScope(initialize_variables=False):
        model = config.base_model(filled, vocabulary)
    assert sum(math.prod(v.shape) for v in model.trainable_variables) == PARAMETERS[name]
    # --loss_scaling=Backoff is for any model, and says where it has no effect.
    overrides = split_arguments(["--loss_scaling=Backoff"])
    scaled = config.base_model.PARAMS.fill(effective_params(config, overrides, "train"))
    assert not LossScaling(scaled, model).dynamic
    keras.utils.clear_session(free_memory=False)
