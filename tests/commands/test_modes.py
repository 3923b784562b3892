"""The modes end to end on a tiny corpus, through the command line."""

import csv
import json
import os
import pickle
import shutil
import signal

import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf
from safetensors.numpy import load_file

from open_seq2seq.cli import main
from open_seq2seq.errors import RunError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.runs.events import read_events
from open_seq2seq.runs.summary import read_summary
from open_seq2seq.training.step import TrainStep


def weights(folder):
    return load_file(folder / "model.safetensors")


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_train_eval_writes_what_the_guide_says(corpus, run):
    code, out, _ = run("--mode=train_eval", "--enable_logs", "--dtype=mixed")
    assert code == 0
    for line in ("Total trainable parameters", "Sample prediction:",
                 "Train loss:", "Finished training: 10 steps", "Validation WER:"):  # fmt: skip
        assert line in out, line
    assert all(line.startswith("***") for line in out.splitlines())
    logs = corpus / "run" / "logs"
    assert sorted(p.name for p in logs.glob("ckpt-*")) == ["ckpt-10", "ckpt-8"]
    assert list((logs / "best_models").glob("ckpt-*"))
    assert all(list((logs / part).glob("events.out.tfevents*")) for part in (".", "eval"))
    kinds = {p.name.split("_20")[0] for p in (corpus / "run").iterdir() if p.is_file()}
    assert kinds == {"config", "run", "parameters", "variables.txt", "cmd-args", "git-info",
                     "stdout", "stderr", "summary.json"}  # fmt: skip
    evaluations = [
        json.loads(line) for line in (logs / "evaluations.jsonl").read_text().splitlines()
    ]
    assert [e["step"] for e in evaluations] == [5, 10]
    record = json.loads(next((corpus / "run").glob("run_*.json")).read_text())
    assert record["config"]["train"]["max_steps"] == 10
    assert record["config"]["train"]["encoder_params"]["bn_momentum"] == 0.9  # a default
    assert record["random_seed"] == {"train": 3, "eval": 3}
    assert record["packages"]["keras"] and "--dtype=mixed" in record["repeat"]
    summary = json.loads((corpus / "run/summary.json").read_text())
    check_summary_of_training(summary, evaluations, corpus)
    transcripts = pd.read_csv(corpus / "run" / summary["results"][1]["transcripts"])
    assert list(transcripts["wav_filename"]) == [f"{i}.wav" for i in range(18)]


def check_summary_of_training(summary, evaluations, corpus):
    """Against the same facts from elsewhere."""
    seconds = sum(soundfile.info(str(corpus / f"{i}.wav")).duration for i in range(18))
    name = f"{corpus.name}/data"
    assert summary["train_data"]["rows"] == 18 and summary["train_data"]["name"] == name
    assert summary["train_data"]["hours"] == pytest.approx(seconds / 3600)
    assert summary["dev_data"]["manifests"] == [f"{corpus}/data.csv"]
    assert summary["recipe"] == "config" and summary["run_id"].startswith("config-")
    assert (summary["seed"], summary["task"], summary["devices"]) == (3, "speech", 1)
    values = load_file(corpus / "run/logs/ckpt-10/model.safetensors")
    trained = [v.size for n, v in values.items() if "moving" not in n and "random" not in n]
    assert summary["parameters"] == sum(trained)
    training = summary["training"]
    assert (training["state"], training["sittings"]) == ("finished", 1)
    assert (training["steps"], training["epochs"]) == (10, 2.0)
    # Speed perturbation leaves the recorded seconds as they are.
    assert training["audio_hours"] == pytest.approx(2 * seconds / 3600)
    evaluating = sum(e["seconds"] for e in evaluations)
    found = training["seconds"] - training["seconds_without_evaluation"]
    assert evaluating <= found < training["seconds"]
    assert summary["curve"] == evaluations
    assert 0 < evaluations[0]["training_seconds"] < training["seconds_without_evaluation"]
    assert evaluations[0]["wall_seconds"] == evaluations[0]["training_seconds"]
    best, final = summary["results"]
    assert (best["weights"], final["weights"], final["step"]) == ("best", "final", 10)
    assert best["wer"] == min(e["wer"] for e in evaluations)
    assert {r["decoding"]["search"] for r in (best, final)} == {"greedy"}


