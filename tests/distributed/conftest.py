"""Where Horovod is missing the tests of this folder are skipped; where it is broken they fail."""

import importlib.util

import pytest

from tests.distributed.processes import Job

REASON = "Horovod is not installed (scripts/install_horovod.sh)"


@pytest.fixture(scope="session", autouse=True)
def horovod_is_installed():
    """Before any other fixture: skips all, with the reason."""
    if importlib.util.find_spec("horovod") is None:
        pytest.skip(REASON)


@pytest.fixture(scope="session")
def start_job(tmp_path_factory):
    """Starts a `Job` of `python arguments`; what is left of it at the end is killed."""
    jobs = []
    folder = tmp_path_factory.mktemp("jobs")

    def start(*arguments, **options):
        log = folder / f"{len(jobs)}.log"
        jobs.append(Job([str(a) for a in arguments], log, **options))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


@pytest.fixture(scope="session")
def run_job(start_job):
    """Starts a job and waits for its end; returns its exit code and output."""

    def run(*arguments, timeout=600, **options):
        job = start_job(*arguments, **options)
        return job.wait(timeout), job.output

    return run
