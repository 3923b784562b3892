"""Where Horovod is missing the tests that start jobs are skipped; where it is broken they fail."""

import importlib.util

import pytest

from tests.distributed.processes import Job

REASON = "Horovod is not installed (scripts/install_horovod.sh)"


WITHOUT_HOROVOD = {"test_devices.py", "test_process_group.py"}


@pytest.fixture(scope="module", autouse=True)
def horovod_is_installed(request):
    """Before any other fixture of a module: skips all of it, with the reason."""
    if request.path.name not in WITHOUT_HOROVOD and (importlib.util.find_spec("horovod") is None):
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
