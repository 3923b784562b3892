"""Trains cases as one of the workers.

same_mathematics_worker.py FOLDER CASE...
"""

import sys
from pathlib import Path

import numpy as np

from open_seq2seq.distributed.start import start_workers

workers = start_workers()  # before TensorFlow computes anything

from tests.distributed.mathematics import CASES, global_batches, make, share, train  # noqa: E402

for name in sys.argv[2:]:
    case = CASES[name]
    batches = [share(batch, workers.rank, workers.size) for batch in global_batches(case)]
    found = train(case, make(case, workers.reducer), batches)
    np.savez(Path(sys.argv[1]) / f"{name}.{workers.rank}.npz", **found)
