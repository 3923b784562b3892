"""The demo: learns spoken digits from real recordings, evaluates, transcribes.

python scripts/demo.py                    # one run, as `make demo` does
python scripts/demo.py --seeds 0 1 2      # several, and their mean
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "example_configs/speech2text/digits_jasper_mini.py"
DIGITS = ROOT / "example_data/digits"


def run(*arguments: str) -> None:
    """One call of run.py, in this process; ends the demo where it fails."""
    from open_seq2seq.commands.run import main

    code = main([f"--config_file={CONFIG}", *arguments])
    if code:
        sys.exit(code)


def one_run(seed: int, logdir: Path) -> tuple[int, int]:
    """Trains and evaluates with one seed; returns the errors and words of the test set."""
    from open_seq2seq.console import say

    started = time.monotonic()
    run("--mode=train_eval", f"--logdir={logdir}", f"--random_seed={seed}")
    words = evaluate_test_set(logdir)
    say(f"Training and evaluation took {time.monotonic() - started:.0f} s")
    transcribe_five(logdir)
    say(f"Checkpoint and logs are in {logdir} (tensorboard --logdir {logdir})")
    return words


def evaluate_test_set(logdir: Path) -> tuple[int, int]:
    """WER on the official test recordings, none of which was trained or selected on."""
    import json

    summary = logdir / "test.json"
    run(
        "--mode=eval",
        f"--logdir={logdir}",
        f"--data_layer_params/dataset_files=['{DIGITS / 'test.csv'}']",
        f"--eval_report={logdir / 'test_report.html'}",
        f"--eval_summary={summary}",
    )
    result = json.loads(summary.read_text())
    return result["word_errors"], result["words"]


def transcribe_five(logdir: Path) -> None:
    """Five recordings of the test set, transcribed through the Python API."""
    from open_seq2seq import Recognizer
    from open_seq2seq.console import say
    from open_seq2seq.data.manifest import read_manifests

    utterances = read_manifests([str(DIGITS / "test.csv")], need_transcript=True)[::67][:5]
    recognizer = Recognizer.load(CONFIG, [f"--logdir={logdir}"])
    results = recognizer.transcribe([utterance.path for utterance in utterances])
    say(f"{'recording':34} {'reference':10} recognised")
    for utterance, result in zip(utterances, results):
        say(f"{utterance.name:34} {utterance.transcript:10} {result.text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--logdir", type=Path, default=Path("runs/demo"))
    arguments = parser.parse_args()
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    results = []
    for seed in arguments.seeds:
        logdir = arguments.logdir / f"{stamp}_seed{seed}"
        errors, words = one_run(seed, logdir)
        results.append(errors / words)
        print(
            f"digits test WER {errors / words:.2%} ({errors} errors in {words} words)".replace(
                "%", " %"
            )
        )
    if len(results) > 1:
        each = ", ".join(f"{rate:.2%}" for rate in results)
        print(f"mean over seeds {arguments.seeds}: {sum(results) / len(results):.2%} ({each})")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
