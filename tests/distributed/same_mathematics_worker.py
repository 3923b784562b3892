"""Trains cases as one of the workers.

same_mathematics_worker.py FOLDER CASE...
"""

import sys
from pathlib import Path

import numpy as np

from open_seq2seq.distributed.start import start_process_group

group = start_process_group()  # before TensorFlow computes anything

from tests.distributed.mathematics import CASES, global_batches, make, share, train  # noqa: E402

for name in sys.argv[2:]:
    case = CASES[name]
    batches = [share(batch, group.rank, group.size) for batch in global_batches(case)]
    found = train(case, make(case, group.reducer), batches)
    np.savez(Path(sys.argv[1]) / f"{name}.{group.rank}.npz", **found)
