"""The small corpus of training's tests, and the command line in this process."""

from tests.training.conftest import corpus, learned, run  # noqa: F401
