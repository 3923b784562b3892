"""Jasper Mini, a Jasper of separable convolutions for small devices, on LibriSpeech.

Command:
    python run.py --config_file=example_configs/speech2text/jasper-Mini-for-Jetson.py --mode=train_eval

Parameters: 8,192,733
Published: none.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import NovoGrad
from open_seq2seq.optimizers.lr_policies import poly_decay


def block(kernel_size, num_channels, repeat=3, residual=True, **more):
    """Separable convolutions, whose result the block's input is added to."""
    layer = {
        "type": "sep_conv1d",
        "repeat": repeat,
        "kernel_size": [kernel_size],
        "stride": [1],
        "num_channels": num_channels,
        "padding": "SAME",
        "dilation": [1],
        "residual": residual,
    }
    return {**layer, **more}


base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/jasper-Mini-for-Jetson",
    "batch_size_per_gpu": 32,
    "num_epochs": 50,
    "dtype": "float32",
    "print_loss_steps": 10,
    "print_samples_steps": 2200,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1100,
    "eval_steps": 2200,
    "num_checkpoints": 2,
    "optimizer": NovoGrad,
    "optimizer_params": {"beta1": 0.95, "beta2": 0.98, "epsilon": 1e-8, "weight_decay": 0.001},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.02, "min_lr": 1e-5, "power": 2.0},
    "larc_params": {"larc_eta": 0.001},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            block(11, 256, repeat=1, residual=False, stride=[2]),
            block(11, 256),
            block(11, 256),
            block(13, 256),
            block(13, 256),
            block(17, 512),
            block(17, 512),
            block(21, 512),
            block(21, 512),
            block(25, 512),
            block(25, 512),
            block(29, 512, repeat=1, residual=False, dilation=[2]),
            block(1, 1024, repeat=1, residual=False),
        ],
        "dropout_keep_prob": 1.0,
        "activation_fn": "relu",
        "initializer": "xavier_initializer",
        "initializer_params": {"uniform": False},
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {"initializer": "xavier_initializer"},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 64,
        "norm_per_feature": True,
        "window": "hanning",
        "dither": 1e-5,
        "pad_to": 16,
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
        "augmentation": {
            "n_freq_mask": 2,
            "width_freq_mask": 6,
            "n_time_mask": 2,
            "width_time_mask": 6,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
