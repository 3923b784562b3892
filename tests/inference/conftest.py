"""The small corpus of training's tests, the command line in this process, and exported models."""

import pytest

from open_seq2seq.inference.runtimes import RUNTIMES
from tests.exported_models import write_exported
from tests.training.conftest import corpus, run  # noqa: F401


@pytest.fixture(scope="session")
def everything(tmp_path_factory):
    """An exported folder with a model for each runtime, which nobody changes."""
    folder = tmp_path_factory.mktemp("exported")
    write_exported(folder, tuple(RUNTIMES))
    return folder
