"""Settings of the whole suite."""

import logging
import os

import pytest
from hypothesis import settings

# Before TensorFlow is imported by any test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# A busy machine must not make a property fail for being slow. The same code gives the same result:
# new examples are looked for where that is asked (`pytest --hypothesis-profile=search`).
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("steady")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests run in one process, which makes what they share once.

    Those that start processes of their own run one after the other. (Groups of pytest-xdist 3.8,
    `--dist loadgroup`, have no effect with pytest 9.2.)
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return "processes" if "tests/distributed/" in nodeid else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def messages_on_standard_output():
    """As on a command line; what a test sets otherwise ends with it."""
    from open_seq2seq.messages import messages_shown

    with messages_shown():
        yield


class _Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


@pytest.fixture
def logged():
    """The texts of what the package logs meanwhile."""
    from open_seq2seq.messages import LOGGER

    handler = _Kept()
    LOGGER.addHandler(handler)
    yield handler.texts
    LOGGER.removeHandler(handler)
