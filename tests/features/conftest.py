"""The small corpus of the data layer's tests."""

from tests.data.speech2text.conftest import corpus, params  # noqa: F401
