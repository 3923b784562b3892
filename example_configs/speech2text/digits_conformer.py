"""Spoken digits with a small Conformer, on the packaged recordings.

Command:
    python run.py --config_file=example_configs/speech2text/digits_conformer.py --mode=train_eval

Parameters: 967,453. Cost: 30 epochs, 2370 steps, 20 minutes on 2 cores of an AMD EPYC (Zen 4) that
others used as well, in bfloat16. Result, greedy: WER 1.67 % (5 of 300 words) on the official test
split, with --mode=eval and
--eval_params/data_layer_params/dataset_files="['example_data/digits/test.csv']"; 1.11 % on the
recordings that training evaluates on.
"""

from pathlib import Path

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import ConformerEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import cosine_decay

digits = Path(__file__).parents[2] / "example_data" / "digits"

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/digits_conformer",
    "batch_size_per_gpu": 32,
    "num_epochs": 30,
    "dtype": "mixed",
    "print_loss_steps": 100,
    "print_samples_steps": 500,
    "save_summaries_steps": 50,
    "save_checkpoint_steps": 500,
    "eval_steps": 250,
    "num_checkpoints": 2,
    "optimizer": "AdamW",
    "optimizer_params": {"beta2": 0.98, "weight_decay": 0.01},
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.002, "warmup_steps": 200, "min_lr_fraction": 0.01},
    "encoder": ConformerEncoder,
    "encoder_params": {
        "num_layers": 4,
        "hidden_size": 96,
        "num_heads": 4,
        # Half of the frames: some recordings are too short for a quarter of them.
        "subsampling_factor": 2,
        "subsampling_channels": 32,
        "conv_kernel_size": 15,
        "dropout_keep_prob": 0.9,
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
        },
    },
}

eval_params = {"data_layer_params": {"dataset_files": [str(digits / "dev.csv")]}}

infer_params = {"data_layer_params": {"dataset_files": [str(digits / "test.csv")]}}
