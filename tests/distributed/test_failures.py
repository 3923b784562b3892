"""What ends a job: every process, in seconds, and with the reason said by the one that has it."""

import os
import re
import signal
import time

import pytest

from open_seq2seq.checkpoints.lock import held
from tests.distributed.processes import RUN, write_spied_corpus

# From the failure to the end of all processes: seconds, but a busy machine may take its time. A
# process that hangs would outlast it: the spy stalls for longer.
SOON = 540


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return write_spied_corpus(tmp_path_factory.mktemp("failures"))


@pytest.fixture
def start(start_job, config, tmp_path):
    """Starts training with two workers, which note their batches in `tmp_path`."""

    def call(*arguments, rank=1, batch=5, action="nothing", **options):
        line = [RUN, f"--config_file={config}", "--mode=train_eval", f"--logdir={tmp_path}/log"]
        environment = {"SPY_ACTION": action, "SPY_AT": f"{rank},{batch}"}
        return start_job(*line, "--use_horovod=True", *arguments, **environment, **options,
                         SPY_FOLDER=str(tmp_path))  # fmt: skip

    return call


def noted(folder, rank):
    path = folder / f"rank{rank}.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def ends_soon(job, folder, batches):
    """The exit code, when all processes have ended; the failure is at this batch of rank 1."""
    job.wait_until(lambda: noted(folder, 1) >= batches or job.process.poll() is not None)
    return ended(job)


def ended(job):
    """The exit code, when all processes have ended, soon after now."""
    started = time.monotonic()
    code = job.wait(SOON)
    while job.pids():
        assert time.monotonic() < started + SOON, "processes are left"
        time.sleep(0.1)
    return code


def own_lines(output, start=r"\*\*\* rank \d of \d"):
    return re.findall(rf"^.*({start}.*)$", output, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--encoder_params/nonsense=3"], "nonsense"),
        (["--continue_learning"], "no checkpoint"),
        (["--use_horovod=False"], "use_horovod"),
    ],
)
def test_wrong_usage_is_said_once(start, arguments, words):
    job = start(*arguments)
    assert job.wait() == 2, job.output
    (said,) = own_lines(job.output)
    assert said.startswith("*** rank 0 of 2") and job.output.count(words) >= 1
    assert "Traceback" not in job.output and not job.pids()


@pytest.mark.slow
def test_a_log_directory_in_use(start, tmp_path):
    (tmp_path / "log/ckpt-7").mkdir(parents=True)
    job = start()
    assert job.wait() == 2, job.output
    (said,) = own_lines(job.output)
    assert said.startswith("*** rank 0 of 2") and "in use" in job.output
    assert [path.name for path in (tmp_path / "log").iterdir()] == ["ckpt-7"]


@pytest.mark.slow
def test_a_log_directory_that_another_run_trains_in(start, tmp_path):
    """The ranks of one job share its lock; another job's they respect."""
    with held(tmp_path / "log"):
        job = start()
        assert job.wait() == 2, job.output
        (said,) = own_lines(job.output)
        assert said.startswith("*** rank 0 of 2") and "which trains here" in job.output
    job = start("--max_steps=2")
    assert job.wait() == 0, job.output


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_in_mid_training(start, tmp_path, rank):
    job = start(action="raise", rank=rank)
    assert ends_soon(job, tmp_path, 6) == 1, job.output
    assert "ValueError: the spy's own error" in job.output
    assert any(line.startswith(f"*** rank {rank} of 2") for line in own_lines(job.output))


@pytest.mark.slow
def test_a_worker_that_is_killed_and_the_way_on(start, tmp_path):
    job = start(action="kill", batch=6)
    assert ends_soon(job, tmp_path, 7) != 0, job.output
    assert (tmp_path / "log/ckpt-4").is_dir() and not (tmp_path / "log/ckpt-10").exists()
    again = start("--continue_learning")
    assert again.wait() == 0, again.output
    assert "Resuming training from" in again.output and "step 4" in again.output
    assert (tmp_path / "log/ckpt-10").is_dir()


@pytest.mark.slow
def test_a_recording_that_vanishes(start, config, tmp_path):
    """It is read by one of the workers, after the check of all headers: both go on without it."""
    text = config.read_text()
    other = config.with_name("vanishing.py")
    other.write_text(
        text.replace('if told == "raise":', 'if told == "vanish":\n            '
                     'os.rename(self.utterances[17].path, self.utterances[17].path + ".gone")\n'
                     '        if told == "raise":')
    )  # fmt: skip
    job = start(f"--config_file={other}", "--data_layer_params/loader_workers=1",
                "--max_steps=60", action="vanish", rank=0)  # fmt: skip
    gone = config.with_name("17.wav.gone")
    try:
        assert job.wait() == 0, job.output
        listed = (tmp_path / "log/left_out_training.txt").read_text()
        assert listed.count("17.wav: no such file") == 1, listed
        assert "1 recording could not be read and left out" in job.output
        assert (tmp_path / "log/ckpt-60").is_dir()
    finally:
        gone.rename(config.with_name("17.wav"))


@pytest.mark.slow
def test_sigterm_to_one_worker_saves_all(start, tmp_path):
    job = start("--max_steps=500", action="terminate")
    assert ends_soon(job, tmp_path, 6) != 0, job.output
    (step,) = re.findall(r"Interrupted; saved .*ckpt-(\d+)", job.output)
    assert (tmp_path / f"log/ckpt-{step}").is_dir()
    # The signal came with the sixth batch.
    assert 6 <= int(step) <= 8


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["mpiexec", "horovodrun"])
def test_ctrl_c_of_the_launcher(start, tmp_path, launcher):
    """A terminal sends it to the launcher, which ends the workers."""
    job = start("--max_steps=500", "--save_checkpoint_steps=1000", action="slowly",
                launcher=launcher, OMPI_MCA_odls_base_sigkill_timeout="10")  # fmt: skip
    job.wait_until(lambda: noted(tmp_path, 1) > 3)
    os.kill(job.process.pid, signal.SIGINT)
    assert ended(job) != 0
    if launcher == "mpiexec":
        # It waits that long, sends SIGTERM, and waits again; horovodrun kills after 5 s.
        saved = [path.name for path in (tmp_path / "log").glob("ckpt-*")]
        assert len(saved) == 1, job.output


@pytest.mark.slow
def test_a_worker_that_stalls_is_named(start, tmp_path):
    job = start(action="stall", HOROVOD_STALL_CHECK_TIME_SECONDS="2")
    job.wait_until(lambda: noted(tmp_path, 1) >= 6)
    job.wait_until(lambda: "rank 1 of 2" in job.output, SOON)
    assert "loading a batch takes" in job.output
    # Horovod says at rank 0 who is waited for.
    job.wait_until(lambda: re.search(r"Missing ranks:\s*1: \[", job.output) is not None, SOON)
    job.kill()


@pytest.mark.slow
def test_a_log_directory_that_cannot_be_written(start, tmp_path):
    logdir = str(tmp_path / "log")
    job = start(action="no_writing", rank=0, SPY_LOGDIR=logdir)
    assert ends_soon(job, tmp_path, 6) == 1, job.output
    said = own_lines(job.output)
    assert any(line.startswith("*** rank 0 of 2") and "log" in line for line in said), said
