"""The parameters of the speech data layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.data.normalization import NORMALIZATION
from open_seq2seq.data.speech2text.augmentation import AUGMENTATION
from open_seq2seq.data.speech2text.feature_cache import CACHE_PARAMS
from open_seq2seq.errors import Problem
from open_seq2seq.features.extractor import FEATURE_PARAMS, feature_problems
from open_seq2seq.features.params import STORED


def _check(values: Params, where: str) -> Iterable[Problem]:
    prefix = f"{where}/" if where else ""
    yield from feature_problems(values, where)
    if values.get("autoregressive"):
        remedy = "Set autoregressive to False."
        found = "True, for attention models"
        yield Problem(f"{prefix}autoregressive", found, "False: this is a CTC framework", remedy)
    if values.get("syn_enable") and not values.get("syn_subdirs"):
        expected = "folders of synthetic speech (syn_enable is True)"
        remedy = "Set syn_subdirs to ['en-us'], the folders' names, or set syn_enable to False."
        yield Problem(f"{prefix}syn_subdirs", "nothing", expected, remedy)
    if values.get("bpe") and values.get("symbol_separator"):
        remedy = "Set bpe to False, or remove symbol_separator."
        found = "a separator of symbols beside bpe"
        yield Problem(f"{prefix}symbol_separator", found, "one of them", remedy)
    if values.get("input_type") == STORED:
        yield from _stored_problems(values, prefix)
    low, high = values.get("min_duration") or -1.0, values.get("max_duration") or -1.0
    if 0 < high < low:
        expected = f"at most max_duration, {high:g}"
        remedy = f"Set min_duration to {high!r} and max_duration to {low!r}, or remove one of them."
        yield Problem(f"{prefix}min_duration", f"{low:g}", expected, remedy)


# What masks features, and so is possible without a signal.
_MASKS = ("spec_augment", "n_time_mask", "width_time_mask", "n_freq_mask", "width_freq_mask")


def _stored_problems(values: Params, prefix: str) -> Iterable[Problem]:
    """What stored features cannot have: they have no samples."""
    for name, value in (values.get("augmentation") or {}).items():
        if value and not (name in _MASKS or "mask" in name):
            where, found = f"{prefix}augmentation/{name}", repr(value)
            remedy = "Remove it; masks (spec_augment) are possible."
            yield Problem(where, found, "nothing: stored features have no samples", remedy)
    for name in ("features_on_device", "syn_enable"):
        if values.get(name):
            remedy = f"Set {name} to False."
            yield Problem(prefix + name, "True", "False: features are stored", remedy)


_DATA_PARAMS = [
    Param("vocab_file", str, "File with one symbol per line, or a SentencePiece model (bpe)."),
    Param(
        "dataset_files",
        list,
        "Manifests (CSV, one JSON object per line, pairs of paths, Arrow, Parquet and folders of "
        "it), or shards/*.tar, concatenated in this order; "
        "with input_type 'stored' also feats.scp or archives of Kaldi, with a file text beside.",
        default=[],
        item=Param("file", str, "A manifest."),
    ),
    NORMALIZATION,
    Param("bpe", bool, "Labels are the pieces of the SentencePiece model in vocab_file.", False),
    Param(
        "symbol_separator",
        str,
        "What transcripts have between symbols, a space: 'HH AH L OW', for phonemes. vocab_file "
        "then has a symbol of any length in each line. None: symbols follow one another.",
        default=None,
        choices=(" ",),
    ),
    Param(
        "augmentation",
        dict,
        "Random changes of the audio, in the mode whose parameters hold it.",
        default=None,
        schema=AUGMENTATION,
    ),
    Param(
        "max_duration",
        (float, type(None)),
        "Leave out recordings longer than this, in seconds, before speed perturbation; -1 or "
        "None: off.",
        default=-1.0,
    ),
    Param(
        "min_duration",
        (float, type(None)),
        "Leave out recordings shorter than this, in seconds, before speed perturbation; -1 or "
        "None: off.",
        default=-1.0,
    ),
    Param(
        "syn_enable",
        bool,
        "Put a random one of syn_subdirs in place of {} in the paths (not in inference).",
        default=False,
    ),
    Param(
        "syn_subdirs",
        list,
        "Folders that hold the same sentences from different synthetic voices.",
        default=None,
        item=Param("folder", str, "A folder's name."),
    ),
    Param(
        "check_files",
        str,
        "What is checked before a run: all recordings' headers and transcripts; those of 10,000 "
        "utterances drawn by the seed (sampled); none. What is wrong in the others shows when "
        "their turn comes.",
        default="all",
        choices=("all", "sampled", "none"),
    ),
    Param(
        "shuffle",
        bool,
        "Random batches in random order; None: in training only. Not possible elsewhere.",
        default=None,
    ),
    Param(
        "shuffle_buffer",
        int,
        "Utterances of shards (tar files) among which batches are made, of shards in random order: "
        "what is read at a time lies together.",
        8192,
        minimum=1,
    ),
    Param(
        "sorted_epochs",
        int,
        "First epochs whose batches come from the shortest recordings to the longest (SortaGrad): "
        "CTC starts more easily.",
        0,
        minimum=0,
    ),
    Param(
        "num_buckets",
        int,
        "Number of lengths that batches are padded to, chosen for least padding.",
        default=8,
        minimum=1,
    ),
    Param(
        "max_batch_duration",
        float,
        "Seconds in a batch of each device, padding and slowest speed included, at most; beside "
        "the limit of the batch size. None: only the batch size counts.",
        default=None,
        minimum=0,
    ),
    Param(
        "features_on_device",
        bool,
        "Training's batches hold samples, and its step computes their features on the device that "
        "trains, for JAX on a GPU or TPU; equal to 1e-4. Not with cache_features and "
        "augmentation/vtlp_ratio. Without effect in other modes.",
        default=False,
    ),
    Param(
        "loader_workers",
        int,
        "Threads that load batches ahead; 0: none, load when needed; None: one per core, up to 8.",
        default=None,
        minimum=0,
    ),
]


def _set_by_the_model(name: str, kind: Any, default: Any = None) -> Param:
    why = "the model sets it."
    return Param(
        name, kind, "Set by the model; a value here has no effect.", default, no_effect=why
    )


# What OpenSeq2Seq's models put into this dictionary, so that old configs may have them.
_ACCEPTED_PARAMS = [
    Param("autoregressive", bool, "For attention models, which are not supported.", False),
    _set_by_the_model("batch_size", int),
    _set_by_the_model("mode", str),
    Param(
        "repeat",
        bool,
        "Accepted for old configs and without effect.",
        None,
        no_effect="training repeats its data, other modes read them once.",
    ),
    _set_by_the_model("interactive", bool, False),
    Param(
        "dtype",
        object,
        "Accepted for old configs: features are always float32.",
        None,
        no_effect="features are float32 until they reach the model.",
    ),
]

SPEECH2TEXT_DATA = Schema(
    "Speech2TextDataLayer",
    [*_DATA_PARAMS, *FEATURE_PARAMS, *CACHE_PARAMS, *_ACCEPTED_PARAMS],
    check=_check,
    summary="Recordings and transcripts as batches of features and labels.",
)
