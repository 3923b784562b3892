"""Calls run.py's command line again and again in one process, which imports TensorFlow once.

jobs_worker.py JOBS.json: a list of jobs, each with
  arguments: the command line;
  folder: where the spy and this script write;
  cut: [from, to, n]: before it, copies a log directory as it was when ckpt-n was written.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from open_seq2seq.cli import main
from open_seq2seq.distributed.launch import launched


def cut(source, target, step):
    """The log directory of a run that ended right after this checkpoint."""
    later = [p.name for p in Path(source).glob("ckpt-*") if int(p.name[5:]) > step]
    shutil.copytree(source, target, ignore=lambda *_: later)


def note_losses():
    """Every training step appends its utterances' losses to `losses{rank}.jsonl`."""
    from open_seq2seq.training.step import TrainStep

    call = TrainStep.__call__

    def noted(self, *arguments):
        result = call(self, *arguments)
        path = Path(os.environ["SPY_FOLDER"]) / f"losses{launched().rank}.jsonl"
        with path.open("a") as file:
            file.write(json.dumps([float(loss) for loss in result.losses]) + "\n")
        return result

    TrainStep.__call__ = noted


if __name__ == "__main__":
    note_losses()
    for job in json.loads(Path(sys.argv[1]).read_text()):
        os.environ["SPY_FOLDER"] = job["folder"]
        # The others follow: whoever trains asks rank 0 first where to start.
        if job.get("cut") and launched().rank == 0:
            cut(*job["cut"])
        code = main(job["arguments"])
        assert code == 0, f"{job}: {code}"
