"""N-best lists: reading, weighted sums, weights, writing; sums done by hand."""

import itertools
import json

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.language_models.nbest import (
    Hypothesis,
    NBest,
    read_nbest,
    write_beam_dump,
    write_rescored,
    write_transcripts,
)
from open_seq2seq.language_models.rescoring import (
    DECODER,
    OPENSEQ2SEQ,
    Candidates,
    Weights,
    WordErrors,
    tune,
)

DUMP = """B=>>>>>>>>
-4.5 0.0 0.0 the cat
-5.0 0.0 0.0 a  cat
E=>>>>>>>>
B=>>>>>>>>
-1.5 0.0 0.0
E=>>>>>>>>
"""


def json_line(name, reference, *hypotheses, **more):
    keys = ("text", "score", "acoustic_score", "lm_score")
    nbest = [dict(zip(keys, hypothesis)) for hypothesis in hypotheses]
    return json.dumps({"wav_filename": name, "reference": reference, **more, "nbest": nbest}) + "\n"


def test_json_lines_are_read(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_text(
        json_line("a.wav", "the cat", ("the cat", -4.0, -3.0, -1.0), ("a cat", -5, None, 0))
        + json_line("b.wav", None)
    )
    first, second = read_nbest(str(path))
    assert (first.name, first.reference) == ("a.wav", "the cat")
    # Where the score is not split, all of it is acoustic.
    assert first.hypotheses == [Hypothesis("the cat", -4, -3, -1), Hypothesis("a cat", -5, -5, 0)]
    assert second.hypotheses == [] and second.reference is None


def test_openseq2seqs_dump_is_read_and_written(tmp_path):
    path, output = tmp_path / "beams.txt", tmp_path / "with_lm.txt"
    path.write_text(DUMP)
    (tmp_path / "labels.csv").write_text(
        "wav_filename,wav_filesize,transcript\nx.wav,0,the cat\ny.wav,0,so\n"
    )
    lists = read_nbest(str(path), str(tmp_path / "labels.csv"))
    assert [one.name for one in lists] == ["x.wav", "y.wav"]
    assert [h.text for h in lists[0].hypotheses] == ["the cat", "a cat"]
    assert [h.text for h in lists[1].hypotheses] == [""]
    write_beam_dump(str(output), lists, [[-7.25, -8.5], [-0.5]])
    assert output.read_text().splitlines() == [
        "B=>>>>>>>>", "-7.25\t-4.5\t0.0\t0.0\tthe cat", "-8.5\t-5.0\t0.0\t0.0\ta cat",
        "E=>>>>>>>>", "B=>>>>>>>>", "-0.5\t-1.5\t0.0\t0.0\t", "E=>>>>>>>>"]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no utterances"),
        ("nonsense\n", "JSONDecodeError"),
        ('{"nbest": [{"text": "a"}]}\n', "KeyError: 'score'"),
        ('{"nbest": [{"text": "a", "score": NaN}]}\n', "not finite"),
        ('{"text": "a", "score": ' + "1" * 400 + "}\n", "OverflowError"),
        ('{"text": "a", "score": -1, "reference": 5}\n', "found reference 5"),
        ("[" * 100_000, "nested too deeply"),
        ("B=>>>>>>>>\n-1 0.0 a\nE=>>>>>>>>\n", ":2: found"),
        ("B=>>>>>>>>\n-1 0 0 a\n", "the end of the file"),
        ("B=>>>>>>>>\nB=>>>>>>>>\n", ":2: found B=>>"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, content, found):
    path = tmp_path / "n"
    path.write_text(content)
    with pytest.raises(InputError, match=found):
        read_nbest(str(path))


def test_costs_instead_of_scores_are_noticed(tmp_path):
    """Ten lists whose first hypotheses have the lower scores; the other sign is fine."""
    path = tmp_path / "n.jsonl"
    rows = [json_line("x", "a", ("a", 1 + n, 1, n), ("b", 2 + n, 2, n)) for n in range(10)]
    path.write_text("".join(rows))
    with pytest.raises(InputError, match="rise from the first to the last hypothesis in 10 of 10"):
        read_nbest(str(path))
    path.write_text("".join(rows[:9]))
    assert len(read_nbest(str(path))) == 9
    path.write_text("".join(json_line("x", "a", ("a", -1, -1, 0), ("b", -2, -2, 0))
                            for _ in range(10)))  # fmt: skip
    assert len(read_nbest(str(path))) == 10


def test_references_must_fit(tmp_path):
    (tmp_path / "beams.txt").write_text(DUMP)
    (tmp_path / "labels.csv").write_text("wav_filename,transcript\nx.wav,the cat\n")
    with pytest.raises(InputError, match=r"2 utterances in .* 1 rows"):
        read_nbest(str(tmp_path / "beams.txt"), str(tmp_path / "labels.csv"))
    (tmp_path / "n.jsonl").write_text(json_line("z.wav", None, ("a", -1, -1, 0)))
    with pytest.raises(InputError, match="no row of z"):
        read_nbest(str(tmp_path / "n.jsonl"), str(tmp_path / "labels.csv"))


LISTS = [
    NBest("x", "the cat sat", [Hypothesis("the cats at", -4, -3, -1),
                               Hypothesis("the cat sat", -4.5, -4, -0.5)]),
    NBest("y", "so", [Hypothesis("so", -1, -1, 0), Hypothesis("sew", -2, -1.5, -0.5),
                      Hypothesis("", -9, -9, 0)]),
    NBest("z", "nothing was heard", []),
]  # fmt: skip
NLM = [[-9.0, -6.0], [-3.0, -2.5, -1.0], []]


def test_scores_are_weighted_sums():
    scores = Candidates(LISTS, NLM).scores(Weights(lm=2.0, nlm=0.5, words=3.0))
    assert scores[0, 0] == -3 + 2 * -1 + 0.5 * -9 + 3 * 3
    assert scores[1, 1] == -1.5 + 2 * -0.5 + 0.5 * -2.5 + 3 * 1
    assert scores[1, 2] == -9 + 0.5 * -1
    assert np.isneginf(scores[0, 2]) and np.isneginf(scores[2]).all()


def test_the_best_of_each_and_its_errors():
    candidates, errors = Candidates(LISTS, NLM), WordErrors(LISTS)
    assert candidates.texts(candidates.best(DECODER)) == ["the cats at", "so", ""]
    # -4 - 9 against -4.5 - 6; -1 - 3 against -2 - 2.5
    assert candidates.texts(candidates.best(OPENSEQ2SEQ)) == ["the cat sat", "so", ""]
    assert errors.count(candidates.best(DECODER)) == 2 + 0 + 3
    assert errors.rate(candidates.best(DECODER)) == 5 / 7
    assert errors.rate(candidates.best(OPENSEQ2SEQ)) == 3 / 7
    assert errors.count(errors.oracle()) == 3
    assert errors.count(candidates.best(DECODER), np.array([0, 1])) == 2


def test_tuning_finds_weights_as_good_as_a_full_search():
    rng = np.random.default_rng(0)
    lists, scores = [], []
    for number in range(12):
        reference = " ".join(rng.choice(list("abc"), 4))
        hypotheses, own = [], []
        for _ in range(6):
            words = [w if rng.random() < 0.6 else "x" for w in reference.split()]
            wrong = words.count("x")
            acoustic, lm = -rng.random() * 4, -wrong * 0.3 - rng.random()
            hypotheses.append(Hypothesis(" ".join(words), acoustic + lm, acoustic, lm))
            own.append(-2.0 * wrong - 3 * rng.random())
        lists.append(NBest(str(number), reference, hypotheses))
        scores.append(own)
    candidates, errors = Candidates(lists, scores), WordErrors(lists)
    found = tune(candidates, errors)
    fine = itertools.product(np.arange(0, 1.6, 0.125), np.arange(0, 1.6, 0.1), [0.0])
    fewest = min(errors.count(candidates.best(Weights(*values))) for values in fine)
    assert errors.count(candidates.best(found)) <= fewest
    assert errors.count(candidates.best(found)) < errors.count(candidates.best(DECODER))
    half = np.arange(0, 12, 2)
    tuned = errors.count(candidates.best(tune(candidates, errors, half)), half)
    assert tuned <= errors.count(candidates.best(found), half)


def test_a_neural_model_that_does_not_help_gets_no_weight():
    candidates, errors = Candidates(LISTS[1:2], [[0.0, 0.0, 0.0]]), WordErrors(LISTS[1:2])
    assert tune(candidates, errors) == DECODER


def test_what_is_written_can_be_read_again(tmp_path):
    source, path = tmp_path / "n.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        json_line(
            "x", "b", ("a", -1, -1, 0), ("b", -2, -2, 0), text="a", score=-1, words=[{"t": 1}]
        )
    )
    lists = read_nbest(str(source))
    order = [{"text": "b", "score": -0.5, "acoustic_score": -2.0, "lm_score": 0.0},
             {"text": "a", "score": -0.7, "acoustic_score": -1.0, "lm_score": 0.0}]  # fmt: skip
    write_rescored(str(path), lists, [order])
    record = json.loads(path.read_text())
    assert (record["text"], record["score"], record["words"]) == ("b", -0.5, [])
    (again,) = read_nbest(str(path))
    assert [h.text for h in again.hypotheses] == ["b", "a"]
    write_transcripts(str(tmp_path / "t.csv"), lists, ['b, "c"'])
    assert (tmp_path / "t.csv").read_text() == ('wav_filename,predicted_transcript\nx,"b, ""c"""\n')
