"""Which devices one process trains on, and what it says where they are fewer than asked for."""

import pytest

from open_seq2seq.distributed.devices import (
    choose_gpus,
    device_notes,
    split_cpu,
    training_devices,
)
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import InputError

PARAMS = {"batch_size_per_gpu": 8, "num_gpus": 4, "use_horovod": False, "iter_size": 2}


class Two(ProcessGroup):
    """The second of two, as far as nothing is sent."""

    rank, size = 1, 2


@pytest.fixture
def gpus(monkeypatch):
    """The GPUs that this process may use, of three that are there."""
    import tensorflow as tf

    there = ["gpu 0", "gpu 1", "gpu 2"]
    visible = list(there)

    def choose(devices, kind):
        assert kind == "GPU"
        visible[:] = devices

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: there)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _: visible)
    monkeypatch.setattr(tf.config, "set_visible_devices", choose)
    return visible


def test_fewer_than_asked_for():
    (note,) = device_notes(PARAMS, ALONE, 1)
    assert note.startswith("num_gpus 4: trains in one process on one device")
    assert "a step has 16 utterances, not 64 (--iter_size=8 gives it as many)" in note


def test_some_of_them():
    (note,) = device_notes(PARAMS, ALONE, 2)
    assert "on 2 devices, so a step has 32 utterances, not 64 (--iter_size=4" in note


def test_all_of_them_are_nothing_to_note():
    assert device_notes(PARAMS, ALONE, 4) == []


def test_horovod_without_a_launcher():
    params = {**PARAMS, "num_gpus": 1, "use_horovod": True}
    (note,) = device_notes(params, ALONE, 1)
    assert note.startswith("use_horovod: ") and "mpiexec -np N" in note
    assert device_notes(params, Two(), 1) == []


def test_one_device_where_no_more_are_there(monkeypatch):
    monkeypatch.delenv("OPEN_SEQ2SEQ_CPU_DEVICES", raising=False)
    assert training_devices(PARAMS) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["GPU:0", "GPU:1", "GPU:2"]),
        ({"num_gpus": 2}, ["GPU:0", "GPU:1"]),
        ({"num_gpus": 1}, []),
        ({"gpu_ids": [0, 2]}, ["GPU:0", "GPU:1"]),  # as this process counts them
        ({"gpu_ids": [1]}, []),
        ({"use_horovod": True}, []),
    ],
)
def test_several(gpus, changes, expected):
    params = {**PARAMS, **changes}
    choose_gpus(params)
    assert training_devices(params) == expected


@pytest.mark.parametrize("chosen", [[2], [2, 0], [1, 1]])
def test_only_the_chosen_ones_are_seen(gpus, chosen):
    choose_gpus({**PARAMS, "gpu_ids": chosen})
    assert gpus == [f"gpu {number}" for number in dict.fromkeys(chosen)]


def test_with_horovod_each_process_has_its_own(gpus):
    choose_gpus({**PARAMS, "gpu_ids": [2], "use_horovod": True})
    assert len(gpus) == 3


@pytest.mark.parametrize("wrong", [5, -1])
def test_numbers_of_gpus_that_are_not_there(gpus, wrong):
    with pytest.raises(InputError, match=f"no GPU {wrong}, expected numbers from 0 to 2"):
        choose_gpus({**PARAMS, "gpu_ids": [1, wrong]})


def test_parts_of_the_cpu_are_a_number(monkeypatch):
    monkeypatch.setenv("OPEN_SEQ2SEQ_CPU_DEVICES", "two")
    with pytest.raises(InputError, match="OPEN_SEQ2SEQ_CPU_DEVICES: found 'two'"):
        split_cpu()
