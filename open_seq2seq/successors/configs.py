"""OpenSeq2Seq's example configs."""

from __future__ import annotations

from open_seq2seq.successors.row import Row, not_here, replaced, works

LANGUAGE_MODEL_COMMAND = (
    "python run.py --config_file=example_configs/text/lstm_lm.py --mode=train_eval "
    "--train_params/data_layer_params/dataset_files=train.txt "
    "--eval_params/data_layer_params/dataset_files=held_out.txt"
)
LANGUAGE_MODELS = (
    f"language models are trained on lines of text: `{LANGUAGE_MODEL_COMMAND}`, or with "
    "`example_configs/text/transformer_lm.py`. `--mode=eval` gives their perplexity, "
    "`scripts/rescore.py` puts them to use (docs/language_models.md)."
)
_JASPER = "`example_configs/speech2text/jasper10x5_LibriSpeech_nvgrad.py`"
_W2L = "`example_configs/speech2text/w2lplus_large_8gpus.py`"
_UNCHANGED = "Your own copy of it works unchanged too."

CONFIGS: tuple[Row, ...] = (
    works(
        "example_configs/speech2text/ds2_small_1gpu.py "
        "example_configs/speech2text/ds2_medium_4gpus.py "
        "example_configs/speech2text/ds2_large_8gpus.py "
        "example_configs/speech2text/ds2_large_8gpus_mp.py "
        "example_configs/speech2text/lstm_small_1gpu.py "
        "example_configs/speech2text/w2l_large_8gpus.py "
        "example_configs/speech2text/w2l_large_8gpus_mp.py "
        "example_configs/speech2text/w2lplus_large_8gpus.py "
        "example_configs/speech2text/w2lplus_large_8gpus_mp.py "
        "example_configs/speech2text/jasper10x5_LibriSpeech_nvgrad.py "
        "example_configs/speech2text/jasper10x5_LibriSpeech_nvgrad_masks.py "
        "example_configs/speech2text/jasper-Mini-for-Jetson.py "
        "example_configs/speech2text/quartznet15x5_LibriSpeech.py",
        "The same networks and settings (docs/configs.md); " + _UNCHANGED.lower(),
    ),
    replaced(
        "example_configs/speech2text/ds2_toy_config.py "
        "example_configs/speech2text/ds2_toy_data_config.py",
        "`python run.py --config_file=example_configs/speech2text/ds2_toy.py --mode=train_eval`, "
        "the same network on ten other recordings.",
    ),
    replaced(
        "open_seq2seq/test_utils/test_speech_configs/ds2_test_config.py "
        "open_seq2seq/test_utils/test_speech_configs/w2l_test_config.py "
        "open_seq2seq/test_utils/test_speech_configs/jasper_res_blockout_test_config.py "
        "open_seq2seq/test_utils/test_speech_config.py",
        "`example_configs/speech2text/ds2_toy.py`; the toy configs are trained by "
        "`python -m pytest -m slow tests/convergence`.",
    ),
    replaced(
        "example_configs/speech2text/ds2_quick_librispeech_config.py "
        "example_configs/speech2text/ds2_librispeech_adam_config.py "
        "example_configs/speech2text/ds2_librispeech_larc_config.py "
        "example_configs/speech2text/ds2_medium_config.py "
        "example_configs/speech2text/deepspeech2_librispeech_8gpus*.py",
        "`example_configs/speech2text/ds2_small_1gpu.py`, `ds2_medium_4gpus.py` and "
        "`ds2_large_8gpus.py` there. " + _UNCHANGED,
    ),
    replaced(
        "example_configs/speech2text/w2l_large_*.py example_configs/speech2text/w2l_medium_*.py",
        f"{_W2L} and `w2l_large_8gpus.py` there. " + _UNCHANGED,
    ),
    not_here(
        "example_configs/speech2text/jasper_commands.py "
        "example_configs/speech2text/jasper_commands_8gpu.py "
        "example_configs/image2label/resnet_commands.py "
        "example_configs/image2label/resnet_commands_8gpu.py",
        "the classification of speech commands; a recogniser of few words is "
        "`example_configs/speech2text/digits_jasper_mini.py`.",
    ),
    replaced(
        "example_configs/speech2text/jasper*.py example_configs/speech2text/nsr_*.py",
        f"{_JASPER}. {_UNCHANGED}",
    ),
    not_here(
        "example_configs/speech2text/jca_large_8gpus.py "
        "example_configs/speech2text/las_large_8gpus.py "
        "example_configs/speech2text/jca_*.py example_configs/speech2text/las_*.py "
        "example_configs/speech2text/cca_*.py",
        "attention-based recognition; CTC is what is trained, for example with " + _W2L + ".",
    ),
    replaced("example_configs/lstmlm/* example_configs/lm/*", LANGUAGE_MODELS),
    not_here(
        "example_configs/text2text/* example_configs/nlp_oss_experiments/*", "machine translation."
    ),
    not_here("example_configs/text2speech/*", "speech synthesis."),
    not_here("example_configs/image2label/*", "image classification."),
    not_here("example_configs/transfer/*", "sentiment analysis."),
)
