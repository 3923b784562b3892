"""Error rates against a Levenshtein distance written here, and their sums."""

import dataclasses

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.metrics.error_rate import (
    ErrorCounts,
    ErrorRate,
    align_words,
    character_errors,
    count_errors,
)

# Few words and letters, so that alignments have something to find; some are not ASCII.
words = st.sampled_from(["a", "b", "ab", "ba", "aba", "é", "ß", "слово"])
texts = st.lists(words, max_size=8).map(" ".join)
pairs = st.lists(st.tuples(texts, texts), max_size=6)


def distance(reference, hypothesis):
    """Levenshtein distance of two sequences, by the whole table of Wagner and Fischer 1974."""
    table = np.zeros((len(reference) + 1, len(hypothesis) + 1), int)
    table[:, 0] = np.arange(len(reference) + 1)
    table[0, :] = np.arange(len(hypothesis) + 1)
    for i, expected in enumerate(reference, 1):
        for j, found in enumerate(hypothesis, 1):
            change = table[i - 1, j - 1] + (expected != found)
            table[i, j] = min(change, table[i - 1, j] + 1, table[i, j - 1] + 1)
    return table[-1, -1]


@settings(deadline=None)
@given(pairs=pairs)
def test_the_errors_are_the_smallest_edit(pairs):
    references, hypotheses = [r for r, _ in pairs], [h for _, h in pairs]
    counts = count_errors(references, hypotheses)
    assert counts.words.errors == sum(distance(r.split(), h.split()) for r, h in pairs)
    assert counts.words.total == sum(len(r.split()) for r in references)
    assert counts.characters.errors == sum(distance(r, h) for r, h in pairs)
    assert counts.characters.total == sum(len(r) for r in references)
    for rate in (counts.words, counts.characters):
        assert rate.utterances == len(pairs)
        assert rate.wrong_utterances == sum(r != h for r, h in pairs)
        assert rate.empty_references == sum(not r for r in references)
        assert rate.rate == rate.errors / max(rate.total, 1)
    # Insertions and deletions make up the difference in length.
    lengths = sum(len(h.split()) for h in hypotheses) - counts.words.total
    assert counts.words.insertions - counts.words.deletions == lengths


@settings(deadline=None)
@given(pairs=pairs, cut=st.integers(0, 6))
def test_batches_and_workers_do_not_matter(pairs, cut):
    references, hypotheses = [r for r, _ in pairs], [h for _, h in pairs]
    whole = count_errors(references, hypotheses)
    parts = [(references[:cut], hypotheses[:cut]), (references[cut:], hypotheses[cut:])]
    assert sum((count_errors(*part) for part in parts), ErrorCounts()) == whole
    one_by_one = (count_errors([r], [h]) for r, h in pairs)
    assert sum(one_by_one, ErrorCounts()) == whole
    # As numbers, which is how workers exchange them.
    vectors = [dataclasses.astuple(count_errors(*part).words) for part in parts]
    assert ErrorRate(*np.sum(vectors, axis=0).tolist()) == whole.words


@settings(deadline=None)
@given(pairs=pairs)
def test_alignments_spell_out_both_texts(pairs):
    references, hypotheses = [r for r, _ in pairs], [h for _, h in pairs]
    alignments = align_words(references, hypotheses)
    assert sum((a.counts for a in alignments), ErrorRate()) == (
        count_errors(references, hypotheses).words
    )
    for alignment, reference, hypothesis in zip(alignments, references, hypotheses, strict=True):
        assert [r for r, _ in alignment.pairs if r is not None] == reference.split()
        assert [h for _, h in alignment.pairs if h is not None] == hypothesis.split()
        assert alignment.counts.substitutions == sum(
            None not in pair and pair[0] != pair[1] for pair in alignment.pairs
        )
        assert alignment.counts.deletions == sum(h is None for _, h in alignment.pairs)
        assert alignment.counts.insertions == sum(r is None for r, _ in alignment.pairs)


@settings(deadline=None)
@given(pairs=pairs.filter(lambda pairs: any(r for r, _ in pairs)))
def test_rates_are_jiwers(pairs):
    references, hypotheses = [r for r, _ in pairs], [h for _, h in pairs]
    counts = count_errors(references, hypotheses)
    assert counts.words.rate == pytest.approx(jiwer.wer(references, hypotheses))
    assert counts.characters.rate == pytest.approx(jiwer.cer(references, hypotheses))


def test_known_example():
    counts = count_errors(["the cat sat", "on mats"], ["the bat sat down", "on"])
    assert counts.words == ErrorRate(1, 1, 1, 5, 2, 2, 0)
    assert counts.words.rate == 0.6
    assert counts.words.utterance_rate == 1.0
    # cat -> bat, " down" inserted, " mats" deleted
    assert counts.characters == ErrorRate(1, 5, 5, 18, 2, 2, 0)


def test_rate_can_exceed_one():
    assert count_errors(["a"], ["b c d"]).words.rate == 3.0


def test_empty_references():
    counts = count_errors(["", ""], ["", "two words"])
    assert counts.words == ErrorRate(0, 0, 2, 0, 2, 1, 2)
    assert counts.words.rate == 2.0
    assert counts.characters.errors == len("two words")


def test_nothing_at_all():
    counts = count_errors([], [])
    assert counts == ErrorCounts()
    assert counts.words.rate == 0.0
    assert counts.words.utterance_rate == 0.0
    assert align_words([], []) == []
    assert character_errors([], []) == []


def test_whitespace_is_no_character():
    counts = count_errors(["  a \t b\n", "c d"], ["a b", "c d"])
    assert counts.words.errors == 0
    assert counts.characters.errors == 0
    assert counts.characters.total == 6


def test_case_and_punctuation_count():
    assert count_errors(["It's"], ["its"]).words.errors == 1


@pytest.mark.parametrize("function", [count_errors, align_words, character_errors])
def test_lengths_must_agree(function):
    with pytest.raises(ValueError, match="Received: 2 references, 1 hypotheses"):
        function(["a", "b"], ["a"])
