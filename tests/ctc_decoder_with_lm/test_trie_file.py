"""OpenSeq2Seq's trie files give the scores of the trie that is made in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.errors import InputError

from . import cores
from .arpa import NGramModel, random_model

SYMBOLS = [" ", "a", "b"]
WORDS = ["a", "ab", "ba", "bab"]
MAGIC, VERSION, ABSENT = 0x54524945, 1, "-1"


def trie_text(model: NGramModel, symbols: list[str] = SYMBOLS) -> str:
    """A trie file: header, then each node in pre-order with an entry for every symbol."""

    def node(prefix: str) -> list[str]:
        scores = {
            number: model.score([], word)
            for number, word in enumerate(sorted(model.words()))
            if word.startswith(prefix)
        }
        if not scores:
            return [ABSENT]
        worst = min(scores, key=lambda number: scores[number])
        children = [line for symbol in symbols for line in node(prefix + symbol)]
        return [f"{len(scores)} {worst} {scores[worst]}", *children]

    return "\n".join([str(MAGIC), str(VERSION), str(len(symbols)), *node("")]) + "\n"


@pytest.fixture
def model() -> NGramModel:
    return random_model(np.random.default_rng(2), WORDS)


def test_scores_equal_those_of_the_trie_in_memory(tmp_path: Path, model: NGramModel) -> None:
    path = tmp_path / "words.trie"
    path.write_text(trie_text(model))
    from_file = cores.make(SYMBOLS, [model], "native_op", trie_path=path)
    in_memory = cores.make(SYMBOLS, [model], "native_op")
    for seed in range(5):
        log_probs = cores.random_log_probs(seed, 6, 4)
        chosen = {"alpha": 0.8, "beta": 0.4, "trie_weight": 0.7}
        found = cores.exact(from_file, log_probs, **chosen)
        assert found == cores.exact(in_memory, log_probs, **chosen)
        without = cores.exact(from_file, log_probs, **{**chosen, "trie_weight": 0.0})
        assert found[0].score != without[0].score


def test_scores_are_the_file_s_own(tmp_path: Path, model: NGramModel) -> None:
    path = tmp_path / "words.trie"
    decoders = {}
    for name, used in (("own", model), ("other", random_model(np.random.default_rng(9), WORDS))):
        path.write_text(trie_text(used))
        decoders[name] = cores.make(SYMBOLS, [model], "native_op", trie_path=path)
    rows = np.eye(4, dtype=np.float32)[[1, 3, 2]] * 20  # "ab"
    chosen = {"alpha": 0.0, "beta": 0.0, "trie_weight": 1.0}
    own, other = (decoders[name].decode(rows, **chosen).lm_score for name in ("own", "other"))
    assert own == pytest.approx(
        sum(
            min(model.score([], word) for word in WORDS if word.startswith(prefix))
            for prefix in ("a", "ab")
        ),
        abs=1e-4,
    )
    assert own != pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (str(MAGIC), "7", "magic"),
        (f"{MAGIC}\n1\n", f"{MAGIC}\n2\n", "version"),
        (f"{MAGIC}\n1\n3\n", f"{MAGIC}\n1\n29\n", "alphabet of 29"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, model: NGramModel, old: str, new: str, reason: str
) -> None:
    path = tmp_path / "words.trie"
    path.write_text(trie_text(model).replace(old, new, 1))
    with pytest.raises(InputError, match=reason):
        cores.make(SYMBOLS, [model], "native_op", trie_path=path)


def test_a_cut_file_is_refused(tmp_path: Path, model: NGramModel) -> None:
    text = trie_text(model)
    path = tmp_path / "words.trie"
    for length in range(0, len(text) - 4, 7):
        path.write_text(text[:length])
        with pytest.raises(InputError, match=r"words\.trie"):
            cores.make(SYMBOLS, [model], "native_op", trie_path=path)
