"""The grid: its values, estimates against decoding by brute force, and what is decoded."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.metrics.error_rate import count_errors
from open_seq2seq.stored_logits.grid import GridSearch, grid_values, interpolate, middle
from open_seq2seq.stored_logits.grid_report import (
    border_note,
    digits,
    draw_grid,
    grid_table,
    plateau_note,
    write_grid,
)


def test_the_last_value_belongs_to_a_grid():
    assert grid_values(1, None, 0.1) == [1]
    assert grid_values(1, 1.3, 0.1) == [1, 1.1, 1.2, 1.3]
    assert grid_values(0, 3, 0.1)[-1] == 3 and len(grid_values(0, 3, 0.1)) == 31
    assert grid_values(1, 1.35, 0.1)[-1] == 1.3
    assert grid_values(-1, 1, 0.5) == [-1, -0.5, 0, 0.5, 1]
    assert grid_values(2, 2, 0.1) == [2]


def test_interpolation_follows_any_surface_of_its_degree():
    """Cubic along an axis with four values, linear with two, constant with one."""
    rows, columns = [0.0, 1.0, 2.5, 4.0], [-1.0, 1.0]
    fine_rows, fine_columns = np.linspace(0, 4, 9), np.linspace(-1, 1, 5)

    def surface(x, y):
        return (1 + x - 0.5 * x**2 + 0.125 * x**3)[:, None] * (2 - y)

    found = interpolate(
        rows, columns, surface(np.array(rows), np.array(columns)), fine_rows, fine_columns
    )
    np.testing.assert_allclose(found, surface(fine_rows, fine_columns), atol=1e-9)
    found = interpolate([3.0], columns, np.array([[1.0, 3.0]]), [3.0], fine_columns)
    np.testing.assert_allclose(found, [[1, 1.5, 2, 2.5, 3]])


class Decoder:
    """Knows some hypotheses of each utterance, and their scores at any alpha and beta."""

    def __init__(self, seed, utterances=6, hypotheses=12):
        rng = np.random.default_rng(seed)
        words = ["a", "b", "cc", "dd d"]
        self.calls = []
        self.references = [" ".join(rng.choice(words, 4)) for _ in range(utterances)]
        self.found = [
            {
                " ".join(rng.choice(words, rng.integers(1, 6))): rng.normal((-20, -6, 3), 3)
                for _ in range(hypotheses)
            }
            for _ in range(utterances)
        ]

    def texts(self, alpha, beta):
        weights = (1, alpha, beta)
        return [max(one, key=lambda text: np.dot(one[text], weights)) for one in self.found]

    def __call__(self, alpha, beta):
        self.calls.append((alpha, beta))
        return [DecodeResult(text, -1.0, ()) for text in self.texts(alpha, beta)]


ALPHAS, BETAS = grid_values(0, 2, 0.25), grid_values(-1, 2, 0.5)


def searched(decoder, how):
    search = GridSearch(decoder.references, ALPHAS, BETAS, decoder)
    getattr(search, how)()
    return search


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_best_point_and_its_neighbours_are_decoded(seed):
    """Whatever the estimates say: the best has the numbers of a decoding."""
    decoder = Decoder(seed)
    search = searched(decoder, "estimate_and_decode")
    best, points = search.best, search.points
    assert list(points) == list(itertools.product(ALPHAS, BETAS))
    assert best.exact and best.wer == min(point.wer for point in points.values())
    assert len(decoder.calls) == len(set(decoder.calls)) == sum(p.exact for p in points.values())
    for point in points.values():
        near = abs(point.alpha - best.alpha) < 0.3 and abs(point.beta - best.beta) < 0.6
        assert point.exact or not near
        if point.exact:
            texts = decoder.texts(point.alpha, point.beta)
            assert point.errors == count_errors(decoder.references, texts)
            results = search.results[point.alpha, point.beta]
            assert [result.text for result in results] == texts
        assert point.wer >= 0 and point.cer >= 0


def test_estimates_are_near_on_a_smooth_surface():
    """Many utterances, of which each turns from wrong to right and back somewhere."""
    rng = np.random.default_rng(0)
    decoder = Decoder(0)
    decoder.references = ["right"] * 2000
    limits = rng.normal((0.0, 2.5, 1.5), 1.2, (2000, 3))

    def texts(alpha, beta):
        right = (limits[:, 0] < alpha) & (alpha < limits[:, 1]) & (beta < limits[:, 2])
        return ["right" if one else "wrong" for one in right]

    decoder.texts = texts
    exact = searched(decoder, "decode_all").points
    search = searched(decoder, "estimate_and_decode")
    estimates = [(p.wer, exact[k].wer) for k, p in search.points.items() if not p.exact]
    assert len(estimates) > 20
    assert np.abs(np.subtract(*np.transpose(estimates))).max() < 0.03
    assert search.best.wer == min(point.wer for point in exact.values())


def test_an_exact_grid_decodes_every_point_once():
    decoder = Decoder(0)
    search = searched(decoder, "decode_all")
    assert decoder.calls == list(itertools.product(ALPHAS, BETAS))
    assert all(point.exact for point in search.points.values())


def test_hypotheses_are_compared_in_lower_case():
    decoder = Decoder(1)
    upper = [{text.upper(): parts for text, parts in one.items()} for one in decoder.found]
    before = {k: p.errors for k, p in searched(decoder, "decode_all").points.items()}
    decoder.found = upper
    after = {k: p.errors for k, p in searched(decoder, "decode_all").points.items()}
    assert before == after


def test_table_csv_and_picture(tmp_path):
    import matplotlib.image
    import pandas as pd

    search = searched(Decoder(3), "estimate_and_decode")
    write_grid(tmp_path / "grid.csv", search)
    table = pd.read_csv(tmp_path / "grid.csv")
    assert len(table) == len(ALPHAS) * len(BETAS)
    row = table.loc[table["wer"].idxmin()]
    assert row["wer"] == pytest.approx(search.best.wer)
    assert row["word_errors"] == search.best.errors.words.errors
    assert table["exact"].sum() == sum(p.exact for p in search.points.values()) < len(table)

    text = grid_table(search)
    assert text.count("*") == 1 and text.count("~") == len(table) - table["exact"].sum()
    assert f"{100 * search.best.wer:.2f}*" in text

    draw_grid(tmp_path / "grid.png", search, "title")
    assert matplotlib.image.imread(tmp_path / "grid.png").std() > 0


def test_a_best_point_at_the_border_is_said():
    decoder = Decoder(0)
    decoder.references = ["a"] * 4
    decoder.texts = lambda alpha, beta: ["a" if beta > 1.9 and 0.9 < alpha < 1.1 else "b"] * 4
    search = searched(decoder, "decode_all")
    assert border_note(search) == "The best has the highest beta: try a wider grid."
    decoder.texts = lambda alpha, beta: ["a" if abs(beta - 1) + abs(alpha - 1) < 0.2 else "b"] * 4
    assert border_note(searched(decoder, "decode_all")) == ""


def picture(text):
    return np.array([[cell == "#" for cell in line] for line in text.split()])


@pytest.mark.parametrize(
    ("plateau", "place"),
    [
        ("#..... ...... ......", (0, 0)),
        ("#####. #####. #####.", (1, 2)),
        ("##### ##### ##### ##### #####", (2, 2)),
        ("###### ###### ######", (1, 2)),
        # A corner of the grid, and a thin arm.
        ("####. ####. ####. ####. #....", (1, 1)),
        ("#.... #.... #.... #.... #....", (2, 0)),
        # Of two places the wider one.
        ("##..... ##..... ....### ....### ....###", (3, 5)),
    ],
)
def test_the_middle_of_a_plateau(plateau, place):
    assert middle(picture(plateau)) == place


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=7))
def test_the_middle_is_the_place_farthest_from_all_others(cells):
    plateau = np.array(cells)
    if not plateau.any():
        return

    def distance(row, column):
        outside = [(r, c) for r in range(-1, len(plateau) + 1) for c in range(-1, 6)
                   if not (0 <= r < len(plateau) and 0 <= c < 5 and plateau[r, c])]  # fmt: skip
        return min(max(abs(r - row), abs(c - column)) for r, c in outside)

    found = middle(plateau)
    assert plateau[found]
    assert distance(*found) == max(distance(r, c) for r, c in np.argwhere(plateau))


@pytest.mark.parametrize("how", ["decode_all", "estimate_and_decode"])
@pytest.mark.parametrize(
    ("right", "best", "count"),
    [
        # Good from some alpha on, whatever beta is: as far as the grid goes.
        (lambda alpha, beta: alpha > 0.6, (1.25, 0.5), 6 * 7),
        (lambda alpha, beta: True, (1.0, 0.5), 9 * 7),
        (lambda alpha, beta: alpha < 1.1 and beta < 0.6, (0.5, -0.5), 5 * 4),
        # On the border, with everything inwards worse: the best may be outside.
        (lambda alpha, beta: alpha > 1.9, (2.0, 0.5), 7),
    ],
)
def test_the_star_is_in_the_middle_of_a_plateau(how, right, best, count):
    decoder = Decoder(0)
    decoder.references = ["a"] * 4
    decoder.texts = lambda alpha, beta: ["a" if right(alpha, beta) else "b"] * 4
    search = searched(decoder, how)
    found = search.best
    if how == "decode_all":
        assert plateau_note(search) == f"It is the middle of {count} points with these rates."
        assert border_note(search) == (
            "The best has the highest alpha: try a wider grid." if best[0] == 2.0 else ""
        )
        assert (found.alpha, found.beta) == best
    # Estimates may be wrong at the plateau's edge; the best point never is.
    assert found.exact and found.wer == 0
    assert grid_table(search).count("*") == 1


def test_digits_tell_the_steps_apart():
    assert digits([1, 1.1]) == 2 and digits([1, 1.025]) == 3
