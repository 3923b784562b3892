# pylint: skip-file
# ruff: noqa
# fmt: off
"""An LSTM over MFCCs on one GPU: cached features, mixed precision, clipped gradients."""
import os
import tensorflow as tf

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import exp_decay

base_model = Speech2Text
dataset_location = os.path.expanduser("~/datasets/speech/librispeech/")

rnn_type = "cudnn_lstm"

base_params = {
  "random_seed": 0,
  "use_horovod": False,
  "num_epochs": 50,

  "num_gpus": 1,
  "batch_size_per_gpu": 4,

  "save_summaries_steps": 100,
  "print_loss_steps": 50,
  "print_samples_steps": 250,
  "eval_steps": 250,
  "save_checkpoint_steps": 250,
  "logdir": "logs/librispeech-" + rnn_type,

  "optimizer": "Adam",
  "optimizer_params": {},
  "lr_policy": exp_decay,
  "lr_policy_params": {
    "learning_rate": 0.001,
    "begin_decay_at": 0,
    "decay_steps": 500,
    "decay_rate": 0.9,
    "use_staircase_decay": True,
    "min_lr": 1e-8,
  },
  "dtype": "mixed",
  "max_grad_norm": 0.25,
  "loss_scaling": "Backoff",

  "regularizer": tf.contrib.layers.l2_regularizer,
  "regularizer_params": {
    'scale': 0.0005
  },
  "initializer": tf.contrib.layers.xavier_initializer,

  "summaries": ['learning_rate', 'global_gradient_norm', 'loss_scale'],

  "encoder": DeepSpeech2Encoder,
  "encoder_params": {
    "conv_layers": [
    ],
    "num_rnn_layers": 2,
    "rnn_cell_dim": 16,

    "use_cudnn_rnn": True if 'cudnn' in rnn_type else False,
    "rnn_type": rnn_type,
    "rnn_unidirectional": True,

    "row_conv": False,
    "n_hidden": 16,

    "dropout_keep_prob": 0.5,
    "activation_fn": tf.nn.relu,
    "data_format": "channels_first",
  },

  "decoder": FullyConnectedCTCDecoder,
  "decoder_params": {
    "use_language_model": False,
  },
  "loss": CTCLoss,
  "loss_params": {},
}

train_params = {
  "data_layer": Speech2TextDataLayer,
  "data_layer_params": {
    "cache_features": False,
    "cache_format": 'hdf5',
    "cache_regenerate": False,
    "num_audio_features": 13,
    "input_type": "mfcc",
    "augmentation": {
      'time_stretch_ratio': 0.05,
      'noise_level_min': -90,
      'noise_level_max': -60
    },
    "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
    "dataset_files": [
      os.path.join(dataset_location, "librivox-train-clean-100.csv"),
    ],
    "max_duration": 16.7,
    "shuffle": True,
  },
}

eval_params = {
  "data_layer": Speech2TextDataLayer,
  "data_layer_params": {
    "num_audio_features": 13,
    "input_type": "mfcc",
    "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
    "dataset_files": [
      os.path.join(dataset_location, "librivox-dev-clean.csv"),
    ],
    "shuffle": False,
  },
}
