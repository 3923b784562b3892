"""What a start leaves behind, and whether the remedies that messages name help, in sequence."""

import json
import os
import signal
import subprocess
import sys

import pytest

from open_seq2seq.checkpoints.best import best_checkpoint
from open_seq2seq.checkpoints.lock import LOCK, held
from open_seq2seq.checkpoints.storage import read_state
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.runs.summary import read_curve
from open_seq2seq.training.step import TrainStep
from open_seq2seq.training.stop_signals import StopSignals
from tests.tiers import slow

TWO = ("--mode=train", "--max_steps=2")


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (["--train_params/data_layer_params/dataset_files=['nothere.csv']"], "nothere.csv"),
        (["--data_layer_params/dataset_files=['nothere.csv']"], "nothere.csv"),
        (["--data_layer_params/vocab_file=none.txt"], "none.txt"),
        (["--load_model=nowhere"], "nowhere"),
        (["--continue_learning"], "start without --continue_learning"),
    ],
)
def test_a_refused_start_leaves_nothing(corpus, run, broken, said):
    code, _, err = run(*TWO, "--enable_logs", *broken)
    assert code == 2 and said in err
    assert names(corpus / "run") is None


def test_the_remedies_of_a_first_day_in_sequence(corpus, run):
    """Bad rows; the advised flag; a crash before the first checkpoint; going on; a second start."""
    with open(corpus / "data.csv", "a") as file:
        file.write("0.wav,0,xay\n")
    code, _, err = run(*TWO)
    assert code == 2 and "--skip_bad_rows goes on" in err and names(corpus / "run") is None
    code, _, err = run(*TWO, "--skip_bad_rows", "--continue_learning")
    assert code == 2 and "start without --continue_learning" in err
    assert names(corpus / "run") is None
    # A kill before the first checkpoint leaves records and events.
    (corpus / "run").mkdir()
    (corpus / "run/run_2026.json").write_text("{}")
    (corpus / "run/events.out.tfevents.1").write_text("")
    code, _, err = run(*TWO, "--skip_bad_rows", "--continue_learning")
    assert code == 2 and "Start again without --continue_learning; nothing is lost" in err
    code, out, err = run(*TWO, "--skip_bad_rows")
    assert code == 0 and "training starts anew there" in out, err
    assert "left_out_training.txt" in names(corpus / "run")
    code, _, err = run("--mode=train", "--max_steps=3", "--skip_bad_rows")
    assert code == 2 and "Go on with it by --continue_learning" in err
    # With --enable_logs by mistake, in each mode.
    for mode in ("train", "eval", "infer"):
        flags = ["--continue_learning"] if mode == "train" else []
        code, _, err = run(f"--mode={mode}", "--max_steps=3", "--enable_logs", *flags)
        assert code == 2 and "leave out --enable_logs" in err
    code, out, _ = run("--mode=train", "--max_steps=3", "--skip_bad_rows", "--continue_learning")
    assert code == 0 and "step 2" in out and "WARNING: the training data" not in out
    assert LOCK not in names(corpus / "run")
    # Without the rows that were left out the data is the same, with other texts it is not.
    (corpus / "data.csv").write_text((corpus / "data.csv").read_text().replace(",ab\n", ",ba\n"))
    code, out, _ = run("--mode=train", "--max_steps=4", "--skip_bad_rows", "--continue_learning")
    assert code == 0 and "recordings or transcripts: others than then" in out
    code, out, _ = run("--mode=train", "--max_steps=5", "--skip_bad_rows", "--continue_learning",
                       "--batch_size_per_gpu=2")  # fmt: skip
    assert code == 0 and "batch size: 4 then, 2 now" in out and "others than then" not in out


def test_what_a_full_disk_left_of_records_is_mended_and_said(corpus, run):
    assert run("--mode=train_eval", "--max_steps=5", "--save_checkpoint_steps=5")[0] == 0
    logs = corpus / "run"
    with open(logs / "evaluations.jsonl", "a") as file:
        file.write('{"step": 5, "loss": 1.2, "we')
    (logs / "best_models/best.json").write_text("")
    best = best_checkpoint(logs / "best_models")
    assert best.name == "ckpt-5" and read_state(best)["wer"] >= 0
    code, out, err = run("--mode=train_eval", "--max_steps=10", "--continue_learning")
    assert code == 0, err
    assert "evaluations.jsonl:2 is left out" in out
    assert "best.json is damaged or missing: it is written again" in out
    assert [row["step"] for row in read_curve(logs)] == [5, 10]
    assert json.loads((logs / "best_models/best.json").read_text())["metric"] == "wer"


@pytest.mark.parametrize(
    "name", ["state.json", slow("model.safetensors"), slow("optimizer.safetensors")]
)
def test_a_damaged_checkpoint_is_said_before_the_model_and_the_remedy_helps(corpus, run, name):
    assert run("--mode=train", "--max_steps=5")[0] == 0  # checkpoints of steps 4 and 5
    before = names(corpus / "run")
    (corpus / f"run/ckpt-5/{name}").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    code, out, err = run("--mode=train", "--continue_learning", "--max_steps=6")
    assert code == 2 and name in err and "Trainable variables" not in out
    assert "Remove this checkpoint's folder to use the one before it." in err
    assert names(corpus / "run") == before
    for path in (corpus / "run/ckpt-5").iterdir():
        path.unlink()
    (corpus / "run/ckpt-5").rmdir()
    code, out, err = run("--mode=train", "--continue_learning", "--max_steps=6")
    assert code == 0 and "step 4" in out, err


