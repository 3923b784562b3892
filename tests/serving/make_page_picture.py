"""The pictures of the web page in docs/images: three digits are spoken to the digits model.

python -m tests.serving.make_page_picture EXPORTED_FOLDER   # needs Chromium
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import sync_playwright

from tests.serving.page_browser import ROOT, SAID, chromium, microphone_file, server

IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Speaks three digits in the light and in the dark."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("folder", help="the digits model, exported")
    folder = parser.parse_args().folder
    with (
        TemporaryDirectory() as temporary,
        server(folder) as (address, _),
        sync_playwright() as playwright,
    ):
        sound = microphone_file(Path(temporary) / "digits.wav")
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            with chromium(playwright, sound) as browser:
                page = browser.new_page(viewport={"width": 900, "height": 760}, color_scheme=scheme)
                page.goto(address)
                page.locator("#model option").first.wait_for(state="attached")
                page.click("#speak")
                page.locator("#finals .word").nth(len(SAID) - 1).wait_for(timeout=60000)
                page.screenshot(path=IMAGES / f"web_page_{scheme}.png")


if __name__ == "__main__":
    main()
