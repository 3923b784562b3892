"""Makes a site of the guides as they are: hooks of MkDocs (`mkdocs.yml`).

The guides are written for a reader of the repository: their links lead to files of it, and their
lists are CommonMark's. MkDocs knows only what is below `docs/`, and Python-Markdown
indents by four.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
# Pages that stand in the repository's root, by the page of the site that they are.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "SECURITY.md": "security.md",
}
LANGUAGES = {".py": "python", ".sh": "bash", ".toml": "toml", ".json": "json", ".yml": "yaml"}
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_INDENT = 4  # what Python-Markdown asks for


def on_files(files: Files, config: Any) -> Files:
    """Adds the root's pages, and a page for each file of the repository that a page links to."""
    for name, uri in PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text()))
    for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb")):
        files.append(
            File.generated(config, f"notebooks/{path.stem}.md", content=_notebook_page(path))
        )
    texts = {_in_repository(f.src_uri): f.content_string for f in files.documentation_pages()}
    linked = {target for place, text in texts.items() for target in _targets(place, text)}
    shown = {path for target in linked for path in _with_contents(ROOT / target)}
    for path in sorted(shown):
        uri = _uri(path.relative_to(ROOT).as_posix())
        if uri.startswith("files/"):
            files.append(File.generated(config, uri, content=_source_page(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A guide's text with links of the site, and lists as Python-Markdown reads them."""
    uri = page.file.src_uri
    if uri.startswith("files/"):
        return markdown
    place = _in_repository(uri)

    def on_site(match: re.Match[str]) -> str:
        start, target, anchor, end = match.groups()
        name = _target(place, target)
        if name is None:
            return match[0]
        return start + posixpath.relpath(_uri(name), posixpath.dirname(uri)) + (anchor or "") + end

    return reindented(_LINK.sub(on_site, markdown))


def reindented(text: str) -> str:
    """CommonMark's lists with four columns for each level, and an empty line before each.

    Args:
      text: Markdown, in which what belongs to an item stands below the item's first letter.
    """
    lines = text.split("\n")
    more, empty = [0] * len(lines), set()
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "list_item_open" and token.map:
            first, end = token.map
            offset = _offset(token, lines[first])
            for line in range(first + 1, end):
                more[line] += _INDENT - offset
        elif token.type.endswith("list_open") and token.map and token.level == 0:
            empty.add(token.map[0])
    made = []
    for number, line in enumerate(lines):
        if number in empty and number and lines[number - 1].strip():
            made.append("")
        made.append(" " * more[number] + line if line.strip() else line)
    return "\n".join(made)


def _offset(item: Token, line: str) -> int:
    """From the column of an item's mark to that of its text."""
    width = len(item.info) + len(item.markup)
    rest = line.lstrip()[width:]
    return width + len(rest) - len(rest.lstrip())


def _in_repository(uri: str) -> str:
    """The file that a page of the site is made from."""
    back = {page: name for name, page in PAGES.items()}
    return back.get(uri, f"docs/{uri}")


def _uri(name: str) -> str:
    """The page of the site, or the picture, for a file of the repository."""
    if name in PAGES:
        return PAGES[name]
    if (ROOT / name).is_dir():
        return f"files/{name}/index.md"
    if name.startswith("docs/") and Path(name).suffix not in LANGUAGES:
        return name.removeprefix("docs/").replace(".ipynb", ".md")
    return f"files/{name}" if name.endswith(".md") else f"files/{name}.md"


def _target(place: str, link: str) -> str | None:
    """The file of the repository that a link leads to; None where it leads elsewhere."""
    if re.match(r"[a-z]+:", link):
        return None
    name = posixpath.normpath(posixpath.join(posixpath.dirname(place), link))
    return name if (ROOT / name).exists() else None


def _targets(place: str, text: str) -> list[str]:
    found = (_target(place, link) for _, link, _, _ in _LINK.findall(text))
    return [name for name in found if name is not None]


def _with_contents(path: Path) -> list[Path]:
    """A file; or a folder and the text files in it."""
    if not path.is_dir():
        return [path]
    return [path, *(p for p in sorted(path.iterdir()) if p.suffix in LANGUAGES)]


def _notebook_page(path: Path) -> str:
    """An executed notebook as Markdown: its text, its code, and what that printed and drew."""
    parts = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"````python\n{source}\n````")
        for output in cell["outputs"]:
            text = output.get("text") or output["data"].get("text/plain", "")
            parts.append(f"````text\n{''.join(text).rstrip()}\n````")
    return "\n\n".join(parts) + "\n"


def _source_page(path: Path) -> str:
    """A page that shows a file, or what is in a folder."""
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        shown = _with_contents(path)[1:]
        return f"# {name}\n\n" + "".join(f"* [{p.name}]({p.name}.md)\n" for p in shown)
    if path.suffix == ".md":
        # Its own links lead to files that the site does not have.
        return re.sub(r"!?\[([^\]]*)\]\((?!http)[^)]*\)", r"\1", path.read_text())
    return f"# {name}\n\n````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text()}\n````\n"