def test_all_summaries_are_written(corpus, run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    chosen = ["learning_rate", "gradients", "gradient_norm", "global_gradient_norm", "variables",
              "variable_norm", "loss_scale", "samples"]  # fmt: skip
    loggers = "--loggers=['tensorboard', 'csv']"
    assert run("--mode=train_eval", f"--summaries={chosen}", loggers)[0] == 0
    tags = {}
    for part in (".", "eval"):
        events = EventAccumulator(str(corpus / "run" / part))
        tags[part] = set(events.Reload().Tags()["tensors"])
    kernel = "encoder/conv11/kernel"
    assert tags["."] >= {"config", "loss", "epoch", "learning_rate", "global_gradient_norm",
                             "loss_scale", "blank_share", "emitted_ratio",
                             f"gradients/{kernel}", f"gradient_norm/{kernel}",
                             f"variables/{kernel}", f"variable_norm/{kernel}"}  # fmt: skip
    shown = {f"sample_{n}/{kind}" for n in (1, 2, 3)
             for kind in ("text", "spectrogram", "alignment", "audio")}  # fmt: skip
    assert tags["eval"] == {"loss", "wer", "cer", "length_ratio"} | shown
    rows = list(csv.DictReader((corpus / "run/metrics.csv").open()))
    names = {(row["part"], row["name"]) for row in rows}
    assert {
        ("train", "blank_share"),
        ("train", f"gradient_norm/{kernel}"),
        ("eval", "wer"),
    } <= names
    steps = {row["step"] for row in rows if (row["part"], row["name"]) == ("eval", "wer")}
    assert {path.name for path in (corpus / "run/logged_samples").iterdir()} == {
        f"step-{step}" for step in steps
    }
    read = read_events(corpus / "run", ("loss", "learning_rate", "nothing"))
    assert [step for step, _ in read["loss"]] == [5, 10] and read["nothing"] == []
    curve = [json.loads(line) for line in (corpus / "run/evaluations.jsonl").open()]
    of_evaluations = read_events(corpus / "run", ("loss", "wer"), "eval")
    for tag, points in of_evaluations.items():
        assert points == [(one["step"], pytest.approx(one[tag], rel=1e-6)) for one in curve]
    # Power 1 over 10 steps: the fifth step is made with 1 - 4/10 of the rate.
    assert read["learning_rate"][0] == (5, pytest.approx(0.02 * 0.6, rel=1e-5))


def test_training_is_repeatable_and_continues_exactly(corpus, run):
    assert run("--mode=train", f"--logdir={corpus}/whole")[0] == 0
    assert run("--mode=train", f"--logdir={corpus}/again")[0] == 0
    whole = weights(corpus / "whole/ckpt-10")
    assert equal(whole, weights(corpus / "again/ckpt-10"))

    # The learning rate must not depend on where the run was cut: decay_steps is given.
    fixed = "--lr_policy_params/decay_steps=10"
    assert run("--mode=train", f"--logdir={corpus}/cut", "--max_steps=7", fixed)[0] == 0
    code, out, _ = run("--mode=train", f"--logdir={corpus}/cut", fixed, "--continue_learning")
    assert code == 0 and "Resuming training" in out and "step 7" in out
    assert equal(whole, weights(corpus / "cut/ckpt-10"))


@pytest.mark.slow
def test_a_run_can_be_repeated_from_its_record(corpus, run):
    text = (corpus / "config.py").read_text().replace(f'"{corpus}/vocab.txt"', "vocabulary")
    prefix = 'from pathlib import Path\nvocabulary = str(Path(__file__).with_name("vocab.txt"))\n'
    (corpus / "config.py").write_text(prefix + text)
    assert run("--mode=train", "--max_steps=6", "--max_grad_norm=0.5")[0] == 0
    record = json.loads(next((corpus / "run").glob("run_*.json")).read_text())
    assert main([*record["repeat"][2:], f"--logdir={corpus}/again"]) == 0
    assert equal(weights(corpus / "run/ckpt-6"), weights(corpus / "again/ckpt-6"))


def test_ctrl_c_saves_and_says_how_to_go_on(corpus, run, monkeypatch):
    original, calls = TrainStep.__call__, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(TrainStep, "__call__", interrupted)
        code, out, _ = run("--mode=train")
    assert code == 130 and "--continue_learning" in out
    assert (corpus / "run/ckpt-3").is_dir()
    first = read_summary(corpus / "run")
    assert run("--mode=train", "--continue_learning")[0] == 0
    both = read_summary(corpus / "run")
    assert (first["training"]["state"], first["training"]["steps"]) == ("interrupted", 3)
    assert (both["training"]["state"], both["training"]["sittings"]) == ("finished", 2)
    assert both["training"]["seconds"] > first["training"]["seconds"] > 0
    assert both["run_id"] == first["run_id"] and both["config"] == first["config"]
    assert run("--mode=train", f"--logdir={corpus}/whole")[0] == 0
    whole = read_summary(corpus / "whole")
    assert both["training"]["audio_hours"] == pytest.approx(whole["training"]["audio_hours"])
    assert equal(weights(corpus / "run/ckpt-10"), weights(corpus / "whole/ckpt-10"))


def test_a_damaged_summary_is_not_written_over(corpus, run):
    assert run("--mode=train", "--max_steps=3")[0] == 0
    damaged = corpus / "run/summary.json"
    damaged.write_text('{"format": 1, "results"')
    code, _, err = run("--mode=train", "--continue_learning")
    assert code != 0 and f"{damaged}: found no JSON" in err and "move a damaged one away" in err
    assert damaged.read_text() == '{"format": 1, "results"'
    damaged.unlink()
    assert run("--mode=train", "--continue_learning")[0] == 0
    assert read_summary(corpus / "run")["training"]["steps"] == 10


def test_an_error_of_training_is_said_though_the_summary_cannot_be_written(
    corpus, run, monkeypatch
):
    def failing(self, *arguments):
        (corpus / "run/summary.json").unlink()
        (corpus / "run/summary.json").mkdir()  # a folder cannot be replaced by a file
        raise RunError("the step failed")

    with monkeypatch.context() as patch:
        patch.setattr(TrainStep, "__call__", failing)
        code, _, err = run("--mode=train")
    assert code == 1 and "the step failed" in err and "summary.json" not in err


@pytest.fixture
def trained(corpus, learned):
    """The corpus with a checkpoint that has learned something."""
    shutil.copytree(learned, corpus / "run")
    return corpus


def test_evaluation_does_not_depend_on_the_batch_size(trained, run):
    results = []
    for size in (1, 5, 18):
        summary = trained / f"summary{size}.json"
        report = trained / f"report{size}.html"
        code, out, err = run(
            "--mode=eval",
            f"--batch_size_per_gpu={size}",
            f"--eval_summary={summary}",
            f"--eval_report={report}",
        )
        assert code == 0, err
        assert "Validation WER:" in out and "<html" in report.read_text()
        results.append(json.loads(summary.read_text()))
    for result in results[1:]:
        for key in ("word_errors", "words", "character_errors", "characters"):
            assert result[key] == results[0][key]
        assert result["loss"] == pytest.approx(results[0]["loss"], rel=1e-4)
    page = report.read_text()
    for fact in ("ckpt-60", "Step", "greedy", "Machine", "Version", "Date", "data.csv", "float32"):
        assert fact in page, fact
    # The worst ones can be seen and heard.
    wrong = page.count('<div class="card utterance">')
    assert page.count("<audio ") == page.count("<img ") == min(wrong, 12)
    assert results[0]["words"] == 24
    (stored,) = read_summary(trained / "run")["results"]
    assert (stored["wer"], stored["rows"]) == (results[-1]["wer"], 18)
    assert (stored["weights"], stored["step"]) == ("final", 60)


def test_inference_writes_transcripts_in_the_order_of_the_csv(trained, run):
    output = trained / "out.csv"
    assert run("--mode=infer", f"--infer_output_file={output}")[0] == 0
    table = pd.read_csv(output, keep_default_na=False)
    assert list(table.columns) == ["wav_filename", "predicted_transcript"]
    assert list(table["wav_filename"]) == [f"{i}.wav" for i in range(18)]

    # Without transcripts, and in another order, every recording gets the same text.
    names = [f"{i}.wav" for i in (5, 0, 17, 3)]
    (trained / "plain.csv").write_text("\n".join(["wav_filename", *names]) + "\n")
    files = f"--data_layer_params/dataset_files=['{trained}/plain.csv']"
    assert run("--mode=infer", f"--infer_output_file={output}", files, "--overwrite")[0] == 0
    again = pd.read_csv(output, keep_default_na=False)
    assert list(again["wav_filename"]) == names
    texts = dict(zip(table["wav_filename"], table["predicted_transcript"]))
    assert list(again["predicted_transcript"]) == [texts[name] for name in names]

    paths = [str(trained / name) for name in names]
    output = trained / "named.csv"
    code, out, err = run("--mode=infer", f"--infer_output_file={output}", "--infer_files", *paths)
    assert code == 0, err
    assert out == "".join(f"{trained / name}\t{texts[name]}\n" for name in names)

    recognizer = Recognizer.load(trained / "config.py")
    assert [r.text for r in recognizer.transcribe(paths)] == [texts[name] for name in names]


def test_logits_are_written_for_offline_decoding(trained, run):
    output = trained / "logits.pkl"
    flag = "--decoder_params/infer_logits_to_pickle=True"
    assert run("--mode=infer", f"--infer_output_file={output}", flag)[0] == 0
    content = pickle.loads(output.read_bytes())
    assert set(content) == {"logits", "step_size", "vocab"}
    (noted,) = read_summary(trained / "run")["logits"]
    assert (noted["file"], noted["step"]) == (str(output), 60)
    assert content["step_size"] == pytest.approx(0.02)
    assert content["vocab"] == {0: " ", 1: "a", 2: "b", 3: "c"}
    recognizer = Recognizer.load(trained / "config.py")
    for index in (0, 2):
        mine = recognizer.logits([trained / f"{index}.wav"])[0]
        stored = content["logits"][f"{index}.wav"]
        assert stored.dtype == np.float32 and stored.shape == mine.shape
        np.testing.assert_allclose(stored, mine, atol=1e-4)


def test_interactive_inference_takes_arrays_of_any_rate(trained, run):
    import soxr

    recognizer = Recognizer.load(trained / "config.py")
    samples, rate = soundfile.read(trained / "2.wav", dtype="float32")
    integers = soundfile.read(trained / "2.wav", dtype="int16")[0]
    from_file = recognizer.transcribe([str(trained / "2.wav")])[0]
    assert recognizer.transcribe([samples])[0] == from_file
    assert recognizer.transcribe([integers])[0].text == from_file.text
    faster = soxr.resample(samples, rate, 16000)
    assert recognizer.transcribe([faster], sample_freq=16000)[0].text == from_file.text
    with pytest.raises(Exception, match=r"audio\[1\]"):
        recognizer.transcribe([samples, 3])


def test_another_vocabulary_or_front_end_is_refused(trained, run):
    (trained / "other.txt").write_text(" \na\nb\nd\n")
    code, _, err = run("--mode=eval", f"--data_layer_params/vocab_file={trained}/other.txt")
    assert code == 2 and "'d'" in err and "'c'" in err
    code, _, err = run("--mode=eval", "--data_layer_params/window_size=0.025")
    assert code == 2 and "window_size" in err


def test_a_changed_model_is_refused(trained, run):
    code, _, err = run("--mode=eval", "--encoder_params/convnet_layers/0/num_channels=8")
    assert code == 2 and "conv11" in err


def test_benchmark_times_a_few_steps_and_writes_nothing(corpus, run):
    code, out, _ = run("--benchmark", "--bench_steps=4", "--bench_start=2")
    assert code == 0 and "Avg time per step" in out and "over 2 steps" in out
    assert not (corpus / "run").exists()


@pytest.fixture
def tensorflow_switched_back():
    """Turns off what a run turns on for its whole process."""
    yield
    tf.debugging.experimental.disable_dump_debug_info()
    tf.config.optimizer.set_jit(False)


@pytest.mark.usefixtures("tensorflow_switched_back")
@pytest.mark.slow
def test_xla_and_the_debugger_can_be_turned_on(corpus, run):
    port = "--debug_port=6007"
    code, out, err = run("--mode=train", "--max_steps=2", "--use_xla_jit", port)
    assert code == 0, err
    assert "tensorboard" in out and list((corpus / "run/debug").glob("tfdbg_events*"))


def test_bad_rows_stop_the_run_with_the_whole_list_or_are_skipped_by_name(corpus, run):
    with open(corpus / "data.csv", "a") as file:
        file.write("0.wav,0,xay\nmissing.wav,0,ab\n1.wav,0,\n2.wav,0," + "ab" * 200 + "\n")
    code, _, err = run("--mode=train")
    assert code == 2
    for line in ("data.csv:20", "U+0078", "missing.wav", "data.csv:22", "data.csv:23"):
        assert line in err, line
    code, _out, err = run("--mode=train", "--skip_bad_rows")
    assert code == 0, err
    listed = (corpus / "run/left_out_training.txt").read_text()
    assert "missing.wav" in listed and "data.csv:23" in listed


def test_rows_outside_the_limits_on_duration_are_named(corpus, run):
    # "ca b" has four symbols of 0.12 s, the other texts have two or three.
    limit = "--data_layer_params/max_duration=0.5"
    code, out, err = run("--mode=train", "--max_steps=1", limit)
    assert code == 0, err
    assert "3 of 18 recordings left out by max_duration" in out
    listed = (corpus / "run/left_out_training.txt").read_text()
    assert [f"{i}.wav" in listed for i in (2, 8, 14, 0)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--mode=trian"], "Did you mean train?"),
        (["--mod=train"], "Did you mean --mode?"),
        (["--max_step=3"], "--max_steps"),
        (["--mode=train", "--num_epochs=3"], "exactly one of them"),
        (["--mode=train_eval", "--eval_steps=None"], "eval_steps"),
        (["--mode=eval"], "Train first"),
        (["--mode=interactive_infer"], "Recognizer"),
        (["--encoder_params/convnet_layers/0/dilaton=[1]"], "dilation"),
        (["--data_layer_params/augmentation/n_time_maks=1"], "n_time_mask"),
        (["--optimizer=Momentun"], "Momentum"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_to_do(run, arguments, expected):
    code, _, err = run(*arguments)
    assert code == 2 and expected in err


def test_a_used_folder_is_refused_unless_told_otherwise(corpus, run):
    (corpus / "run/ckpt-7").mkdir(parents=True)
    code, _, err = run("--mode=train", "--max_steps=1")
    assert code == 2 and "--continue_learning" in err
    assert [path.name for path in (corpus / "run").iterdir()] == ["ckpt-7"]
    code, out, _ = run("--mode=train", "--max_steps=1", "--no_dir_check")
    assert code == 0 and "WARNING" in out


def test_help_params_describes_the_components_of_the_config(run):
    code, out, _ = run("--help_params")
    assert code == 0
    for name in ("convnet_layers", "speed_perturbation_ratio", "momentum", "mask_nan", "min_lr"):
        assert name in out, name


def test_losses_that_are_not_finite_are_named_and_limited(corpus, run):
    arguments = ("--mode=train", "--lr_policy_params/learning_rate=1e30", "--max_grad_norm=None")
    code, _out, err = run(*arguments, "--max_steps=200", "--max_nonfinite_share=0.02")
    assert code == 1 and "max_nonfinite_share" in err
    lines = (corpus / "run/nonfinite.csv").read_text().splitlines()
    assert lines[0] == "step,wav_filename,loss,gradient_norm" and ".wav," in lines[1]


@pytest.mark.slow
def test_sentencepiece_labels_in_every_mode(corpus, run):
    import sentencepiece

    texts = pd.read_csv(corpus / "data.csv", keep_default_na=False)["transcript"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(corpus / "pieces"),
        vocab_size=9,
        character_coverage=1.0,
        minloglevel=2,
    )
    arguments = (
        "--data_layer_params/bpe=True",
        f"--data_layer_params/vocab_file={corpus}/pieces.model",
    )
    code, _, err = run("--mode=train_eval", "--max_steps=60", *arguments)
    assert code == 0, err
    output = corpus / "out.csv"
    code, _, err = run("--mode=infer", f"--infer_output_file={output}", *arguments)
    assert code == 0, err
    predicted = pd.read_csv(output, keep_default_na=False)["predicted_transcript"]
    assert len(predicted) == 18 and any(predicted)
    assert set("".join(predicted)) <= set("abc ")
