"""Reading and adding to summary.json, and the curve of a run that went back."""

import json

import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.metrics.analysis import EvaluatedUtterance
from open_seq2seq.runs import record, summary


def result(wer, **more):
    entry = {"data": "dev", "step": 5, "weights": "final", "wer": wer}
    return {**entry, "decoding": summary.greedy_decoding(), **more}


def test_results_of_the_same_data_weights_and_decoding_are_replaced():
    def beam(lm):
        return {"decoding": summary.beam_decoding([f"/a/b/{lm}"], "standard", 64, 1.0, 2.0)}

    content = {"results": []}
    for one in (result(0.5), result(0.4, weights="best"), result(0.3), result(0.2, **beam("x")),
                result(0.1, **beam("y")), result(0.15, **beam("x")),
                result(0.6, data="test")):  # fmt: skip
        summary.add_result(content, one)
    assert [one["wer"] for one in content["results"]] == [0.4, 0.3, 0.1, 0.15, 0.6]
    assert content["results"][2]["decoding"]["language_models"] == ["y"]


def test_the_curve_leaves_out_what_was_done_again(tmp_path):
    steps = [5, 10, 15, 10, 12, 20]
    lines = [json.dumps({"step": step, "wer": index}) for index, step in enumerate(steps)]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "evaluations.jsonl").write_text("\n".join(lines) + "\n")
    curve = summary.read_curve(tmp_path)
    assert [(row["step"], row["wer"]) for row in curve] == [(5, 0), (10, 3), (12, 4), (20, 5)]
    assert summary.read_curve(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "No such file"),
        ("{", "no JSON"),
        ("[]", "a JSON list"),
        ('{"format": 9}', "format 9, not 1"),
        ('{"format": 1, "run_id": "x", "results": []}', "no config"),
    ],
)
def test_what_is_no_summary_is_refused(tmp_path, content, found):
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    with pytest.raises(InputError, match=found):
        summary.read_summary(tmp_path)


def test_names_of_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert summary.data_name(["/a/librivox-dev-clean.csv"]) == "librivox-dev-clean"
    assert summary.data_name(["/a/mini/train.csv.gz", "/b/syn.jsonl"]) == "mini/train+syn"
    assert summary.data_name(["/runs/mini/manifests/dev.csv", "/data/dev.csv"]) == "mini/dev+dev"
    assert summary.data_name([f"{c}.csv" for c in "abcdef"]) == "a+b+c+3 more"
    assert summary.data_name(["dev.csv"]) == f"{tmp_path.name}/dev"


def test_transcripts_come_back_as_they_were(tmp_path):
    utterances = [
        EvaluatedUtterance("a.wav", 'say "no", please', "", 1.25),
        EvaluatedUtterance("b.wav", "é", "ë  x", None),
    ]
    summary.write_transcripts(tmp_path / "t" / "x.csv", utterances)
    assert summary.read_transcripts(tmp_path / "t" / "x.csv") == utterances
    with pytest.raises(InputError, match=r"y\.csv"):
        summary.read_transcripts(tmp_path / "y.csv")


def test_a_configurations_hash_is_that_of_all_its_seeds():
    def params(**more):
        layers = [{"kernel": [3], "file": "/here/vocab.txt"}]
        base = {"random_seed": 0, "logdir": "a", "layers": layers, "loss": summary.now}
        return {"train": {**base, **more}}

    one = record.parameters_hash(params())
    elsewhere = [{"kernel": [3], "file": "/there/vocab.txt"}]
    assert record.parameters_hash(params(random_seed=5, logdir="b", layers=elsewhere)) == one
    others = [{"kernel": [5], "file": "/here/vocab.txt"}]
    assert record.parameters_hash(params(layers=others)) != one
    assert record.parameters_hash(params(loss=None)) != one
