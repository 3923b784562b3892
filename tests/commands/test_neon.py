"""scripts/train.py and scripts/evaluate.py: neon's commands, done by run.py."""

import json
import pickle
import re
from pathlib import Path

import jiwer
import pytest
from safetensors.numpy import load_file

from open_seq2seq.commands import run
from open_seq2seq.config.overrides import split_arguments
from scripts import evaluate, train

ROOT = Path(__file__).parents[2]


@pytest.fixture
def manifests(corpus):
    """The corpus as neon's two-column manifests, the first twelve recordings and the others."""
    rows = (corpus / "data.csv").read_text().splitlines()[1:]
    for name, part in (("train", rows[:12]), ("val", rows[12:])):
        lines = []
        for row in part:
            audio, _, text = row.split(",")
            (corpus / f"{audio}.txt").write_text(text + "\n")
            lines.append(f"{corpus}/{audio},{audio}.txt\n")
        (corpus / f"{name}.csv").write_text("".join(lines))
    # As `cat` joins them: the second half comes from another file.
    return {kind: f"{kind}:{corpus}/{kind}.csv" for kind in ("train", "val")}


def model(corpus, *more):
    return [f"--config_file={corpus}/config.py", *more]


@pytest.fixture
def commands(capfd):
    """Calls one of the scripts; returns exit code, stdout and stderr."""

    def call(script, *arguments):
        code = script.main(list(arguments))
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


def test_train_and_evaluate(corpus, manifests, commands):
    code, out, err = commands(
        train, "--manifest", manifests["train"], "-e1", "-z", "6", "-s", f"{corpus}/saved.prm",
        "--encoder_params/convnet_layers/0/num_channels=8", *model(corpus)
    )  # fmt: skip
    assert code == 0, err
    assert "12 utterances in 2 batches an epoch" in out and "Finished training: 2 steps" in out
    # The stored config, with what it was overridden by: 8 channels.
    code, out, err = commands(
        evaluate, "--manifest", manifests["val"], "--model_file", f"{corpus}/saved.prm",
        "--inference_file", f"{corpus}/out.pkl"
    )  # fmt: skip
    assert code == 0, err
    pairs, rate = pickle.loads((corpus / "out.pkl").read_bytes())
    assert [reference for _, reference in pairs] == ["ab", "ba", "ca b", "cab", "a c", "bac"]
    hypotheses, references = zip(*pairs)
    assert rate == pytest.approx(jiwer.cer(list(references), list(hypotheses)))
    assert f"\n{'-' * 80}\ncer = {rate}\n{'-' * 80}\n" in out
    assert f"Saved inference results to {corpus}/out.pkl" in out


FIXED = ("--lr_policy=fixed_lr", "--lr_policy_params={'learning_rate': 0.02}")


