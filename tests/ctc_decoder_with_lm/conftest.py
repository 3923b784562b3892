"""What several tests of the beam search need."""

import pytest

from .language_model_files import write_all


@pytest.fixture(scope="session")
def language_model_files(tmp_path_factory):
    """A trigram model as a file of each kind."""
    return write_all(tmp_path_factory.mktemp("language_models"))
