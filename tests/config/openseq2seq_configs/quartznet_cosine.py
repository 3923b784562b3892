# pylint: skip-file
# ruff: noqa
# fmt: off
# A QuartzNet that takes most of its settings from a second file, as OpenSeq2Seq's users do.
import tensorflow as tf
from open_seq2seq.models import Speech2Text
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.optimizers.lr_policies import cosine_decay
from open_seq2seq.optimizers.novograd import NovoGrad
from shared_quartznet import common, data, masks

base_model = Speech2Text

base_params = {
    **common,
    "random_seed": 0,
    "use_horovod": False,
    "num_gpus": 1,
    "num_epochs": 400,
    "batch_size_per_gpu": 32,
    "logdir": "quartznet_log_folder",

    "optimizer": NovoGrad,
    "optimizer_params": {
        "beta1": 0.95,
        "beta2": 0.5,
        "epsilon": 1e-08,
        "weight_decay": 0.001,
        "grad_averaging": False,
    },
    "lr_policy": cosine_decay,
    "lr_policy_params": {
        "learning_rate": 0.01,
        "min_lr": 0.0,
        "warmup_steps": 1000
    },
    "dtype": tf.float32,

    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            {
                "type": "sep_conv1d", "repeat": 1,
                "kernel_size": [33], "stride": [2],
                "num_channels": 256, "padding": "SAME",
                "dilation":[1]
            },
            {
                "type": "sep_conv1d", "repeat": 5,
                "kernel_size": [33], "stride": [1],
                "num_channels": 256, "padding": "SAME",
                "dilation":[1],
                "residual": True, "residual_dense": False
            },
            {
                "type": "conv1d", "repeat": 1,
                "kernel_size": [1], "stride": [1],
                "num_channels": 1024, "padding": "SAME",
                "dilation":[1]
            }
        ],
        "dropout_keep_prob": 1.0,
        "initializer": tf.contrib.layers.xavier_initializer,
        "initializer_params": {
            'uniform': False,
        },
        "normalization": "batch_norm",
        "activation_fn": tf.nn.relu,
        "data_format": "channels_last",
        "use_conv_mask": True,
    },
}

train_params = {
    "data_layer_params": {
        "augmentation": masks,
        "dataset_files": data("train-clean-100", "train-clean-360", "train-other-500"),
        "max_duration": 16.7,
        "shuffle": True,
    },
}

eval_params = {
    "data_layer_params": {
        "dataset_files": data("dev-clean"),
        "shuffle": False,
    },
}

infer_params = {
    "data_layer_params": {
        "dataset_files": data("test-clean"),
        "shuffle": False,
    },
}
