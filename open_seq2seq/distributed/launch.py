"""The processes of this job, as far as the launcher that started them says."""

from __future__ import annotations

import os
import socket
from typing import NamedTuple

# What mpirun (Open MPI), mpiexec (MPICH, Intel), horovodrun and srun tell the processes they start.
_VARIABLES = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("HOROVOD_RANK", "HOROVOD_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)


class Launch(NamedTuple):
    """This process among those of its job.

    Args:
      rank: its number, from 0.
      size: how many there are.
    """

    rank: int
    size: int

    @property
    def name(self) -> str:
        """For messages: `rank 1 of 4 on node7`; empty when it is the only one."""
        return f"rank {self.rank} of {self.size} on {socket.gethostname()}" if self.size > 1 else ""


def launched() -> Launch:
    """What the environment says; rank 0 of 1 without a launcher."""
    for rank, size in _VARIABLES:
        if os.environ.get(rank, "").isdecimal() and os.environ.get(size, "").isdecimal():
            return Launch(int(os.environ[rank]), max(int(os.environ[size]), 1))
    return Launch(0, 1)
