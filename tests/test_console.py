"""The progress display with and without a terminal."""

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from open_seq2seq.console import OutputCopy, ProgressBar, clock, say

SCRIPT = """
from open_seq2seq.messages import show_messages
from open_seq2seq.console import ProgressBar, say
show_messages()
with ProgressBar("training", 3) as bar:
    for step in range(3):
        bar.advance(f"loss {step}")
        say("a line")
"""


def test_clock():
    assert [clock(s) for s in (0, 61, 3599.6)] == ["0:00:00", "0:01:01", "1:00:00"]


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys):
    with ProgressBar("training", 100, done=40, interval=0.0) as bar:
        bar.advance("loss 1.5")
    out = capsys.readouterr().out
    assert out.startswith("*** training 41/100  loss 1.5  left 0:0")
    with ProgressBar("training", 100, interval=1000.0) as bar:
        bar.advance("loss 1.5")
    assert capsys.readouterr().out == ""


def test_on_a_terminal_there_is_a_bar_and_lines_stay_whole():
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    subprocess.run(
        [sys.executable, "-c", SCRIPT], stdout=follower, env=environment, check=True, timeout=600
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # the other end is closed: all is read
        pass
    assert shown.count(b"*** a line") == 3
    assert b"loss 2" in shown and b"3/3" in shown


class Terminal(io.StringIO):
    """A stream that is said to be a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_keeps_what_matters(width, monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", terminal)
    with ProgressBar("training", 252800, done=123456) as bar:
        bar.advance("loss 123.456", "epoch 12.3", "WER 100.0%", "12.34 steps/s  240 s audio/s")
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue()).replace("\r", "\n")
    line = next(line for line in reversed(shown.split("\n")) if "123457/252800" in line)
    assert (
        len(line.rstrip()) <= width
        and "loss 123.456" in line
        and re.search(r" left \d+:\d\d:\d\d", line)
    )
    assert ("epoch 12.3  WER 100.0%" in line) == (width >= 80), line
    assert ("12.34 steps/s" in line) == (width == 120), line


def test_output_is_copied_to_log_files(tmp_path, capsys):
    with OutputCopy() as copy:
        say("to both")
        copy.keep(tmp_path, "now")
        print("oh", file=sys.stderr)
    with OutputCopy():
        print("of a start that is refused", file=sys.stderr)
    say("only here")
    assert (tmp_path / "stdout_now.log").read_text() == "*** to both\n"
    assert (tmp_path / "stderr_now.log").read_text() == "oh\n"
    assert capsys.readouterr().out == "*** to both\n*** only here\n"


class Closed:
    """Standard output behind which nobody reads any more."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self):
        raise OSError(5, "Input/output error")


def test_a_closed_terminal_ends_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Closed())
    say("nobody reads this")
    say("nor this")
