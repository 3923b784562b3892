"""What a run says about parameters that ask for what it does not have."""

from __future__ import annotations

from collections.abc import Iterator

from open_seq2seq.config.schema import Params, Schema


def parameter_notes(schema: Schema, params: Params, mode: str) -> list[str]:
    """One line for each thing that a config asks for and this run does without.

    Args:
      schema: the model's.
      params: checked parameters of one mode.
      mode: "train", "eval" or "infer".
    """
    notes = schema.notes(params)
    if mode == "train":
        return notes
    return [*_decoding_notes(params.get("decoder_params") or {}), *notes]


def _decoding_notes(params: Params) -> Iterator[str]:
    """What beam search does without."""
    if not params.get("use_language_model"):
        return
    if not params.get("lm_path"):
        yield "use_language_model without lm_path: beam search without a language model."
    scoring = params.get("lm_scoring", "native_op")
    if params.get("trie_path") and scoring != "native_op":
        yield f"trie_path: no effect here: lm_scoring {scoring} has no use for it."
