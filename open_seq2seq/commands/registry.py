"""The sub-commands of `open-seq2seq`: name, module, a line of help, the script that does the same.

A module has `main(arguments, prog) -> exit code`; it is imported when its command is called, so
that `open-seq2seq --help` waits for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

PROGRAM = "open-seq2seq"


class Command(NamedTuple):
    """A sub-command.

    Args:
      module: below `open_seq2seq.commands`.
      summary: a line of help.
      door: the script that does the same, relative to the repository; None: there is none.
      options: further arguments of the module's `main`.
    """

    module: str
    summary: str
    door: str | None = None
    options: Mapping[str, Any] = {}


def _mode(name: str, summary: str) -> Command:
    return Command("run", summary, "run.py", {"mode": name})


def _script(module: str, summary: str, script: str) -> Command:
    return Command(module, summary, f"scripts/{script}.py")


def _importer(summary: str, corpus: str, script: str | None = None) -> Command:
    return _script(f"importers.{corpus}", summary, f"import_{script or corpus}")


COMMANDS: dict[str, Command] = {
    "train": _mode("train", "learn from the training data of a config"),
    "train_eval": _mode("train_eval", "learn, evaluate meanwhile, keep the best checkpoints"),
    "eval": _mode("eval", "loss, WER and CER of a trained model"),
    "infer": _mode("infer", "transcripts (or logits) of recordings"),
    "listen": _script("listen", "text while people speak: microphone, recording, pipe", "listen"),
    "serve": _script("serve", "HTTP, WebSocket and a web page for trained models", "serve"),
    "demo": _script("demo", "the digits model behind a web page", "web_demo"),
    "context": _script(
        "context", "what each layer sees before and after, and the latency", "show_context"
    ),
    "export": Command(
        "export", "a folder that runs without the trainer: ONNX, LiteRT, ...", "run.py"
    ),
    "convert": _script(
        "convert", "a Kaldi acoustic model as ONNX, OpenVINO, SavedModel, LiteRT", "convert_kaldi"
    ),
    "score": _script(
        "score", "an acoustic model's scores of stored features, and a verdict", "score_features"
    ),
    "decode": _script("decode", "beam search over stored logits; tunes alpha and beta", "decode"),
    "rescore": _script("rescore", "choose from n-best lists with a neural model", "rescore"),
    "errors": _script(
        "errors", "where the errors of results are: words, sounds, speakers", "analyse_errors"
    ),
    "lexicon": _script(
        "lexicon", "a lexicon of pronunciations; manifests of phonemes", "make_lexicon"
    ),
    "lm build": _script("lm.build", "an n-gram language model of text, with KenLM", "build_lm"),
    "lm package": _script(
        "lm.package", "a scorer package of DeepSpeech", "generate_scorer_package"
    ),
    "lm trie": _script("lm.trie", "a trie for the scoring native_op", "generate_trie"),
    "import common_voice": _importer("a language of Mozilla Common Voice", "common_voice"),
    "import folder": _importer("recordings with a text beside each", "folder"),
    "import fsdd": _importer("the Free Spoken Digit Dataset", "fsdd"),
    "import kaldi": _importer("Kaldi data folders", "kaldi"),
    "import librispeech": _importer("LibriSpeech; downloads it", "librispeech", "librivox"),
    "import librispeech_layout": _importer(
        "a corpus in the layout of LibriSpeech", "librispeech_layout"
    ),
    "import ljspeech": _importer("LJ Speech, or a corpus in its layout", "ljspeech"),
    "import nemo": _importer("models or manifests of NVIDIA NeMo, and manifests for it", "nemo"),
    "import nemo_checkpoint": _importer(
        "a CTC model of NVIDIA NeMo: .nemo, .pt", "nemo_model", "nemo_checkpoint"
    ),
    "import neon": _importer("LibriSpeech as manifests of Nervana's neon", "neon"),
    "import openseq2seq": _importer(
        "a checkpoint of OpenSeq2Seq (TensorFlow 1)", "openseq2seq", "openseq2seq_checkpoint"
    ),
    "import stm": _importer("TED-LIUM, or other segment time marks (STM)", "stm"),
    "import table": _importer("tables of recordings and texts: CSV, TSV, Excel", "table"),
    "data convert": _script(
        "data.convert", "manifests as Arrow or Parquet, for millions of rows", "convert_manifest"
    ),
    "data shard": _script(
        "data.shard", "a corpus as tar files, to be read from front to back", "shard_data"
    ),
    "data check": _script("data.check", "what is wrong with a corpus: the doctor", "check_data"),
    "data split": _script("data.split", "training, development and test data", "split_data"),
    "data statistics": _script(
        "data.statistics", "means and deviations of a training set's features", "measure_features"
    ),
    "data resample": _script(
        "data.resample", "recordings as WAV files of one sample rate", "change_sample_rate"
    ),
    "synthesize": _script(
        "synthesize", "a corpus of synthetic speech, by eSpeak NG", "create_synthetic_data"
    ),
    "average": _script(
        "average", "the mean of a run's checkpoints, as a checkpoint", "average_checkpoints"
    ),
    "robustness": _script(
        "robustness", "error rates under noise, pauses, levels, channels", "robustness"
    ),
    "calibrate": _script(
        "calibrate", "how far word times are from a forced alignment", "calibrate_model"
    ),
    "word_times": _script("word_times", "times of words from stored logits", "dump_to_time"),
    "report": _script("report", "the result of runs as one HTML page", "make_report"),
    "results": _script("results", "the table of results in docs/", "make_results"),
    "plot": _script("plot.training", "WER and CER, or loss, during training", "plot_training"),
    "plot samples": _script(
        "plot.samples", "utterances and what a model makes of them", "plot_samples"
    ),
    "neon train": _script("neon_train", "training, with the arguments of neon's train.py", "train"),
    "neon evaluate": _script(
        "neon_evaluate", "error rates, with the arguments of neon's evaluate.py", "evaluate"
    ),
}
