"""Parameters that configs of OpenSeq2Seq have, and that do nothing here."""

from __future__ import annotations

from open_seq2seq.config.schema import Param

HOOKS = Param("hooks", list, "Accepted for old configs; must be empty.", [])


def _without_meaning(name: str) -> Param:
    """A parameter of old configs that does nothing, and why."""
    why = "OpenSeq2Seq's speech models had no use for it."
    if "trt" in name:
        why = "TensorRT rewrote TensorFlow 1 graphs; inference runs the model as it is."
    help = "Accepted for old configs; has no meaning here."
    return Param(name, object, help, None, no_effect=why)


OF_OLD_CONFIGS = list(
    map(
        _without_meaning,
        (
            "finetune",
            "lm_vocab_file",
            "processed_data_folder",
            "use_trt",
            "trt_max_workspace_size_bytes",
            "trt_precision_mode",
            "trt_minimum_segment_size",
            "trt_is_dynamic_op",
            "trt_maximum_cached_engines",
        ),
    )
)
