"""The suite's two tiers: `make test` runs under ten minutes, the rest is `make test-slow`'s."""

from typing import Any

import pytest


def slow(*values: Any, **named: Any) -> Any:
    """A parameter of the slow suite, where others of the list show its kind in the fast one."""
    return pytest.param(*values, **named, marks=pytest.mark.slow)
