"""Configs that cannot be used: OpenSeq2Seq's other tasks, and names that are not there."""

import re
import shlex
from pathlib import Path

import pytest

from open_seq2seq.commands.run import make_parser
from open_seq2seq.config.loading import load_config
from open_seq2seq.config.openseq2seq.tf_names import _NAMES, OurName, TensorflowNames
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.errors import InputError
from open_seq2seq.experiment import effective_params
from open_seq2seq.optimizers import INITIALIZERS, OPTIMIZERS, REGULARIZERS

ROOT = Path(__file__).parents[2]

# The imports of one example of each task.
OTHER_TASKS = {
    "machine translation": """
        from __future__ import absolute_import, division, print_function
        import tensorflow as tf
        from open_seq2seq.models import Text2Text
        from open_seq2seq.encoders import TransformerEncoder
        from open_seq2seq.decoders import TransformerDecoder
        from open_seq2seq.data.text2text.text2text import ParallelTextDataLayer
        from open_seq2seq.losses import PaddedCrossEntropyLossWithSmoothing
    """,
    "speech synthesis": """
        import os
        import tensorflow as tf
        from open_seq2seq.data import Text2SpeechDataLayer
        from open_seq2seq.models import Text2SpeechTacotron
    """,
    "image classification": """
        from open_seq2seq.models import Image2Label
        from open_seq2seq.encoders import ResNetEncoder
        from open_seq2seq.data.image2label.image2label import ImagenetDataLayer
    """,
    "language modelling": """
        import tensorflow as tf
        from open_seq2seq.models import LSTMLM
        from open_seq2seq.encoders import LMEncoder
        from open_seq2seq.parts.rnns.weight_drop import WeightDropLayerNormBasicLSTMCell
    """,
    "sentiment analysis": """
        from open_seq2seq.models import LSTMLM
        from open_seq2seq.data import IMDBDataLayer
    """,
    "speech command classification": """
        from open_seq2seq.models import Image2Label
        from open_seq2seq.encoders import TDNNEncoder
        from open_seq2seq.decoders import FullyConnectedSCDecoder
        from open_seq2seq.data import SpeechCommandsDataLayer
    """,
    "attention-based speech recognition": """
        from open_seq2seq.models import Speech2Text
        from open_seq2seq.encoders import ListenAttendSpellEncoder
        from open_seq2seq.decoders import JointCTCAttentionDecoder
    """,
}


def failure(tmp_path, text):
    path = tmp_path / "my_config.py"
    path.write_text("\n".join(line.strip() for line in text.splitlines()))
    with pytest.raises(InputError) as raised:
        load_config(path)
    return path, raised.value


@pytest.mark.parametrize("task", sorted({*OTHER_TASKS} - {"language modelling"}))
def test_other_tasks_end_in_one_sentence(tmp_path, task):
    path, error = failure(tmp_path, OTHER_TASKS[task])
    message = str(error)
    assert message.startswith(f"{path} is a config for {task} (it imports ")
    assert "this framework does speech recognition with CTC" in message
    assert "\n" not in message and message.count(". ") == 0 and not error.problems


@pytest.mark.parametrize(
    "imports",
    [
        OTHER_TASKS["language modelling"],
        "from open_seq2seq.data import WKTDataLayer",
        "from open_seq2seq.data import WikitextDataLayer",
        "import open_seq2seq.models.lstm_lm",
        "from open_seq2seq.data.lm.lmdata import WKTDataLayer",
    ],
)
def test_old_language_models_are_told_how_one_is_trained(tmp_path, imports):
    """The command that is named trains one, with text in the place of its names."""
    path, error = failure(tmp_path, imports)
    assert str(error).startswith(f"{path} is a config for language modelling (it imports ")
    (command,) = re.findall(r"^    (python run.py .*)$", str(error), re.MULTILINE)
    arguments = shlex.split(command)[2:]
    flags, rest = make_parser().parse_known_args(arguments)
    config = load_config(ROOT / flags.config_file)
    for mode, text in (("train", "train.txt"), ("eval", "held_out.txt")):
        params = effective_params(config, split_arguments(rest), mode)
        assert config.base_model.PARAMS.fill(params)
        assert params["data_layer_params"]["dataset_files"] == [text]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from open_seq2seq.encoders import TDNNEncodr", "Did you mean TDNNEncoder?"),
        ("from open_seq2seq.encoders import MyEncoder", "an import of open_seq2seq.encoders.My"),
        ("from open_seq2seq.utils.hooks import X", "an import of open_seq2seq.utils.hooks"),
        ("import open_seq2seq.encoders.las_encoder", "attention-based speech recognition"),
        ("from open_seq2seq.utils.utils import deco_print", "Recognizer.load"),
        ("from open_seq2seq.data.speech2text.speech_utils import x", "extractor.FeatureExtractor"),
        ("import tensorflow as tf; tf.nn.rellu", "tf.nn.rellu, expected one of"),
        ("tf.nn.rellu", "Did you mean tf.nn.relu?"),
        ("tf.contrib.layers.batch_norm", "tf.contrib.layers.l2_regularizer"),
        ("from tensorflow.train import AdadeltaOptimizer", "tf.train.AdadeltaOptimizer, expected"),
        ("import tensorflow.signal as signal", "found tf.signal"),
        ("tf.train.AdamOptimizer(0.1)", "found tf.train.AdamOptimizer(...)"),
    ],
)
def test_names_that_are_not_there_are_told_with_their_line(tmp_path, line, expected):
    path, error = failure(tmp_path, f"import os\n\n{line}\n")
    assert expected in str(error)
    assert error.problems[0].where == f"{path}:3"


def test_a_name_that_a_function_uses_later_is_told_with_its_line(tmp_path):
    path = tmp_path / "late.py"
    path.write_text("base_model = object\nbase_params = {'f': lambda x: tf.nn.dropout(x)}\n")
    function = load_config(path).base_params["f"]
    with pytest.raises(InputError, match=rf"{path}:2: found tf\.nn\.dropout"):
        function(1.0)


def test_tensorflow_itself_is_one_import_away(tmp_path):
    import tensorflow

    path = tmp_path / "real.py"
    path.write_text(
        "import tensorflow.compat.v2 as tf\nbase_model = object\nbase_params = {'f': tf.signal}\n"
    )
    assert load_config(path).base_params["f"] is tensorflow.signal


def test_what_is_not_offered_is_no_attribute():
    names = TensorflowNames()
    assert hasattr(names, "contrib") and not hasattr(names, "estimator")
    assert "relu" in dir(names.nn)


def all_values(names):
    for value in names.values():
        yield from all_values(value) if isinstance(value, dict) else [value]


def test_every_component_that_a_name_stands_for_is_ours():
    stands_for = {value.name for value in all_values(_NAMES) if isinstance(value, OurName)}
    assert stands_for <= {*OPTIMIZERS, *REGULARIZERS, *INITIALIZERS}
    assert len(stands_for) >= 14


def test_every_function_is_one_of_keras():
    names = TensorflowNames()
    for part in (names, names.nn):
        for name in dir(part):
            value = getattr(part, name)
            if callable(value) and not isinstance(value, OurName):
                assert value.__module__.startswith(("keras", "open_seq2seq")), name
