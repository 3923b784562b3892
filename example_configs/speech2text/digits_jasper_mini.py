"""Spoken digits with a small Jasper, on the packaged recordings.

Command:
    python run.py --config_file=example_configs/speech2text/digits_jasper_mini.py --mode=train_eval

Parameters: 1,706,013. Cost: 40 epochs, 3160 steps, 4.7 minutes on 2 cores of an AMD EPYC (Zen 4) in
bfloat16 when pauses were less frequent. Result, greedy, on the 300 recordings of the official test
split: WER 1.00 %; with silence, noise, other levels: docs/robustness.md.
"""

from pathlib import Path

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import cosine_decay

digits = Path(__file__).parents[2] / "example_data" / "digits"


def block(kernel_size, num_channels, repeat=2, **more):
    """A residual block of convolutions over time."""
    layer = {
        "type": "conv1d",
        "repeat": repeat,
        "kernel_size": [kernel_size],
        "stride": [1],
        "num_channels": num_channels,
        "padding": "SAME",
        "dilation": [1],
        "dropout_keep_prob": 0.9,
        "residual": True,
    }
    return {**layer, **more}


base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/digits_jasper_mini",
    "batch_size_per_gpu": 32,
    "num_epochs": 40,
    "dtype": "auto",
    "print_loss_steps": 100,
    "print_samples_steps": 500,
    "save_summaries_steps": 50,
    "save_checkpoint_steps": 500,
    "eval_steps": 250,
    "num_checkpoints": 2,
    "optimizer": "AdamW",
    "optimizer_params": {"beta2": 0.98, "weight_decay": 0.01},
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.003, "warmup_steps": 100, "min_lr_fraction": 0.01},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            block(11, 128, repeat=1, stride=[2], residual=False),
            block(9, 128),
            block(9, 192),
            block(9, 192),
            block(1, 256, repeat=1, residual=False),
        ],
        "dropout_keep_prob": 0.9,
        "activation_fn": "relu",
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 8000,
        "input_type": "logfbank",
        "num_audio_features": 40,
        "num_fft": 256,
        "window_size": 0.02,
        "window_stride": 0.01,
        "norm_per_feature": True,
        # Pauses do not change what speech looks like; digital silence looks like a quiet room.
        "norm_range": 35,
        "noise_floor": -50,
        "dither": 1e-5,
        "pad_to": 16,
        "vocab_file": str(digits / "vocab.txt"),
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": [str(digits / "train.csv")],
        "augmentation": {
            "speed_perturbation_ratio": [0.9, 1.0, 1.1],
            "n_freq_mask": 2,
            "width_freq_mask": 4,
            "n_time_mask": 1,
            "width_time_mask": 4,
            # Recordings are trimmed to the word; who speaks to the model pauses.
            "pauses": {
                "probability": 0.4,
                "max_duration": 0.8,
                "digital_share": 0.4,
                "noise_level_min": -55,
                "noise_level_max": -15,
            },
        },
    },
}

eval_params = {"data_layer_params": {"dataset_files": [str(digits / "dev.csv")]}}

infer_params = {"data_layer_params": {"dataset_files": [str(digits / "test.csv")]}}
