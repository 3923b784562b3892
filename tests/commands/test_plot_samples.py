"""Pictures of samples with a trained model's transcripts, from the command line."""

import io
import runpy
from pathlib import Path

import pytest
from matplotlib.image import imread

from open_seq2seq.commands import plot_samples
from open_seq2seq.errors import RunError
from open_seq2seq.metrics.analysis import EvaluatedUtterance

main = runpy.run_path(str(Path(__file__).parents[2] / "scripts/plot_samples.py"))["main"]


def test_samples_of_a_log_directory(corpus, run, tmp_path, capfd, monkeypatch):
    drawn = []
    draw = plot_samples.draw_samples
    monkeypatch.setattr(
        plot_samples, "draw_samples", lambda *args: drawn.append(args) or draw(*args)
    )
    assert run("--mode=train", "--max_steps=2", "--save_checkpoint_steps=2")[0] == 0
    # The config and what it was trained with are those that the log directory keeps.
    (corpus / "config.py").unlink()
    logdir, output = str(corpus / "run"), tmp_path / "pictures" / "s.png"
    data = ["--dataset", str(corpus / "data.csv")]
    assert main([logdir, "--output", str(output), "--worst", "--count=4", *data]) == 0
    assert imread(io.BytesIO(output.read_bytes())).ndim == 3
    ((worst, title, _),) = drawn
    errors = [one.scored.words.errors for one in worst]
    assert len(worst) == 4 and errors == sorted(errors, reverse=True) and min(errors) > 0
    assert title.startswith("run, step 2: the worst 4 of 18, WER ")
    for one in worst:
        assert [word.text for word in one.sound.reference] == (
            one.scored.utterance.reference.split()
        )
    for arguments, problem in (
        ([logdir, "--output=s.gif"], "found .gif, expected one of .png"),
        (["--output=s.png", "--count=0"], "--count: found 0"),
        ([str(tmp_path / "none"), "--output=s.png"], "none"),
    ):
        capfd.readouterr()
        assert main(arguments) == 2
        assert problem in capfd.readouterr().err


def test_those_by_chance_stay_in_their_order():
    texts = [("a b", "a b"), ("a b", "a c"), ("b", "b"), ("c", "a")]
    utterances = [EvaluatedUtterance(f"{i}.wav", *pair) for i, pair in enumerate(texts)]
    chosen = plot_samples.chosen(utterances, worst=False, count=4)
    assert [one.utterance for one in chosen] == utterances
    assert [one.words.errors for one in chosen] == [0, 1, 0, 1]
    wrong = plot_samples.chosen(utterances, worst=True, count=1)
    assert [one.utterance.name for one in wrong] == ["3.wav"]
    with pytest.raises(RunError, match="None of the 1 utterances has an error"):
        plot_samples.chosen(utterances[:1], worst=True, count=1)
