"""One exported folder with a model for each runtime."""

import pytest

from open_seq2seq.inference.runtimes import RUNTIMES
from tests.exported_models import write_exported


@pytest.fixture(scope="session")
def everything(tmp_path_factory):
    """The folder, which nobody changes."""
    folder = tmp_path_factory.mktemp("exported")
    write_exported(folder, tuple(RUNTIMES))
    return folder