@pytest.mark.slow
def test_going_on_is_exact(corpus, manifests, commands):
    """A run of 3 epochs; one of 1 that goes on to 3 elsewhere; and that goes on where it is."""
    given = ["--manifest", manifests["train"], "--manifest", manifests["val"], "-z4"]
    first = [*given, *model(corpus, *FIXED)]
    assert commands(train, *first, "-e3", "-s", f"{corpus}/whole")[0] == 0
    assert commands(train, *first, "-e1", "-s", f"{corpus}/part")[0] == 0
    # Without --config_file: the stored one, with its overrides.
    going_on = [*given, "-e3", "--model_file"]
    code, out, _ = commands(train, *going_on, f"{corpus}/part/ckpt-3", "-s", f"{corpus}/elsewhere")
    assert code == 0 and f"Resuming training from {corpus}/part/ckpt-3, step 3" in out
    assert commands(train, *going_on, f"{corpus}/part", "-s", f"{corpus}/part")[0] == 0
    for name in ("model.safetensors", "optimizer.safetensors"):
        whole = load_file(corpus / "whole/ckpt-9" / name)
        for other in ("elsewhere", "part"):
            found = load_file(corpus / other / "ckpt-9" / name)
            assert found.keys() == whole.keys()
            assert all((found[key] == whole[key]).all() for key in whole)

    # A checkpoint among the best, with a given config; words.
    best = next((corpus / "whole/best_models").glob("ckpt-*"))
    result = ["--model_file", str(best), "--use_wer", "--inference_file", f"{corpus}/out.pkl"]
    given = ["--manifest", manifests["val"], *model(corpus)]
    code, out, err = commands(evaluate, *given, *result)
    assert code == 0, err
    pairs, rate = pickle.loads((corpus / "out.pkl").read_bytes())
    hypotheses, references = map(list, zip(*pairs))
    assert rate == pytest.approx(jiwer.wer(references, hypotheses))
    assert re.search(r"^wer = (.*)$", out, re.MULTILINE)[1] == str(rate)

    code, _, err = commands(train, *going_on, f"{corpus}/part", "-s", f"{corpus}/whole")
    assert code == 2 and "a folder in use" in err
    code, _, err = commands(train, *going_on, f"{corpus}/part/ckpt-8", "-s", f"{corpus}/part")
    assert code == 2 and "not the newest checkpoint of --save" in err


@pytest.mark.slow
def test_the_config_of_neon(corpus, manifests, commands):
    """The default: its network, made small."""
    small = [f"--encoder_params/{name}=8" for name in ("rnn_cell_dim", "n_hidden")]
    small += ["--encoder_params/num_rnn_layers=1", "--encoder_params/conv_layers/0/num_channels=8"]
    given = ["--manifest", manifests["train"], "-e1", "-z6", "-s", f"{corpus}/neon"]
    code, out, err = commands(train, *given, *small, "-b", "gpu")
    assert code == 0, err
    assert "rnn_arrangement: 'stacks'" in out
    assert (corpus / "neon/ckpt-2").is_dir()
    code, out, err = commands(
        evaluate, "--manifest", manifests["val"], "--model_file", f"{corpus}/neon", "-z3"
    )
    assert code == 0 and "cer = " in out, err


def stored_run(folder, stamp="2026-01-01_00-00-00", arguments=(), mode="train"):
    """A log directory as a run leaves it, as far as the commands read it."""
    checkpoint = folder / "ckpt-7"
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "model.safetensors").touch()
    (folder / f"config_{stamp}.py").write_text(
        "class base_model:\n    task = 'speech'\nbase_params = {}\n"
    )
    record = {"config": {mode: {}}, "arguments": list(arguments)}
    (folder / f"run_{stamp}.json").write_text(json.dumps(record))
    return checkpoint


@pytest.fixture
def translated(monkeypatch, commands):
    """What run.py would be asked to do."""
    asked = []
    monkeypatch.setattr(run, "main", lambda arguments, **more: asked.append(arguments) or 0)

    def call(script, *arguments):
        code, _, err = commands(script, *arguments)
        assert code == 0, err
        flags, rest = run.make_parser().parse_known_args(asked[-1])
        return flags, {"/".join(o.path): o.text for o in split_arguments(rest)}

    return call


def test_training_of_neon_s_config(tmp_path, translated):
    flags, overrides = translated(
        train, "--manifest", "train:a.csv", "--manifest", "val:d.csv", "--manifest", "train:b:c",
        "-e20", "-z", "64", "-s", "model.prm", "--max_grad_norm=3", "--skip_bad_rows",
    )  # fmt: skip
    assert Path(flags.config_file) == ROOT / "example_configs/speech2text/deepspeech_neon.py"
    assert flags.mode == "train_eval" and flags.skip_bad_rows and not flags.checkpoint
    assert overrides["num_epochs"] == "20" and overrides["batch_size_per_gpu"] == "64"
    assert overrides["logdir"] == "model.prm" and overrides["max_grad_norm"] == "3"
    # Of the last mode that has it.
    assert overrides["data_layer_params/dataset_files"] == "['d.csv']"
    flags, overrides = translated(train, "--manifest", "train:a.csv", "-s", "x")
    assert flags.mode == "train" and "num_epochs" not in overrides
    assert overrides["data_layer_params/dataset_files"] == "['a.csv']"


