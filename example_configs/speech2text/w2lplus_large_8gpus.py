"""Wave2Letter+ on LibriSpeech: a stride of 2 and a dilation make Wave2Letter faster and better.

Command:
    python run.py --config_file=example_configs/speech2text/w2lplus_large_8gpus.py --mode=train_eval

On one device, --iter_size=8 keeps the published batch of 256 utterances.

Parameters: 106,496,285
Published: greedy WER 6.67 % dev-clean, 18.67 % dev-other, 6.58 % test-clean, 19.61 % test-other
(OpenSeq2Seq, docs/sources/source/speech-recognition/wave2letter.rst).
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from keras import ops

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import poly_decay


def convolutions(repeat, kernel_size, num_channels, keep, **more):
    """`repeat` convolutions over time."""
    layer = {
        "type": "conv1d",
        "repeat": repeat,
        "kernel_size": [kernel_size],
        "stride": [1],
        "num_channels": num_channels,
        "padding": "SAME",
        "dilation": [1],
        "dropout_keep_prob": keep,
    }
    return {**layer, **more}


base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/w2lplus_large_8gpus",
    "use_horovod": True,
    "num_gpus": 8,
    "batch_size_per_gpu": 32,
    "num_epochs": 200,
    "dtype": "float32",
    "print_loss_steps": 10,
    "print_samples_steps": 2200,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1100,
    "eval_steps": 2200,
    "optimizer": "Momentum",
    "optimizer_params": {"momentum": 0.9},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.05, "power": 2.0},
    "larc_params": {"larc_eta": 0.001},
    "regularizer": "l2_regularizer",
    "regularizer_params": {"scale": 0.001},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            convolutions(1, 11, 256, 0.8, stride=[2]),
            convolutions(3, 11, 256, 0.8),
            convolutions(3, 13, 384, 0.8),
            convolutions(3, 17, 512, 0.8),
            convolutions(3, 21, 640, 0.7),
            convolutions(3, 25, 768, 0.7),
            convolutions(1, 29, 896, 0.6, dilation=[2]),
            convolutions(1, 1, 1024, 0.6),
        ],
        "dropout_keep_prob": 0.7,
        "activation_fn": lambda x: ops.minimum(ops.relu(x), 20.0),
        "initializer": "xavier_initializer",
        "initializer_params": {"uniform": False},
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {"initializer": "xavier_initializer"},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "psf",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 64,
        "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": [
            "data/librispeech/librivox-train-clean-100.csv",
            "data/librispeech/librivox-train-clean-360.csv",
            "data/librispeech/librivox-train-other-500.csv",
        ],
        "max_duration": 16.7,
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
