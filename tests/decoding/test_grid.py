"""The grid: its values, estimates against decoding by brute force, and what is decoded."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.decoders.decode_result import DecodeResult
from open_seq2seq.decoding.grid import GridSearch, anchor_points, grid_values
from open_seq2seq.decoding.grid_report import digits, draw_grid, grid_table, write_grid
from open_seq2seq.metrics.error_rate import count_errors


def test_the_last_value_belongs_to_a_grid():
    assert grid_values(1, None, 0.1) == [1]
    assert grid_values(1, 1.3, 0.1) == [1, 1.1, 1.2, 1.3]
    assert grid_values(0, 3, 0.1)[-1] == 3 and len(grid_values(0, 3, 0.1)) == 31
    assert grid_values(1, 1.35, 0.1)[-1] == 1.3
    assert grid_values(-1, 1, 0.5) == [-1, -0.5, 0, 0.5, 1]
    assert grid_values(2, 2, 0.1) == [2]


def test_anchors_are_a_coarse_grid_with_the_corners():
    alphas, betas = grid_values(1, 3, 0.25), grid_values(-1, 1, 0.5)
    anchors = anchor_points(alphas, betas)
    assert len(anchors) == 4 * 3 == len(set(anchors))
    assert set(anchors) <= set(itertools.product(alphas, betas))
    assert {(1, -1), (1, 1), (3, -1), (3, 1)} <= set(anchors)
    assert len(anchor_points(grid_values(0, 10, 0.01), [0, 1])) == 10
    assert anchor_points([1], [2]) == [(1, 2)]


class AllHypotheses:
    """A decoder that knows all hypotheses of each utterance: (text, acoustic, ngrams, count).

    Args:
      limit: hypotheses it can keep at most, whatever it is asked for.
    """

    def __init__(self, seed, utterances=6, hypotheses=12, limit=100, weights=(1.0,)):
        rng = np.random.default_rng(seed)
        words = ["a", "b", "cc", "dd d"]
        self.weights, self.limit, self.calls = weights, limit, []
        self.references = [" ".join(rng.choice(words, 4)) for _ in range(utterances)]
        self.found = [
            {
                " ".join(rng.choice(words, rng.integers(1, 6))): (
                    rng.normal(-20, 4),
                    tuple(rng.normal(-6, 3, len(weights))),
                    int(rng.integers(1, 6)),
                )
                for _ in range(hypotheses)
            }
            for _ in range(utterances)
        ]

    def __call__(self, alpha, beta, nbest):
        self.calls.append((alpha, beta))
        return [self.best(one, alpha, beta, min(nbest, self.limit)) for one in self.found]

    def best(self, hypotheses, alpha, beta, nbest):
        results = []
        for text, (acoustic, ngrams, count) in hypotheses.items():
            boost = 0.25 * text.lower().count("a")
            lm = alpha * np.dot(self.weights, ngrams) + beta * count + boost
            parts = {"acoustic_score": acoustic, "lm_score": lm, "ngram_scores": ngrams}
            results.append(
                DecodeResult(text, acoustic + lm, (), bonus_count=count, boost=boost, **parts)
            )
        results.sort(key=lambda result: -result.score)
        kept = tuple(results[:nbest]) if nbest > 1 else ()
        return dataclasses.replace(results[0], nbest=kept)


ALPHAS, BETAS = grid_values(0, 2, 0.5), grid_values(-1, 2, 0.5)


def searched(decoder, how, nbest=64):
    search = GridSearch(decoder.references, ALPHAS, BETAS, decoder, decoder.weights, nbest)
    getattr(search, how)()
    return search


@pytest.mark.parametrize("weights", [(1.0,), (0.7, 0.3)])
@pytest.mark.parametrize("seed", range(4))
def test_estimates_are_exact_where_no_hypothesis_is_lost(seed, weights):
    decoder = AllHypotheses(seed, weights=weights)
    search = searched(decoder, "estimate_and_decode")
    for alpha, beta in itertools.product(ALPHAS, BETAS):
        texts = [one.text for one in decoder(alpha, beta, 1)]
        expected = count_errors(decoder.references, texts)
        assert search.points[alpha, beta].errors == expected, (alpha, beta)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_the_best_point_and_its_neighbours_are_decoded(seed):
    """Whatever the estimates say: the best has the numbers of a decoding."""
    decoder = AllHypotheses(seed, limit=2)
    search = searched(decoder, "estimate_and_decode", 2)
    best, points = search.best, search.points
    assert len(points) == len(ALPHAS) * len(BETAS)
    assert best.exact and best.wer == min(point.wer for point in points.values())
    texts = [one.text for one in decoder(best.alpha, best.beta, 1)]
    assert best.errors == count_errors(decoder.references, texts)
    assert [one.text for one in search.results[best.alpha, best.beta]] == texts
    for point in points.values():
        near = abs(point.alpha - best.alpha) < 0.6 and abs(point.beta - best.beta) < 0.6
        assert point.exact or not near


def test_an_exact_grid_decodes_every_point_once():
    decoder = AllHypotheses(0)
    search = searched(decoder, "decode_all")
    assert decoder.calls == list(itertools.product(ALPHAS, BETAS))
    assert all(point.exact for point in search.points.values())


def test_hypotheses_are_compared_in_lower_case():
    decoder = AllHypotheses(1)
    upper = [{text.upper(): parts for text, parts in one.items()} for one in decoder.found]
    before = {k: p.errors for k, p in searched(decoder, "decode_all").points.items()}
    decoder.found = upper
    after = {k: p.errors for k, p in searched(decoder, "decode_all").points.items()}
    assert before == after


def test_table_csv_and_picture(tmp_path):
    import matplotlib.image
    import pandas as pd

    search = searched(AllHypotheses(3, limit=2), "estimate_and_decode", 2)
    write_grid(tmp_path / "grid.csv", search)
    table = pd.read_csv(tmp_path / "grid.csv")
    assert len(table) == len(ALPHAS) * len(BETAS)
    row = table.loc[table["wer"].idxmin()]
    assert row["wer"] == pytest.approx(search.best.wer)
    assert row["word_errors"] / row["words"] == pytest.approx(row["wer"])
    assert table["exact"].sum() == sum(p.exact for p in search.points.values()) < len(table)

    text = grid_table(search)
    assert text.count("*") == 1 and text.count("~") == len(table) - table["exact"].sum()
    assert f"{100 * search.best.wer:.2f}*" in text

    draw_grid(tmp_path / "grid.png", search, "title")
    assert matplotlib.image.imread(tmp_path / "grid.png").std() > 0


def test_digits_tell_the_steps_apart():
    assert digits([1, 1.1]) == 2 and digits([1, 1.025]) == 3
