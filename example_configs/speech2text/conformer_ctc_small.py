"""Conformer-CTC S on LibriSpeech, with the layers of NVIDIA NeMo's.

Command:
    python run.py --config_file=example_configs/speech2text/conformer_ctc_small.py --mode=train_eval

Symbols are the 128 pieces of a SentencePiece model that is made of the training transcripts:
    spm_train --input=transcripts.txt --model_prefix=data/librispeech/unigram_128
      --vocab_size=128 --model_type=unigram --character_coverage=1.0

Parameters: 12,995,441
Published: greedy WER 3.4 % test-clean, 8.8 % test-other (NeMo's table of checkpoints, Conformer-CTC
small of LibriSpeech only, 13 million parameters).
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import ConformerEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import transformer_policy

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/conformer_ctc_small",
    "use_horovod": True,
    "num_gpus": 8,
    "batch_size_per_gpu": 32,
    "num_epochs": 300,
    "dtype": "mixed",
    "print_loss_steps": 10,
    "print_samples_steps": 2200,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1100,
    "eval_steps": 2200,
    "num_checkpoints": 2,
    "optimizer": "AdamW",
    "optimizer_params": {"beta2": 0.98, "weight_decay": 0.001},
    "lr_policy": transformer_policy,
    "lr_policy_params": {"learning_rate": 2.0, "d_model": 176, "warmup_steps": 10000},
    "encoder": ConformerEncoder,
    "encoder_params": {
        "num_layers": 16,
        "hidden_size": 176,
        "num_heads": 4,
        "subsampling": "striding",
        "subsampling_factor": 4,
        "conv_kernel_size": 31,
        "dropout_keep_prob": 0.9,
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 80,
        "num_fft": 512,
        "window_size": 0.025,
        "window_stride": 0.01,
        "norm_per_feature": True,
        "window": "hanning",
        "dither": 1e-5,
        "bpe": True,
        "vocab_file": "data/librispeech/unigram_128.model",
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
            "width_freq_mask": 27,
            "n_time_mask": 5,
            "width_time_mask": 40,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
