"""LSTMs of one direction on mini-LibriSpeech, which hear 0.63 s ahead: for text while people speak.

ds2_mini_librispeech.py with three differences, each of which a stream needs: LSTMs that go forward
only, as large in all; a row convolution above them, which sees what comes next; and features that
need no end, at the recording's own level and normalised by what was heard so far.

Command (import, check, training, language model, decoding, report):
    scripts/recipes/mini_librispeech.sh DATA_DIR runs/streaming/mini_librispeech \\
        --config_file=example_configs/speech2text/ds2_streaming_mini_librispeech.py
or, when train.csv and dev.csv are there:
    python run.py --config_file=example_configs/speech2text/ds2_streaming_mini_librispeech.py --mode=train_eval

Latency: `open-seq2seq context --config_file=...` prints it. Another one is another training, with
--encoder_params/look_ahead_seconds=0.15 (or 0.31; 1.27 with --encoder_params/row_conv_width=81).

Parameters: 7,381,021
Run here: built, a training step, a checkpoint's round trip and a stream that is the recording's
(tests/example_configs); not trained.
"""

from ds2_mini_librispeech import base_model, eval_params, infer_params, train_params
from ds2_mini_librispeech import base_params as bidirectional

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **bidirectional,
    "logdir": "runs/streaming/mini_librispeech/logdir",
    "encoder_params": {
        **bidirectional["encoder_params"],
        "rnn_cell_dim": 544,
        "rnn_unidirectional": True,
        # In frames of 30 ms: 18 after its own, of which as many count as look_ahead_seconds leaves.
        "row_conv": True,
        "row_conv_width": 37,
        "look_ahead_seconds": 0.63,
    },
    "data_layer_params": {
        **bidirectional["data_layer_params"],
        "gain": 1 / 32768,
        "feature_norm": "running",
        # Relative to full scale now, which recordings of speech stay some 10 dB below.
        "noise_floor": -70,
        "norm_range": None,
    },
}
