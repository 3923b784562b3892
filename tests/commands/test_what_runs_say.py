"""How much a run says, and where."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiers import slow
from tests.training.conftest import write_corpus

ROOT = Path(__file__).parents[2]


def before_training(out):
    lines = out.splitlines()
    (first,) = (i for i, line in enumerate(lines) if line.startswith("*** Epoch 0, global step 1:"))
    return lines[:first]


def test_ten_lines_before_training_the_rest_in_files(corpus, run):
    code, out, err = run("--mode=train_eval", "--max_steps=2")
    assert (code, err) == (0, "")
    assert len(before_training(out)) <= 10
    assert "benchmark" not in out
    assert sum(line.startswith("*** Computes on ") for line in before_training(out)) == 1
    (parameters,) = (corpus / "run").glob("parameters_*.txt")
    text = parameters.read_text()
    assert text.startswith("train:\n") and "\neval:\n" in text
    assert text.count("\nrandom_seed: 3\n") == 2 and "  momentum: 0.9\n" in text
    variables = (corpus / "run/variables.txt").read_text()
    assert "encoder/conv11/kernel" in variables and "(5, 20, 16), float32" in variables


def test_verbose_shows_parameters_and_variables(run):
    code, out, _ = run("--mode=train", "--max_steps=2", "--verbose")
    assert code == 0 and len(before_training(out)) > 40
    assert "*** Training config:" in out and "***   momentum: 0.9" in out
    assert "encoder/conv11/kernel" in out


def test_quiet_leaves_the_result(corpus, run):
    code, out, err = run("--mode=train_eval", "--max_steps=2", "--quiet")
    assert (code, err) == (0, "")
    lines = [line.removeprefix("*** ") for line in out.splitlines()]
    assert lines[0].startswith("Finished training: 2 steps")
    assert lines[1].startswith("Validation WER:") and len(lines) == 7, lines
    assert lines[-1] == f"Checkpoints and logs are in {corpus}/run"
    code, out, err = run("--mode=eval", "--quiet")
    assert code == 0 and out.startswith("*** Validation WER:") and len(out.splitlines()) == 5
    code, out, err = run("--mode=train", "--quiet")
    assert (code, out) == (2, "") and "--continue_learning" in err


def test_quiet_and_verbose_exclude_each_other(run):
    for flags in (["--quiet", "--verbose"], ["--quiet", "--log_level=info"]):
        code, _, err = run(*flags)
        assert code == 2 and "not allowed with" in err


@pytest.mark.parametrize("level", [slow("debug"), slow("result"), "error"])
def test_log_level_shows_what_is_as_important_or_more(level, run):
    code, out, err = run("--mode=train", "--max_steps=1", f"--log_level={level}")
    assert (code, err) == (0, "")
    assert ("*** Training config:" in out) == (level == "debug")
    assert ("*** Finished training: 1 step" in out) == (level != "error")
    assert level != "error" or out == ""


def test_quiet_still_warns(corpus, run):
    assert run("--mode=train", "--max_steps=1")[0] == 0
    code, out, _ = run("--mode=train", "--max_steps=1", "--no_dir_check", "--quiet")
    assert code == 0 and out.startswith("*** WARNING: The log directory")


def test_standard_output_of_inference_has_transcripts_only(corpus, run, monkeypatch):
    assert run("--mode=train", "--max_steps=40", "--lr_policy_params/learning_rate=0.03")[0] == 0
    monkeypatch.chdir(corpus)
    one, other = "2.wav", "0.wav"
    code, text, err = run("--mode=infer", "--infer_files", one)
    assert code == 0 and "Transcribing with" in err and "1 recording transcribed" in err
    assert text.endswith("\n") and "*" not in text and len(text.splitlines()) == 1
    code, out, _ = run("--mode=infer", "--infer_files", other, one)
    lines = out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [other, one]
    assert lines[1] == f"{one}\t{text.rstrip()}"
    assert not (corpus / "infer-out.txt").exists()
    code, out, err = run("--mode=infer", "--infer_files", one, "--infer_output_file=x.csv")
    assert (code, out) == (0, text) and "written to x.csv" in err and (corpus / "x.csv").is_file()
    code, out, err = run("--mode=infer", "--infer_files", one, "--quiet")
    assert (code, out, err) == (0, text, "")
    # A manifest's transcripts go to a file.
    code, out, err = run("--mode=infer")
    assert (code, out) == (0, "") and "written to infer-out.txt" in err
    assert len((corpus / "infer-out.txt").read_text().splitlines()) == 19


def test_a_benchmark_that_is_too_short_says_what_to_raise(run):
    code, out, _ = run("--benchmark", "--bench_steps=2", "--bench_start=2")
    assert code == 0 and "Not enough steps for benchmarking: 2" in out and "--bench_steps" in out
    code, out, _ = run("--benchmark", "--bench_steps=3", "--bench_start=2")
    assert code == 0 and "Avg time per step" in out and "over 1 steps" in out


WRONG_CONFIG = """
import sys
from open_seq2seq.cli import main
code = main(["--config_file=" + sys.argv[1]])
print(code, "tensorflow" in sys.modules, "keras" in sys.modules)
"""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("confg.py", "no such file, expected a Python config module. Did you mean {}/config.py?"),
        ("", "a folder, expected a Python config module. Did you mean one of {}/config.py?"),
        ("nothing_like_it.txt", "no such file, expected a Python config module.\n"),
    ],
)
def test_a_wrong_config_file_is_answered_before_tensorflow_is_imported(tmp_path, wrong, said):
    folder = tmp_path / "configs"
    folder.mkdir()
    write_corpus(folder, rows=1)
    done = subprocess.run(
        [sys.executable, "-c", WRONG_CONFIG, str(folder / wrong)],
        capture_output=True, text=True, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert done.stdout == "2 False False\n"
    assert said.format(folder) in done.stderr
