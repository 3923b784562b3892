"""Log directories as runs leave them, written by hand."""

import json

from open_seq2seq.metrics.analysis import EvaluatedUtterance
from open_seq2seq.runs.summary import (
    beam_decoding,
    greedy_decoding,
    write_summary,
    write_transcripts,
)

UTTERANCES = [
    EvaluatedUtterance("a.wav", "the cat sat", "the cat sat", 1.0),
    EvaluatedUtterance("b.wav", "a dog <ran> away", "a log away", 2.0),
    EvaluatedUtterance("c.wav", "so it goes", "", None),
]


def results(greedy, with_lm=None, alpha=1.0):
    """Final greedy rates, and those with a language model."""
    common = {"data": "mini/dev", "rows": 3, "weights": "final", "step": 20}
    found = [
        {**common, "decoding": greedy_decoding(), "wer": greedy, "cer": greedy / 2,
         "transcripts": "transcripts/t.csv"},
        {**common, "weights": "best", "step": 10, "decoding": greedy_decoding(),
         "wer": greedy - 0.01, "cer": greedy / 2},
    ]  # fmt: skip
    if with_lm is not None:
        beam = beam_decoding(["/lms/3-gram.binary"], "openseq2seq", 128, alpha, 0.5, "mini/dev")
        found.append({**common, "decoding": beam, "wer": with_lm, "cer": with_lm / 2})
    return found


def write_run(folder, seed=0, found=None, **more):
    """Writes summary.json, evaluations.jsonl, transcripts and the record; returns the folder."""
    found = results(0.6) if found is None else found
    folder.mkdir(parents=True)
    summary = {
        "run_id": f"tiny-{seed}",
        "recipe": "tiny",
        "config": {"file": "/home/me/tiny.py", "hash": "0123456789abcdef"},
        "task": "speech",
        "seed": seed,
        "parameters": 2_700_000,
        "dtype": "mixed",
        "git": {"commit": "a" * 40, "dirty": seed == 2},
        "hardware": {"processor": "Some CPU", "cores": 2, "gpus": ["H1", "H1"]},
        "train_data": {"name": "mini/train", "manifests": ["/home/me/train.csv"],
                       "rows": 1383, "hours": 4.81},
        "dev_data": {"name": "mini/dev", "manifests": ["/home/me/dev.csv"], "rows": 3},
        "devices": 2,
        "training": {"state": "finished", "seconds": 4000.0 + 100 * seed, "epochs": 30.0,
                     "seconds_without_evaluation": 3600.0, "steps": 20, "audio_hours": 144.3},
        "logits": [{"file": "/home/me/logits.pkl"}],
        "results": found,
        **more,
    }  # fmt: skip
    write_summary(folder, summary)
    curve = [
        {"step": 10 * (i + 1), "loss": 5.0 - i, "wer": 0.9 - 0.1 * i - 0.01 * seed, "cer": 0.4,
         "epoch": 15.0 * (i + 1), "wall_seconds": 1800.0 * (i + 1), "training_seconds": 1e3 * i}
        for i in range(2)
    ]  # fmt: skip
    lines = [json.dumps(row) for row in curve]
    (folder / "evaluations.jsonl").write_text("\n".join(lines) + "\n")
    write_transcripts(folder / "transcripts/t.csv", UTTERANCES)
    record = {"config": {"train": {"random_seed": seed, "optimizer": "NovoGrad"}}}
    (folder / "run_2026.json").write_text(json.dumps(record))
    return folder
