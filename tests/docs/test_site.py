"""The site of the docs: `make site`."""

import functools
import http.server
import importlib.util
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not importlib.util.find_spec("mkdocs"), reason="needs MkDocs: pip install -e '.[docs]'"
    ),
]


class Page(HTMLParser):
    """A page's anchors, what it links to, and pictures that say nothing to who cannot see them."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.silent = set(), [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        if tag == "img" and not found.get("alt"):
            self.silent.append(found.get("src"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_links_and_anchors_lead_somewhere(site, pages):
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.exists() or (
                anchor and target in pages and anchor not in pages[target].anchors
            ):
                lost.append(f"{path.relative_to(site)}: {link}")
    assert len(pages) > 60 and not lost


def test_nothing_is_loaded_from_other_hosts(pages):
    outside = ("http:", "https:", "//")
    loaded = {link for page in pages.values() for link in page.links if link.startswith(outside)}
    assert not {link for link in loaded if link.endswith((".js", ".css", ".woff2", ".png"))}


def test_every_picture_says_what_it_shows(pages):
    assert not {path.name: page.silent for path, page in pages.items() if page.silent}


@pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"),
    reason="needs Chromium and the package playwright",
)
@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("Recognizer", "reference/inference.html"),
        ("beam search", "decoding.html"),
        ("convert_kaldi", "commands.html"),
    ],
)
def test_search_finds(site, words, page):
    from playwright.sync_api import sync_playwright

    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            tab = browser.new_page()
            tab.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            tab.fill("input[name=query]", words)
            link = f"a.md-search-result__link[href*='{page}']"
            tab.wait_for_selector(link, state="attached", timeout=120_000)
            browser.close()
        server.shutdown()
