"""Parts as files: what is there stays, and nothing is mixed."""

from __future__ import annotations

import pytest

from open_seq2seq.engines import PartsJob, read_rows, run_parts
from open_seq2seq.errors import InputError

COLUMNS = {"part": "int64"}


class Here:
    """An engine without workers, that does the parts from the last to the first."""

    described = "this process"

    def __init__(self, stops_at: int | None = None):
        self.done: list[int] = []
        self.stops_at = stops_at

    def results(self, work, parts):
        for number in reversed(range(len(parts))):
            if parts[number] == self.stops_at:
                raise KeyboardInterrupt
            self.done.append(parts[number])
            yield number, work(parts[number])


def job(plan="a"):
    return PartsJob(lambda part: [(part,)] * part, COLUMNS, plan)


def test_a_stopped_run_goes_on_with_the_parts_it_lacks(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_parts(job(), [1, 2, 3, 4], Here(stops_at=2), tmp_path)
    engine, seen = Here(), []
    paths = run_parts(job(), [1, 2, 3, 4], engine, tmp_path, seen.append)
    assert engine.done == [2, 1]
    assert sorted(seen) == [0, 1, 2, 3]
    assert [row["part"] for row in read_rows(paths)] == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]


@pytest.mark.parametrize("other", [(job("b"), [1, 2]), (job(), [1])], ids=["plan", "parts"])
def test_results_of_another_run_are_refused(tmp_path, other):
    run_parts(job(), [1, 2], Here(), tmp_path)
    with pytest.raises(InputError, match="another run"):
        run_parts(*other, Here(), tmp_path)


def test_a_part_without_rows_is_a_file_without_rows(tmp_path):
    paths = run_parts(job(), [0, 2], Here(), tmp_path)
    assert [path.exists() for path in paths] == [True, True]
    assert list(read_rows(paths[:1])) == []
