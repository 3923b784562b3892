"""The web page in a real Chromium, with a fake microphone that plays a file."""

import importlib.util
import os
import signal
from pathlib import Path

import pytest

from tests.serving.page_browser import (
    CHROMIUM,
    RECORDINGS,
    ROOT,
    SAID,
    chromium,
    microphone_file,
    server,
)

needs = "needs Chromium and the package playwright"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM or not importlib.util.find_spec("playwright"), reason=needs),
]
PAGE = ROOT / "open_seq2seq/serving/page"
# axe-core is one file: npm pack axe-core, or AXE_CORE names it.
AXE = Path(os.environ.get("AXE_CORE", ROOT / "node_modules/axe-core/axe.min.js"))
TEXT = " ".join(SAID.values())


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    from open_seq2seq.commands.export import main

    folder = tmp_path_factory.mktemp("page") / "digits"
    data = ROOT / "example_data/digits"
    arguments = [f"--config_file={data / 'model/config.py'}", f"--manifest={data / 'test.csv'}"]
    assert main([*arguments, "--formats", "onnx", f"--output={folder}"]) == 0
    return folder


@pytest.fixture(scope="module")
def address(exported):
    with server(exported) as (address, _):
        yield address


@pytest.fixture(scope="module")
def playwright():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright, tmp_path_factory):
    sound = microphone_file(tmp_path_factory.mktemp("microphone") / "digits.wav")
    with chromium(playwright, sound) as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    """The page, whose errors and requests to others fail the test."""
    page = browser.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda one: one.url.startswith((address, "blob:", "data:"))
            or wrong.append(one.url))  # fmt: skip
    page.goto(address)
    page.locator("#model option").first.wait_for(state="attached")
    yield page
    page.close()
    assert not wrong


def shows(page, place, text):
    """Waits until a text is there; the page's policy forbids Playwright's own conditions."""
    from playwright.sync_api import expect

    expect(page.locator(place)).to_contain_text(text, timeout=60000)


def heard(page):
    return " ".join(page.locator("#finals .word").all_inner_texts())


def test_speech_becomes_text(page):
    page.click("#speak")
    page.locator("#finals .word").nth(2).wait_for(timeout=60000)
    page.click("#speak")
    shows(page, "#status", "Ready.")
    assert heard(page).split()[:3] == TEXT.split()
    titles = page.locator("#finals .word").evaluate_all("all => all.map(one => one.title)")
    starts = [float(one.split()[0]) for one in titles]
    assert starts == sorted(starts) and starts[1] - starts[0] > 1.5
    assert "real-time factor" in page.inner_text("#figures")
    assert page.locator("#under .word").count() >= 1
    assert page.locator("#nbest li").count() >= 1
    # The picture has sound in it, and not everywhere.
    drawn = page.evaluate("""() => {
      const canvas = document.getElementById('wave');
      const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 3; at < data.length; at += 4) count += data[at] > 0;
      return count / (data.length / 4);
    }""")
    assert 0.001 < drawn < 0.9


def test_another_recording_is_another_text(playwright, tmp_path, address):
    sound = microphone_file(tmp_path / "other.wav", ["8_yweweler_3"])
    with chromium(playwright, sound) as browser:
        page = browser.new_page()
        page.goto(address)
        page.click("#speak")
        page.wait_for_selector("#finals .word", timeout=30000)
        page.click("#speak")
        shows(page, "#status", "Ready.")
        assert heard(page).split()[0] == "eight"


def test_a_file_and_its_downloads(page):
    page.set_input_files("#files", RECORDINGS / "7_jackson_2.flac")
    page.wait_for_selector("#finals .word")
    assert heard(page) == "seven"
    assert page.locator("#nbest li").first.inner_text().startswith("seven")
    expected = {"txt": "seven\n", "srt": "00:00:00,", "vtt": "WEBVTT\n\n", "ctm": "recording 1 0.",
                "json": '"text": "seven"'}  # fmt: skip
    for format, part in expected.items():
        with page.expect_download() as download:
            page.click(f"[data-format={format}]")
        assert part in Path(download.value.path()).read_text(), format
    page.locator("#finals .word").first.click()  # plays; an error would fail the test


def test_a_file_that_is_no_audio(page):
    page.set_input_files("#files", ROOT / "README.md")
    shows(page, "#error", "README.md: file: found text, not audio")


def test_hot_words_that_cannot_be_spelled(page):
    page.locator("summary").click()
    page.fill("#hot_words", "naïve: 3")
    page.click("#speak")
    shows(page, "#error", "naïve")
    assert page.get_attribute("#speak", "aria-pressed") == "false"


def test_a_lost_connection(exported, browser):
    with server(exported) as (address, process):
        page = browser.new_page()
        page.goto(address)
        page.click("#speak")
        shows(page, "#status", "Listening")
        process.send_signal(signal.SIGKILL)
        shows(page, "#error", "connection to the server is lost")
        assert page.inner_text("#speak") == "Speak"
        page.close()


def test_a_microphone_that_is_not_given(playwright, tmp_path, address):
    sound = microphone_file(tmp_path / "a.wav")
    with chromium(playwright, sound, permitted=False) as browser:
        page = browser.new_page()
        page.goto(address)
        page.click("#speak")
        shows(page, "#error", "not to give the microphone")


def test_the_keyboard_is_enough(page):
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached.index("speak") < reached.index("files") < reached.index("position")
    assert "SUMMARY" in reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm install axe-core")
def test_axe_finds_nothing_serious(browser, address, scheme):
    page = browser.new_page(color_scheme=scheme, bypass_csp=True)
    page.goto(address)
    page.locator("summary").click()
    page.set_input_files("#files", RECORDINGS / "7_jackson_2.flac")
    page.wait_for_selector("#finals .word")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    page.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_small_and_large_screens(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.goto(address)
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
