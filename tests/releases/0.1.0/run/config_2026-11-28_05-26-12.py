from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import poly_decay


def layer(**more):
    return {
        "type": "conv1d",
        "repeat": 1,
        "kernel_size": [5],
        "stride": [1],
        "num_channels": 16,
        "padding": "SAME",
        "dilation": [1],
        **more,
    }


base_model = Speech2Text
base_params = {
    "random_seed": 3,
    "logdir": "/corpus/run",
    "batch_size_per_gpu": 4,
    "max_steps": 10,
    "save_checkpoint_steps": 4,
    "save_summaries_steps": 5,
    "print_loss_steps": 5,
    "print_samples_steps": 5,
    "eval_steps": 5,
    "num_checkpoints": 2,
    "optimizer": "Momentum",
    "optimizer_params": {"momentum": 0.9},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.02, "power": 1},
    "max_grad_norm": 5,
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [layer(stride=[2]), layer(residual=True, repeat=2)],
        "dropout_keep_prob": 0.8,
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
        "num_audio_features": 20,
        "num_fft": 256,
        "pad_to": 8,
        "gain": 1 / 32768,
        "feature_norm": "fixed",
        "vocab_file": "/corpus/vocab.txt",
        "dataset_files": ["/corpus/data.csv"],
    },
}
train_params = {
    "data_layer_params": {
        "augmentation": {
            "speed_perturbation_ratio": [0.95, 1.0, 1.05],
            "n_time_mask": 1,
            "width_time_mask": 3,
        }
    }
}

# run.py: a copy of /corpus/config.py