def test_a_vanished_recording_costs_no_step(corpus, run, monkeypatch):
    """Whatever the data layer raises: what was trained is saved, and going on is as if without."""
    from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer

    original = Speech2TextDataLayer.batches

    def failing(self, *arguments):
        for number, batch in enumerate(original(self, *arguments)):
            if number == 3:
                raise InputError("The data is gone:", [Problem("x.wav", "nothing", "it")])
            yield batch

    fixed = "--lr_policy_params/decay_steps=10"
    flags = ("--mode=train", "--save_checkpoint_steps=None", fixed)
    with monkeypatch.context() as patch:
        patch.setattr(Speech2TextDataLayer, "batches", failing)
        code, out, err = run(*flags)
    assert code == 2 and "x.wav" in err
    saved = corpus / "run/ckpt-3"
    assert f"An error ends training; saved {saved}. Go on with --continue_learning." in out
    code, out, err = run(*flags, "--continue_learning")
    assert code == 0 and "step 3" in out, err
    assert run(*flags, f"--logdir={corpus}/whole")[0] == 0
    for name in ("model", "optimizer"):
        one, other = (corpus / f"{run}/ckpt-10/{name}.safetensors" for run in ("run", "whole"))
        assert one.read_bytes() == other.read_bytes()


def test_an_error_of_the_step_costs_no_earlier_step_either(corpus, run, monkeypatch):
    original, calls = TrainStep.__call__, []

    def failing(self, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise MemoryError("out of memory")
        return original(self, *arguments)

    monkeypatch.setattr(TrainStep, "__call__", failing)
    code, out, _ = run("--mode=train", "--save_checkpoint_steps=None")
    assert code == 1 and "Go on with --continue_learning" in out
    assert read_state(corpus / "run/ckpt-3")["progress"]["position"] == 3


@pytest.fixture
def hangup():
    """Sets what SIGHUP does, as a terminal or `nohup` would, whatever these tests run under."""
    before = signal.getsignal(signal.SIGHUP)
    yield lambda handler: signal.signal(signal.SIGHUP, handler)
    signal.signal(signal.SIGHUP, before)


def test_nohup_outlives_its_terminal(hangup):
    hangup(signal.SIG_IGN)
    with StopSignals() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.requested
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested


@pytest.mark.parametrize("number", [slow(signal.SIGTERM), signal.SIGHUP])
def test_signals_save(corpus, run, monkeypatch, number, hangup):
    hangup(signal.SIG_DFL)
    original, calls = TrainStep.__call__, []

    def signalled(self, *arguments):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), number)
        return original(self, *arguments)

    monkeypatch.setattr(TrainStep, "__call__", signalled)
    code, out, _ = run("--mode=train")
    assert code == 130 and "Go on with --continue_learning" in out
    assert (corpus / "run/ckpt-2").is_dir()


HOLD = """
import sys
from pathlib import Path
from open_seq2seq.checkpoints.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_in_the_folder_is_refused_until_the_first_has_ended(corpus, run):
    folder = corpus / "run"
    command = [sys.executable, "-c", HOLD, str(folder)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"held\n"
        for flags in ([], ["--continue_learning"], ["--no_dir_check"]):
            code, out, err = run(*TWO, *flags)
            assert code == 2 and f"found process {first.pid} on {os.uname().nodename} since" in err
            assert "which trains here" in err and "space" not in err
            assert "Trainable variables" not in out
        assert names(folder) == [LOCK]
    finally:
        first.kill()  # a crash leaves the file, but not the lock
        first.communicate()
    assert names(folder) == [LOCK]
    code, _, err = run(*TWO)
    assert code == 0, err
    assert LOCK not in names(folder)


def test_the_lock_leaves_nothing_and_works_without_locks(tmp_path, monkeypatch, capsys):
    import fcntl

    with held(tmp_path / "a/b"):
        assert json.loads((tmp_path / "a/b" / LOCK).read_text())["pid"] == os.getpid()
        with pytest.raises(InputError, match="which trains here"), held(tmp_path / "a/b"):
            pass
    assert names(tmp_path) == []

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with held(tmp_path / "c"):
        holder = {"pid": os.getppid(), "host": os.uname().nodename, "since": "then"}
        (tmp_path / "c" / LOCK).write_text(json.dumps(holder))
        with pytest.raises(InputError, match=f"process {os.getppid()} on"), held(tmp_path / "c"):
            pass
        (tmp_path / "c" / LOCK).write_text(json.dumps({**holder, "host": "elsewhere"}))
        with held(tmp_path / "c"):
            pass
    said = capsys.readouterr().out
    assert "has no locks" in said and "on elsewhere since then" in said


def test_folders_that_cannot_be_written_are_said_in_a_sentence(corpus, run):
    (corpus / "file").write_text("")
    code, out, err = run(*TWO, f"--logdir={corpus}/file/x")
    assert code == 1 and f"{corpus}/file is a file, not a folder" in err
    assert "Traceback" not in err and "Trainable variables" not in out
    code, _, err = run(*TWO, f"--logdir={corpus}/file")
    assert code == 2 and "found a file, expected a folder. Set another --logdir." in err
    for logdir in ("/proc/run", "/sys/run"):  # where not even root may make a folder
        code, _, err = run(*TWO, f"--logdir={logdir}")
        assert code == 1 and f"{logdir} could not be written: " in err and "Traceback" not in err
