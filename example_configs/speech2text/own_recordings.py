"""Your own recordings at 16 kHz or above: a network for minutes to a few hours of speech.

Command (docs/getting_started.md has it from the recordings to the transcripts):
    cp example_configs/speech2text/own_recordings.py my_config.py     # and name your files in it
    python run.py --config_file=my_config.py --mode=train_eval
or, when data/train.csv and data/dev.csv are there:
    python run.py --config_file=example_configs/speech2text/own_recordings.py --mode=train_eval

Parameters: 4,890,045
Cost: 60 epochs of 420 digits by one speaker, 3.6 minutes, took 4 min 12 s on 2 cores of an AMD EPYC.
Result: none of that speaker's 50 held-out digits was wrong (docs/getting_started.md); with up to 0.5 s of
silence before or behind them up to 3 were, with 2 s before them 6.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import cosine_decay

# Your files; paths are relative to the folder that run.py is started in.
TRAIN = ["data/train.csv"]
DEV = ["data/dev.csv"]  # never trained on: recordings, and better also speakers, of their own
VOCAB = "example_data/digits/vocab.txt"  # space, a to z, apostrophe
LOGDIR = "runs/my_config"  # a new one for each training

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": LOGDIR,
    # A small batch makes many steps of few recordings: CTC needs a thousand or two to find words.
    "batch_size_per_gpu": 8,
    "eval_batch_size_per_gpu": 16,
    "num_epochs": 60,
    "dtype": "auto",
    "print_loss_steps": 100,
    "print_samples_steps": 500,
    "save_summaries_steps": 50,
    "save_checkpoint_steps": 250,
    "eval_steps": 250,
    "num_checkpoints": 2,
    "restore_best_checkpoint": True,
    "optimizer": "AdamW",
    "optimizer_params": {"beta2": 0.98, "weight_decay": 0.01},
    "max_grad_norm": 5.0,
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.002, "warmup_steps": 200, "min_lr_fraction": 0.01},
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        "conv_layers": [
            # Every 2nd frame is kept: short words spoken fast have few frames for each letter.
            {"kernel_size": [5, 5], "stride": [2, 2], "num_channels": 32, "padding": "SAME"},
            {"kernel_size": [5, 5], "stride": [1, 2], "num_channels": 32, "padding": "SAME"},
        ],
        "num_rnn_layers": 3,
        "rnn_cell_dim": 256,
        "rnn_type": "lstm",
        "rnn_arrangement": "interleaved",
        "rnn_unidirectional": False,
        "n_hidden": 256,
        "dropout_keep_prob": 0.7,
        "activation_fn": "relu",
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 16000,  # other rates are resampled to it
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
        "vocab_file": VOCAB,
        # Lower case, no punctuation. "librispeech" also writes English numbers as words.
        "text_normalization": "plain",
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": TRAIN,
        "sorted_epochs": 1,
        "augmentation": {
            "speed_perturbation_ratio": [0.9, 1.0, 1.1],
            "n_freq_mask": 2,
            "width_freq_mask": 8,
            "n_time_mask": 2,
            "width_time_mask": 20,
            "max_time_mask_share": 0.2,
            # Recordings are often cut at the first and the last word; who speaks pauses.
            "pauses": {
                "probability": 0.2,
                "max_duration": 1.0,
                "digital_share": 0.4,
                "noise_level_min": -70,
                "noise_level_max": -20,
            },
        },
    },
}

eval_params = {"data_layer_params": {"dataset_files": DEV}}

infer_params = {"data_layer_params": {"dataset_files": DEV}}
