"""Jasper DR 10x5 as in jasper10x5_LibriSpeech_nvgrad.py, with masks instead of speed perturbation.

Command:
    python run.py --config_file=example_configs/speech2text/jasper10x5_LibriSpeech_nvgrad_masks.py --mode=train_eval

Parameters: 332,632,349
Published: none for this file; for Jasper DR 10x5, see jasper10x5_LibriSpeech_nvgrad.py.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from jasper10x5_LibriSpeech_nvgrad import base_model, eval_params, infer_params
from jasper10x5_LibriSpeech_nvgrad import base_params as without_masks
from jasper10x5_LibriSpeech_nvgrad import train_params as with_speed_perturbation

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {**without_masks, "logdir": "runs/jasper10x5_LibriSpeech_nvgrad_masks"}

train_params = {
    "data_layer_params": {
        **with_speed_perturbation["data_layer_params"],
        "augmentation": {
            "n_freq_mask": 2,
            "width_freq_mask": 6,
            "n_time_mask": 2,
            "width_time_mask": 6,
        },
    },
}