STAMP = "2026-01-02_00-00-00"


def test_the_stored_config_and_its_overrides(tmp_path, translated, commands):
    run = tmp_path / "run"
    old = ["--config_file=x.py", "--mode=train", "--logdir=run", "--dtype=mixed", "--max_steps",
           "9", "--eval_report=old.html", "--continue_learning", "--enable_logs"]  # fmt: skip
    stored_run(run, arguments=["--dtype=float32"])
    stored_run(run, STAMP, old)
    stored_run(run, "2026-01-03_00-00-00", ["--dtype=mixed_float16"], mode="eval")
    flags, overrides = translated(
        evaluate, "--manifest", "val:a.csv", "--manifest", "val:b.csv", "--model_file", str(run)
    )
    assert flags.config_file == str(run / f"config_{STAMP}.py")
    assert (flags.mode, flags.checkpoint) == ("eval", str(run))
    assert not flags.eval_report and not flags.continue_learning and flags.enable_logs
    assert (overrides["dtype"], overrides["logdir"]) == ("mixed", str(run))
    assert overrides["data_layer_params/dataset_files"] == "['a.csv', 'b.csv']"
    flags, overrides = translated(
        train, "--manifest", "train:a.csv", "--model_file", str(run), "-s", "new", "-e", "3"
    )
    assert (flags.mode, flags.checkpoint) == ("train", str(run / "ckpt-7"))
    assert (overrides["max_steps"], overrides["num_epochs"]) == ("None", "3")
    flags, _ = translated(train, "--manifest", "train:a", "--model_file", str(run), "-s", str(run))
    assert flags.continue_learning and flags.checkpoint is None
    best = tmp_path / "run" / "best_models" / "ckpt-7"
    best.mkdir(parents=True)
    (best / "model.safetensors").touch()
    flags, _ = translated(train, "--manifest", "train:a", "--model_file", str(best), "-s", "new")
    assert flags.checkpoint == str(best) and flags.config_file == str(run / f"config_{STAMP}.py")
    code, _, err = commands(
        train, "--manifest", "train:a", "--model_file", str(best), "-s", str(run)
    )
    assert code == 2 and "not the newest checkpoint of --save" in err


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        (train, [], ["--manifest: found none of train", "--save: found nothing"]),
        (train, ["--manifest", "a.csv", "-s", "x"], ["found 'a.csv', expected train:PATH or val"]),
        (train, ["--manifest", "train:a", "-s", "x", "--model_file", "gone"], ["nothing of that"]),
        (evaluate, [], ["found none of val", "--model_file: found nothing"]),
        (evaluate, ["--manifest", "train:a"], ["'train:a', expected val:PATH", "--model_file"]),
        (evaluate, ["--manifest", "val:a", "--model_file", "bare"], ["Give its config with"]),
        (evaluate, ["--manifest", "val:a", "--model_file", "broken"], ["the record of a run"]),
        (evaluate, ["--manifest", "val:a", "--model_file", "."], ["a folder without checkpoints"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(tmp_path, monkeypatch, commands, script, arguments, expected):
    monkeypatch.chdir(tmp_path)
    checkpoint = stored_run(tmp_path / "bare")
    for path in (tmp_path / "bare").glob("run_*"):
        path.unlink()
    stored_run(tmp_path / "broken")
    next((tmp_path / "broken").glob("run_*.json")).write_text("{")
    assert checkpoint.is_dir()
    code, _, err = commands(script, *arguments)
    assert code == 2
    for text in expected:
        assert text in err
