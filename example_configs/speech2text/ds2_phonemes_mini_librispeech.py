"""The network of ds2_mini_librispeech.py with phonemes (ARPAbet, CMUdict) in place of characters.

Command (import, check, training, language model, decoding, report):
    scripts/recipes/mini_librispeech.sh DATA_DIR --units=phonemes
or, when manifests/train.csv and dev.csv are there:
    cd runs/mini_librispeech/manifests
    open-seq2seq lexicon --manifest train.csv --output=train_phonemes.csv
    open-seq2seq lexicon --manifest dev.csv --output=dev_phonemes.csv
    cd ../../..
    python run.py --config_file=example_configs/speech2text/ds2_phonemes_mini_librispeech.py --mode=train_eval
Words, with a lexicon and a language model: docs/decoding.md.

Result on dev, seed 0: PER 12.9 %; with a 3-gram WER 16.7 %, CER 8.1 %.
Cost: 90 minutes on 2 CPU cores, beside much other work.

Parameters: 7,428,040
"""

from pathlib import Path

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import cosine_decay

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/phonemes/mini_librispeech/logdir",
    "batch_size_per_gpu": 8,
    "eval_batch_size_per_gpu": 16,
    "num_epochs": 35,
    "dtype": "auto",
    "print_loss_steps": 100,
    "print_samples_steps": 1000,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 865,
    "eval_steps": 865,
    "num_checkpoints": 2,
    "optimizer": "AdamW",
    "optimizer_params": {"beta2": 0.98, "weight_decay": 0.01},
    "max_grad_norm": 5.0,
    "ema_decay": 0.999,
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.002, "warmup_steps": 300, "min_lr_fraction": 0.01},
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        # Small kernels over time and frequency: 24 voices are few, and a sound of another one lies a
        # little higher or lower. Every 4th frame would be too few for a fast speaker's characters.
        "conv_layers": [
            {"kernel_size": [5, 5], "stride": [3, 2], "num_channels": 32, "padding": "SAME"},
            {"kernel_size": [5, 5], "stride": [1, 2], "num_channels": 32, "padding": "SAME"},
        ],
        "num_rnn_layers": 3,
        "rnn_cell_dim": 320,
        "rnn_type": "lstm",
        "rnn_arrangement": "interleaved",
        "rnn_unidirectional": False,
        "n_hidden": 512,
        "dropout_keep_prob": 0.65,
        "rnn_weight_drop_prob": 0.1,
        "activation_fn": "relu",
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "loss_params": {"intermediate_layers": [2], "intermediate_weight": 0.3},
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 64,
        "window_size": 0.02,
        "window_stride": 0.01,
        "norm_per_feature": True,
        # Pauses do not change what speech looks like; digital silence looks like a quiet room.
        "norm_range": 35,
        "noise_floor": -60,
        "dither": 1e-5,
        "pad_to": 16,
        "vocab_file": str(Path(__file__).parent / "phonemes.txt"),
        "symbol_separator": " ",
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": ["runs/mini_librispeech/manifests/train_phonemes.csv"],
        # Of each recording three speeds, kept on disk once they were computed.
        "cache_features": True,
        "cache_dir": "runs/phonemes/mini_librispeech/features",
        "sorted_epochs": 1,
        "augmentation": {
            "speed_perturbation_ratio": [0.9, 1.0, 1.1],
            "vtlp_ratio": 0.1,
            "level_min": -5.0,
            "level_max": 13.0,
            "n_freq_mask": 2,
            "width_freq_mask": 12,
            "n_time_mask": 3,
            "width_time_mask": 25,
            "max_time_mask_share": 0.2,
            # Recordings begin and end with the sentence; who speaks to the model pauses.
            "pauses": {
                "probability": 0.15,
                "max_duration": 1.0,
                "digital_share": 0.3,
                "noise_level_min": -70,
                "noise_level_max": -25,
            },
            "num_forms": 3,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["runs/mini_librispeech/manifests/dev_phonemes.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["runs/mini_librispeech/manifests/dev_phonemes.csv"]},
}
