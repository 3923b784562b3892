"""What workers agree on before they are connected, and a worker on its own. No processes here."""

import os
import socket
import sys

import keras
import numpy as np
import pytest

from open_seq2seq.distributed import launch
from open_seq2seq.distributed.launch import Launch, launched
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup, RankStopped
from open_seq2seq.distributed.shards import own_state, rate_factor, threads_per_worker
from open_seq2seq.distributed.start import check_launch, lost_connection, start_process_group
from open_seq2seq.errors import InputError, RunError


class Two(ProcessGroup):
    """The second of two, as far as nothing is sent."""

    rank, size = 1, 2


@pytest.fixture
def environment(monkeypatch):
    """Sets variables; those of launchers that are there already are taken away."""
    for names in launch._VARIABLES:
        for name in names:
            monkeypatch.delenv(name, raising=False)

    def call(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return call


class TestLaunched:
    @pytest.mark.parametrize(
        ("rank", "size"),
        [
            ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
            ("PMI_RANK", "PMI_SIZE"),
            ("HOROVOD_RANK", "HOROVOD_SIZE"),
            ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
        ],
    )
    def test_by_each_launcher(self, environment, rank, size):
        environment(**{rank: "2", size: "3"})
        assert launched() == Launch(2, 3)
        assert launched().name == f"rank 2 of 3 on {socket.gethostname()}"

    def test_without_a_launcher(self, environment):
        environment()
        assert launched() == Launch(0, 1) and launched().name == ""

    def test_a_batch_script_of_slurm_is_no_step(self, environment):
        """It has its own number, and the number of tasks that it may start."""
        environment(SLURM_PROCID="0", SLURM_NTASKS="8")
        assert launched() == Launch(0, 1)

    def test_mpiexec_within_a_slurm_job(self, environment):
        environment(
            OMPI_COMM_WORLD_RANK="3",
            OMPI_COMM_WORLD_SIZE="4",
            SLURM_PROCID="0",
            SLURM_STEP_NUM_TASKS="1",
        )
        assert launched() == Launch(3, 4)

    def test_variables_that_are_no_numbers(self, environment):
        environment(PMI_RANK="", PMI_SIZE="2", HOROVOD_RANK="1", HOROVOD_SIZE="2")
        assert launched() == Launch(1, 2)


class TestThreads:
    @pytest.mark.parametrize(
        ("cores", "bound_to", "local_size", "expected"),
        [(16, 16, 4, 4), (16, 16, 3, 5), (2, 2, 4, 1), (16, 4, 4, 4), (1, 1, 1, 1), (8, 8, 1, 8)],
    )
    def test_share_of_the_cores(self, monkeypatch, cores, bound_to, local_size, expected):
        allowed = set(range(bound_to))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)
        assert threads_per_worker(cores, local_size) == expected

    def test_where_a_system_does_not_know_bindings(self, monkeypatch):
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        assert threads_per_worker(8, 2) == 4


@pytest.mark.parametrize(
    ("rule", "count", "expected"),
    [(None, 16, 1.0), ("linear", 16, 16.0), ("sqrt", 16, 4.0), ("linear", 1, 1.0), ("sqrt", 1, 1)],
)
def test_rate_factor(rule, count, expected):
    assert rate_factor(rule, count) == expected


class TestOwnState:
    STATE = np.array([4294967290, 77], np.uint32)

    def test_the_first_keeps_its_own(self):
        np.testing.assert_array_equal(own_state(self.STATE, 0), self.STATE)

    def test_all_have_others_and_the_same_counter(self):
        states = [own_state(self.STATE, rank) for rank in range(2000)]
        assert {state.dtype for state in states} == {np.dtype(np.uint32)}
        assert {int(counter) for _, counter in states} == {77}
        seeds = np.sort([int(seed) for seed, _ in states])
        # No worker has another one's numbers some steps later, if seeds were to grow.
        assert np.diff(seeds).min() > 1e5


class TestAlone:
    def test_it_is_rank_zero_of_one_and_needs_no_reducer(self):
        assert (ALONE.rank, ALONE.size, ALONE.is_rank_zero, ALONE.reducer) == (0, 1, True, None)

    def test_values_stay_what_they_are(self):
        value = object()
        assert ALONE.broadcast(value) is value and ALONE.gather(value) == [value]
        for call in (ALONE.run_on_rank_zero, ALONE.all_or_none, ALONE.rank_zero_first):
            assert call(lambda: value) is value

    @pytest.mark.parametrize("name", ["run_on_rank_zero", "all_or_none", "rank_zero_first"])
    def test_errors_pass(self, name):
        def fail():
            raise RunError("mine")

        with pytest.raises(RunError, match="mine"):
            getattr(ALONE, name)(fail)

    def test_only_the_first_says_an_error_of_all(self):
        error = InputError("all of us")
        assert ALONE.stop(error) is error
        stopped = Two().stop(error)
        assert isinstance(stopped, RankStopped) and stopped.exit_code == InputError.exit_code


class TestCheckLaunch:
    def test_several_processes_have_to_be_meant(self):
        with pytest.raises(InputError) as caught:
            check_launch(Two(), False)
        for words in ("use_horovod", "False in 2 processes", "--use_horovod=True"):
            assert words in str(caught.value)

    @pytest.mark.parametrize(("who", "use"), [(Two(), True), (ALONE, True), (ALONE, False)])
    def test_all_else_is_fine(self, who, use):
        check_launch(who, use)


class TestStartWorkers:
    def test_alone_without_a_launcher(self, environment):
        environment()
        assert start_process_group() is ALONE

    def test_another_backend_cannot_connect_them(self, environment, monkeypatch):
        environment(PMI_RANK="0", PMI_SIZE="2")
        monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
        with pytest.raises(InputError, match="KERAS_BACKEND=jax"):
            start_process_group()

    def test_without_horovod_it_says_how_to_install_it(self, environment, monkeypatch):
        environment(PMI_RANK="0", PMI_SIZE="2")
        monkeypatch.setitem(sys.modules, "horovod.tensorflow", None)
        monkeypatch.delitem(sys.modules, "open_seq2seq.distributed.horovod_group", raising=False)
        with pytest.raises(InputError, match=r"scripts/install_horovod\.sh"):
            start_process_group()


def test_lost_connections_are_told_from_other_errors(environment):
    lost = RuntimeError("Horovod has been shut down. This was caused by ...")
    environment()
    assert not lost_connection(lost)
    environment(PMI_RANK="0", PMI_SIZE="2")
    assert lost_connection(lost) and not lost_connection(RuntimeError("out of memory"))
