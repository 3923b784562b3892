"""Settings of the whole suite."""

import logging
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# Before TensorFlow is imported by any test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# A busy machine must not make a property fail for being slow. The same code gives the same result:
# new examples are looked for where that is asked (`pytest --hypothesis-profile=search`).
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("steady")


def pytest_sessionstart(session):
    # What makes several devices of one has to do so first (tests/training/mirrored_cases.py).
    if "ONEDNN_MAX_CPU_ISA" in os.environ and "OPEN_SEQ2SEQ_CPU_DEVICES" not in os.environ:
        from tests.machines import limit_tensorflow_alone

        limit_tensorflow_alone()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests run in one process, which makes what they share once.

    Those that start processes of their own run one after the other. (Groups of pytest-xdist 3.8,
    `--dist loadgroup`, have no effect with pytest 9.2.) Files come in the order that
    `pytest_collection_modifyitems` gives them.
    """
    config.option.loadscopereorder = False
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return "processes" if "tests/distributed/" in nodeid else super()._split_scope(nodeid)

    return Scheduling(config, log)


# Rooms with tests of many seconds, the longest first. They begin, so that at the end no process
# waits for another one's long file.
_LONG = ("distributed", "convergence", "training", "export", "commands", "encoders", "scripts",
         "docs")  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Long files first, then those of many tests, where several processes run them."""
    if not hasattr(config, "workerinput"):
        return
    counts = Counter(item.path for item in items)

    def place(item):
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        return _LONG.index(room) if room in _LONG else len(_LONG), -counts[item.path]

    items.sort(key=place)


@pytest.fixture(autouse=True)
def messages_on_standard_output():
    """As on a command line; what a test sets otherwise ends with it."""
    from open_seq2seq.messages import messages_shown

    with messages_shown():
        yield


class _Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts, self.records = [], []

    def emit(self, record):
        self.texts.append(record.getMessage())
        self.records.append(record)


@pytest.fixture
def kept_log():
    """What the package logs meanwhile: `texts` and `records`.

    pytest's caplog sees only what reaches the root logger, which depends on what was shown before.
    """
    from open_seq2seq.messages import LOGGER

    handler = _Kept()
    LOGGER.addHandler(handler)
    yield handler
    LOGGER.removeHandler(handler)


@pytest.fixture
def logged(kept_log):
    """The texts of what the package logs meanwhile."""
    return kept_log.texts
