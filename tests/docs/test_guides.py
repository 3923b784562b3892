"""What the guides show works, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.encoders.encoder_checks import CHECKS, EncoderCase

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def affine_encoder():
    """The class that the guide to adding an encoder shows."""
    page = (ROOT / "docs/adding_an_encoder.md").read_text()
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    return names["AffineEncoder"]


@pytest.mark.parametrize("check", CHECKS)
def test_the_encoder_of_the_guide_passes_the_checks(affine_encoder, check):
    check(EncoderCase("affine", affine_encoder, {"num_channels": 5}))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


# It names what is not there on purpose; tests/successors looks at what it names in its place.
@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "from_openseq2seq.md"], ids=lambda page: page.name
)
def test_files_that_are_named_exist(page):
    named = re.findall(
        r"`((?:scripts|benchmarks|example_configs|tests|docs)/[\w/]+\.\w+)`", page.read_text()
    )
    for name in named:
        assert (ROOT / name).exists(), f"{page.name}: {name}"
