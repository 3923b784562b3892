"""Every engine: each part once, in whatever order, also where workers die."""

from __future__ import annotations

import contextlib
from functools import partial

import pytest

from open_seq2seq.engines import PartsJob, make_engine, read_rows, run_parts
from open_seq2seq.engines.engine import RETRIES
from open_seq2seq.engines.local import LocalEngine
from open_seq2seq.errors import InputError, RunError
from tests.engines import work

PARTS = list(range(20))
EXPECTED = [(part, f"{part}.{row}") for part in PARTS for row in range(part % 3)]


@contextlib.contextmanager
def two_workers(name: str):
    """An engine with two processes."""
    with contextlib.ExitStack() as stack:
        if name == "local":
            yield stack.enter_context(LocalEngine(2))
        elif name == "dask":
            from distributed import LocalCluster

            cluster = stack.enter_context(
                LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
            )
            yield stack.enter_context(make_engine("dask", cluster.scheduler_address))
        else:
            import ray

            ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
            stack.callback(ray.shutdown)
            yield stack.enter_context(make_engine("ray"))


def run(engine, folder, deaths: int, seen: list[int] | None = None):
    begun = folder / "begun"
    begun.mkdir(exist_ok=True)
    job = PartsJob(partial(work.rows_of, folder=begun, deaths=deaths), work.COLUMNS, "plan")
    return run_parts(job, PARTS, engine, folder / "parts", ([] if seen is None else seen).append)


@pytest.mark.parametrize(
    "name",
    ["local", *(pytest.param(one, marks=pytest.mark.slow) for one in ("dask", "ray"))],
)
def test_a_killed_worker_costs_nothing_and_doubles_nothing(name, tmp_path):
    seen: list[int] = []
    with two_workers(name) as engine:
        assert "2" in engine.described
        paths = run(engine, tmp_path, deaths=1, seen=seen)
    assert sorted(seen) == PARTS
    assert [tuple(row.values()) for row in read_rows(paths)] == EXPECTED
    assert len(list((tmp_path / "begun").glob(f"{work.DEADLY}-*"))) > 1, "nobody has died"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local", "dask", "ray"])
def test_a_part_that_always_kills_is_given_up_and_the_others_are_kept(name, tmp_path):
    with two_workers(name) as engine, pytest.raises(RunError, match=f"part {work.DEADLY}"):
        run(engine, tmp_path, deaths=100)
    begun = len(list((tmp_path / "begun").glob(f"{work.DEADLY}-*")))
    assert begun == RETRIES + 1
    there = {path.name for path in (tmp_path / "parts").glob("*.parquet")}
    assert there and f"part-{work.DEADLY:06d}.parquet" not in there


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local", "dask", "ray"])
def test_what_a_part_raises_is_raised(name, tmp_path):
    job = PartsJob(work.refused, work.COLUMNS, "plan")
    with two_workers(name) as engine, pytest.raises(InputError, match="No part is good"):
        run_parts(job, PARTS[:1], engine, tmp_path)


def test_the_local_engine_takes_no_address():
    with pytest.raises(InputError, match="--engine_address"):
        make_engine("local", "tcp://host:1")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dask", "ray"])
def test_an_address_without_a_cluster_is_said(name):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(InputError, match="--engine_address="),
    ):
        make_engine(name, "tcp://127.0.0.1:9" if name == "dask" else "127.0.0.1:9")
