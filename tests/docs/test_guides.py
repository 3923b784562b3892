"""What the guides show works, and their links lead somewhere."""

import ast
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_say_what_they_show(page):
    for text, picture in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", page.read_text()):
        assert len(text.split()) > 1, f"{page.name}: {picture} has no text in its place"


def test_the_site_has_every_page():
    navigation = re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text())
    there = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES[1:]}
    there |= {f"notebooks/{path.stem}.md" for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    assert there == set(navigation) - {"index.md", "contributing.md", "changes.md", "security.md"}
    assert len(navigation) == len(set(navigation))


def names_in(module):
    """What a module defines at its top or imports, without importing it."""
    place = ROOT.joinpath(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    body = ast.parse(path.read_text()).body if path.exists() else []
    defined = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    imported = {
        alias.name
        for node in ast.walk(ast.Module(body, []))  # for type checkers alone too
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    values = {
        target.id
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return defined | imported | values


def test_the_reference_names_what_there_is():
    for page in sorted((ROOT / "docs/reference").glob("*.md")):
        names = re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)
        assert names and len(set(names)) == len(names)
        for name in names:
            module, _, last = name.rpartition(".")
            place = ROOT.joinpath(*name.split("."))
            is_module = place.is_dir() or place.with_suffix(".py").exists()
            assert is_module or last in names_in(module), f"{page.name}: {name}"


@pytest.mark.parametrize(
    "room", ["ctc_decoder_with_lm", "open_seq2seq.streaming", "open_seq2seq.exported",
             "open_seq2seq.losses", "open_seq2seq.optimizers"]
)  # fmt: skip
def test_the_reference_has_all_that_a_room_offers(room):
    page = (ROOT / f"docs/reference/{room.rpartition('.')[2]}.md").read_text()
    tree = ast.parse(ROOT.joinpath(*room.split("."), "__init__.py").read_text())
    (offered,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    )
    assert set(offered) == set(re.findall(rf"^::: {re.escape(room)}\.(\w+)$", page, re.MULTILINE))
