"""Mode infer and `Recognizer`: damaged recordings, results that are kept, paths that are wrong."""

import json
import os
import pickle

import jiwer
import numpy as np
import pandas as pd
import pytest
import soundfile

from open_seq2seq.errors import InputError
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.inference.recognizer import Recognizer, RecordingsLeftOut
from tests.training.conftest import RATE, speech_like, write_learned


@pytest.fixture(scope="module")
def trained(tmp_path_factory, learned):
    """A corpus with a checkpoint, for all tests here: they write elsewhere."""
    return write_learned(tmp_path_factory.mktemp("trained"), learned)


@pytest.fixture
def infer(trained, capfd):
    """Calls `run.py --mode=infer`; returns exit code, stdout and stderr."""
    from open_seq2seq.cli import main

    def call(*arguments):
        capfd.readouterr()
        code = main(
            [f"--config_file={trained / 'config.py'}", "--mode=infer", *map(str, arguments)]
        )
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def damaged(tmp_path):
    """Recordings of which three have a good header and bad samples."""
    samples = speech_like("cab", 5)
    for name in ("a.wav", "cut.wav", "b.wav", "cut.flac", "c.wav"):
        soundfile.write(tmp_path / name, samples, RATE)
    os.truncate(tmp_path / "cut.wav", 2000)
    os.truncate(tmp_path / "cut.flac", (tmp_path / "cut.flac").stat().st_size // 2)
    with_nan = samples.copy()
    with_nan[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", with_nan, RATE, subtype="FLOAT")
    return [tmp_path / n for n in ("a.wav", "cut.wav", "b.wav", "cut.flac", "nan.wav", "c.wav")]


def test_results_on_standard_output_have_nothing_between_them(infer, damaged):
    code, out, err = infer("--infer_output_file=/dev/stdout", "--infer_files", damaged[0])
    assert code == 0, err
    header, row = out.splitlines()
    assert header == "wav_filename,predicted_transcript" and row.startswith(f"{damaged[0]},")


BAD = ("cut.wav", "cut.flac", "nan.wav")


@pytest.mark.parametrize("skips", [False, True])
def test_damaged_recordings_do_not_lose_the_others(trained, infer, damaged, tmp_path, skips):
    output = tmp_path / "out.csv"
    flags = ["--skip_bad_rows"] if skips else []
    code, _, err = infer(f"--infer_output_file={output}", *flags, "--infer_files", *damaged)
    assert code == (0 if skips else 2), err
    table = pd.read_csv(output, keep_default_na=False)
    good = [str(path) for path in damaged if path.name not in BAD]
    assert list(table["wav_filename"]) == good
    assert table["predicted_transcript"].nunique() == 1
    listed = (trained / "run/left_out_inference.txt").read_text()
    for name in BAD:
        assert listed.count(f"{name}: ") == 1
        assert skips or name in err
    assert "3 recordings could not be read" in err
    assert "left_out_inference.txt" in err


def test_the_list_of_an_earlier_run_goes(trained, infer, damaged, tmp_path):
    code, _, _ = infer(f"--infer_output_file={tmp_path}/1.csv", "--infer_files", *damaged)
    assert code == 2
    code, _, err = infer(f"--infer_output_file={tmp_path}/2.csv", "--infer_files", damaged[0])
    assert code == 0, err
    assert not (trained / "run/left_out_inference.txt").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_was_transcribed_before_the_end_is_kept(trained, infer, tmp_path, monkeypatch, error):
    original, calls = EvaluationStep.logits, []

    def failing(self, batch):
        calls.append(1)
        if len(calls) == 6:
            raise error
        return original(self, batch)

    output = tmp_path / "out.csv"
    flags = f"--infer_output_file={output}", "--batch_size_per_gpu=1"
    with monkeypatch.context() as patch:
        patch.setattr(EvaluationStep, "logits", failing)
        code, _, err = infer(*flags)
    assert code != 0 and not output.exists()
    partial = tmp_path / "out.csv.partial"
    assert str(partial) in err
    kept = pd.read_csv(partial, keep_default_na=False)
    assert len(kept) >= 4
    pickled = (
        f"--infer_output_file={tmp_path}/x.pkl",
        "--decoder_params/infer_logits_to_pickle=True",
    )
    calls.clear()
    with monkeypatch.context() as patch:
        patch.setattr(EvaluationStep, "logits", failing)
        assert infer(*flags[1:], *pickled)[0] != 0
    logits = pickle.loads((tmp_path / "x.pkl.partial").read_bytes())["logits"]
    assert list(logits) == list(kept["wav_filename"]) and not (tmp_path / "x.pkl").exists()
    assert infer(*flags)[0] == 0
    whole = pd.read_csv(output, keep_default_na=False)
    assert len(whole) == 18 and whole.head(len(kept)).equals(kept)


def test_what_is_recognised_where_nothing_is_said_is_an_error(trained, infer, tmp_path, capfd):
    from open_seq2seq.cli import main
    from scripts.decode import main as decode

    # The third recording speaks, but its reference says that it does not.
    (tmp_path / "refs.csv").write_text(
        f"wav_filename,wav_filesize,transcript\n{trained}/2.wav,0,ca b\n{trained}/0.wav,0,\n"
    )
    data = f"--data_layer_params/dataset_files=['{tmp_path}/refs.csv']"
    code, _, err = infer(
        f"--infer_output_file={tmp_path}/logits.pkl", data,
        "--decoder_params/infer_logits_to_pickle=True",
    )  # fmt: skip
    assert code == 0, err
    assert infer(f"--infer_output_file={tmp_path}/out.csv", data)[0] == 0
    said = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)["predicted_transcript"]
    assert said[1], "the model says nothing: nothing is tested"
    wrong = jiwer.process_words(["ca b"], [said[0]])
    errors = wrong.substitutions + wrong.deletions + wrong.insertions + len(said[1].split())

    summary = tmp_path / "summary.json"
    code = main([f"--config_file={trained}/config.py", "--mode=eval", data,
                 f"--eval_summary={summary}", f"--eval_report={tmp_path}/report.html"])  # fmt: skip
    out, err = capfd.readouterr()
    assert code == 0, err
    assert "1 of 2 references is empty" in out
    found = json.loads(summary.read_text())
    assert (found["word_errors"], found["words"]) == (errors, 2)
    assert decode([f"--logits={tmp_path}/logits.pkl", f"--labels={tmp_path}/refs.csv"]) == 0
    out = capfd.readouterr().out
    assert f"Greedy WER = {errors / 2:.4f}" in out and "1 of 2 references is empty" in out
    # To learn from, it is refused.
    code = main([f"--config_file={trained}/config.py", "--mode=train", data,
                 f"--logdir={tmp_path}/run"])  # fmt: skip
    assert code == 2 and "empty transcript" in capfd.readouterr().err


def files(folder, trained):
    return ["--infer_files", *(trained / f"{index}.wav" for index in range(3))]


def test_formats(trained, infer, tmp_path):
    texts, words = {}, {}
    for result, index in zip(Recognizer.load(trained / "config.py").transcribe(
        [trained / f"{index}.wav" for index in range(3)]), range(3)):  # fmt: skip
        texts[index], words[index] = result.text, result.words
    assert all(words.values())

    code, _, err = infer(f"--infer_output_file={tmp_path}/x.jsonl", *files(tmp_path, trained))
    assert code == 0, err
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == list(texts.values())
    for line, expected in zip(lines, words.values()):
        assert [one["text"] for one in line["words"]] == [word.text for word in expected]
        assert [one["start"] for one in line["words"]] == [round(w.start, 4) for w in expected]

    code, _, err = infer(f"--infer_output_file={tmp_path}/all.srt", *files(tmp_path, trained))
    assert code == 2 and f"{tmp_path}/{{}}.srt" in err and not (tmp_path / "all.srt").exists()
    code, _, err = infer(f"--infer_output_file={tmp_path}/{{}}.srt", *files(tmp_path, trained))
    assert code == 0, err
    for index, text in texts.items():
        assert text in " ".join((tmp_path / f"{index}.srt").read_text().splitlines())
    code, _, err = infer(f"--infer_output_file={tmp_path}/{{}}.srt", *files(tmp_path, trained))
    assert code == 2 and "0.srt" in err and "--overwrite" in err

    beams = "--decoder_params/use_language_model=True", "--decoder_params/lm_scoring=standard"
    code, _, err = infer(
        f"--infer_output_file={tmp_path}/n.jsonl", *beams, *files(tmp_path, trained)
    )
    assert code == 0, err
    for line in (tmp_path / "n.jsonl").read_text().splitlines():
        found = json.loads(line)
        scores = [one["score"] for one in found["nbest"]]
        assert 1 < len(scores) <= 10 and scores == sorted(scores, reverse=True)
        assert found["nbest"][0]["text"] == found["text"]


def test_segments_have_the_times_of_the_recording(trained, infer, tmp_path):
    (tmp_path / "segments.csv").write_text(
        "wav_filename,duration,offset\n"
        f"{trained}/2.wav,0.2,0.3\n{trained}/2.wav,0.25,0.0\n{trained}/0.wav,,\n"
    )
    data = f"--data_layer_params/dataset_files=['{tmp_path}/segments.csv']"
    code, _, err = infer(f"--infer_output_file={tmp_path}/x.ctm", data)
    assert code == 0, err
    assert infer(f"--infer_output_file={tmp_path}/x.jsonl", data)[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [line.get("offset") for line in lines] == [0.3, 0.0, None]
    starts = {"2": [], "0": []}
    for line in lines:
        name = line["wav_filename"].partition("@")[0][-5]
        starts[name] += [line.get("offset", 0) + word["start"] for word in line["words"]]
    table = [line.split() for line in (tmp_path / "x.ctm").read_text().splitlines()]
    for name, expected in starts.items():
        found = [float(line[2]) for line in table if line[0] == name]
        assert found == pytest.approx(expected, abs=2e-3)


def test_nothing_is_written_over(trained, infer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = "--infer_files", trained / "0.wav"
    output = tmp_path / "out.csv"
    output.write_text("results of last week\n")
    flag = f"--infer_output_file={output}"
    code, _, err = infer(flag, *one)
    assert code == 2 and f"{output}: found results that are there already" in err
    assert "Transcribing" not in err and output.read_text() == "results of last week\n"
    # Both remedies.
    assert infer(flag, "--overwrite", *one)[0] == 0
    assert output.read_text().startswith("wav_filename,")
    assert infer(f"--infer_output_file={tmp_path}/other.csv", *one)[0] == 0
    # Nobody asked for the default name: a number is added.
    for name in ("infer-out.txt", "infer-out-2.txt", "infer-out-3.txt"):
        code, _, err = infer()
        assert code == 0 and f"written to {name}" in err
        assert (tmp_path / name).read_text().startswith("wav_filename,")
    (tmp_path / "empty.csv").touch()  # as mktemp makes it
    assert infer(f"--infer_output_file={tmp_path}/empty.csv", *one)[0] == 0
    assert infer("--infer_output_file=/dev/null", *one)[0] == 0
    assert infer("--infer_output_file=/dev/null", *one)[0] == 0


@pytest.mark.parametrize(
    ("mode", "flag", "name"),
    [
        ("infer", "infer_output_file", ""),
        ("infer", "infer_output_file", "file/below.csv"),
        ("infer", "infer_output_file", "file/{}.srt"),
        ("eval", "eval_report", ""),
        ("eval", "eval_summary", "file/below.json"),
        ("train_eval", "eval_report", ""),
    ],
)
def test_a_wrong_place_is_noticed_before_work(trained, capfd, tmp_path, mode, flag, name):
    from open_seq2seq.cli import main

    (tmp_path / "file").touch()
    place = tmp_path / name if name else tmp_path
    code = main([f"--config_file={trained}/config.py", f"--mode={mode}", f"--{flag}={place}",
                 *([f"--logdir={tmp_path}/new"] if mode == "train_eval" else [])])  # fmt: skip
    out, err = capfd.readouterr()
    assert code in (1, 2) and str(tmp_path) in err
    said = out + err
    assert "Transcribing" not in said and "Evaluating" not in said and "Total train" not in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--infer_output_file=x.pkl"], "infer_logits_to_pickle=True"),
        (["--infer_output_file=x.srt", "--decoder_params/infer_logits_to_pickle=True"], ".pkl"),
    ],
)
def test_an_ending_that_does_not_fit(infer, flags, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = infer(*flags)
    assert code == 2 and expected in err and not list(tmp_path.iterdir())


class TestRecognizer:
    @pytest.fixture(scope="class")
    def recognizer(self, trained):
        return Recognizer.load(trained / "config.py")

    def test_one_bad_file_does_not_lose_the_others(self, recognizer, damaged):
        with pytest.raises(RecordingsLeftOut) as raised:
            recognizer.transcribe(damaged)
        error = raised.value
        assert isinstance(error, InputError) and error.exit_code == 2
        assert [path.name for path, one in zip(damaged, error.results) if one is None] == list(BAD)
        assert [problem.where for problem in error.problems] == [
            str(path) for path in damaged if path.name in BAD
        ]
        good = [path for path in damaged if path.name not in BAD]
        assert [one for one in error.results if one is not None] == recognizer.transcribe(good)

    def test_they_can_be_skipped(self, recognizer, damaged, caplog):
        results = recognizer.transcribe(damaged, on_error="skip")
        assert [one is None for one in results] == [path.name in BAD for path in damaged]
        assert sum(record.levelname == "WARNING" for record in caplog.records) == 3
        logits = recognizer.logits(damaged, on_error="skip")
        assert [one is None for one in logits] == [path.name in BAD for path in damaged]
        with pytest.raises(ValueError, match="on_error"):
            recognizer.transcribe(damaged, on_error="ignore")

    def test_an_array_is_named_by_its_place(self, recognizer):
        good = speech_like("ab", 1)
        results = recognizer.transcribe([good, np.full(900, np.nan, np.float32)], on_error="skip")
        assert results[0].text and results[1] is None
        with pytest.raises(RecordingsLeftOut, match=r"audio\[1\]"):
            recognizer.transcribe([good, np.zeros((2, 2), np.float32)])

    def test_results_come_while_others_are_computed(self, recognizer, damaged):
        stream = recognizer.transcriptions(damaged)
        first = next(stream)
        assert first.index == 0 and first.result.text
        assert [one.error is not None for one in stream] == [True, False, True, True, False]
