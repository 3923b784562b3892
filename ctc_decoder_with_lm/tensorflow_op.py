"""Beam search with a language model as a TensorFlow operation."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import tensorflow as tf

from ctc_decoder_with_lm.errors import RunError
from ctc_decoder_with_lm.library import operation_path, usable
from ctc_decoder_with_lm.native_build import tensorflow_version
from ctc_decoder_with_lm.search_options import SearchOptions


@functools.cache
def operations() -> Any:
    """The module of the operation itself, `ctc_beam_search_decoder_with_lm`.

    Raises:
      RunError: it is not built, or cannot be loaded.
    """
    path = usable(operation_path(), f"tensorflow_op-{tensorflow_version()}-{{level}}.so")
    if path is None:
        raise RunError(
            "The operation of beam search is not built for these sources, this TensorFlow and this "
            "CPU. Build it by: python -m ctc_decoder_with_lm.build"
        )
    try:
        return tf.load_op_library(str(path))
    except tf.errors.NotFoundError as error:
        raise RunError(f"The operation of beam search cannot be loaded: {error}") from error


def ctc_beam_search_decoder_with_lm(
    inputs: Any,
    sequence_length: Any,
    model_path: str | Path,
    trie_path: str | Path | None,
    alphabet_path: str | Path,
    alpha: float,
    beta: float,
    trie_weight: float,
    beam_width: int = SearchOptions.beam_width,
    top_paths: int = SearchOptions.nbest,
    merge_repeated: bool = True,
    name: str | None = None,
) -> tuple[list[tf.SparseTensor], tf.Tensor]:
    """`tf.nn.ctc_beam_search_decoder` with the scores of OpenSeq2Seq's operation.

    A language model is loaded once per process. Utterances are shared out over the threads of
    the CPU device. The operation runs on the CPU and has no gradient.

    Args:
      inputs: [time, batch, symbol + 1] logits, blank last.
      sequence_length: [batch], the frames that count.
      model_path: an n-gram model of words: a KenLM binary, or an ARPA file.
      trie_path: a trie file of OpenSeq2Seq's generate_trie; None or empty: the same trie is
        made from the model's words.
      alphabet_path: a text file with one symbol in each line; its comments and escapes are
        those of `open_seq2seq.alphabet_file`.
      alpha: weight of a word's log10 probability.
      beta: bonus of each word.
      trie_weight: weight of the worst log10 unigram among the words that an unfinished word
        can become; counts for each of its symbols.
      beam_width: prefixes kept after each frame.
      top_paths: how many results.
      merge_repeated: equal neighbours in a result become one, as in TensorFlow 1; "hello" is
        then "helo".
      name: of the operation.

    Returns:
      For each path, best first, its symbols as a SparseTensor [batch, symbols] of int64; and
      [batch, top_paths] scores, which contain those of the language model.

    Raises:
      tf.errors.InvalidArgumentError: a file, a shape, or a value that makes no sense.
    """
    indices, values, shapes, scores = operations().ctc_beam_search_decoder_with_lm(
        inputs=tf.cast(inputs, tf.float32),
        sequence_length=tf.cast(sequence_length, tf.int32),
        model_path=os.fspath(model_path),
        trie_path=os.fspath(trie_path or ""),
        alphabet_path=os.fspath(alphabet_path),
        alpha=alpha,
        beta=beta,
        trie_weight=trie_weight,
        beam_width=beam_width,
        top_paths=top_paths,
        merge_repeated=merge_repeated,
        name=name,
    )
    decoded = [tf.SparseTensor(*one) for one in zip(indices, values, shapes)]
    return decoded, scores
