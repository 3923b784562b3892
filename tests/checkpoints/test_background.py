"""Writes in a thread: in order, few waiting, none lost, no error lost."""

import subprocess
import sys
import threading

import pytest

from open_seq2seq.checkpoints.background import BackgroundWriter


def fail(message):
    raise OSError(message)


def test_writes_are_done_in_order_while_the_caller_goes_on():
    done, go = [], threading.Event()
    writer = BackgroundWriter()
    writer.submit(lambda: (go.wait(600), done.append(1)))
    writer.submit(lambda: done.append(2))
    assert done == []  # both were asked for, and the first has not begun
    go.set()
    writer.wait()
    assert done == [1, 2]


def test_no_more_than_one_waits():
    first, asked = threading.Event(), []
    writer = BackgroundWriter()
    for event in (first, threading.Event()):
        writer.submit(lambda event=event: event is first and event.wait(600))

    def ask():
        writer.submit(lambda: asked.append("written"))
        asked.append("asked")

    third = threading.Thread(target=ask)
    third.start()
    third.join(0.3)
    assert asked == [] and third.is_alive()
    first.set()
    third.join(60)
    writer.wait()
    assert sorted(asked) == ["asked", "written"]


def test_each_error_is_raised_once_and_the_others_are_written():
    done = []
    writer = BackgroundWriter()
    go = threading.Event()
    writer.submit(lambda: (go.wait(600), fail("one")))
    writer.submit(lambda: done.append("two"))
    go.set()
    with pytest.raises(OSError, match="one"):
        writer.submit(lambda: done.append("not asked for"))
    writer.submit(lambda: fail("three"))
    with pytest.raises(OSError, match="three"):
        writer.wait()
    writer.wait()
    assert done == ["two"]


def test_the_error_of_a_write_that_is_over_is_not_kept_for_later():
    writer = BackgroundWriter()
    go, over = threading.Event(), threading.Event()
    writer.submit(lambda: (go.wait(600), fail("one")))
    writer.submit(over.set)  # when it is done, so is the first
    go.set()
    assert over.wait(600)
    with pytest.raises(OSError, match="one"):
        writer.submit(lambda: None)


def test_as_a_context_it_waits_and_hides_no_other_error(capsys):
    done = []
    with BackgroundWriter() as writer:
        writer.submit(lambda: done.append(1))
    assert done == [1]
    with pytest.raises(OSError, match="disk"), BackgroundWriter() as writer:
        writer.submit(lambda: fail("disk"))
    go = threading.Event()
    with pytest.raises(KeyError, match="training"), BackgroundWriter() as writer:
        writer.submit(lambda: (go.wait(600), fail("disk")))
        writer.submit(lambda: done.append(2))
        go.set()
        raise KeyError("training")
    assert done == [1, 2]
    assert capsys.readouterr().out == "*** disk\n"


SCRIPT = """
import sys, time, pathlib
from open_seq2seq.messages import show_messages
from open_seq2seq.checkpoints.background import BackgroundWriter

show_messages()

def write(name):
    time.sleep(0.3)
    pathlib.Path(sys.argv[1], name).write_text("whole")

def fail():
    raise OSError("the disk is full")

def dropped():
    writer = BackgroundWriter()
    writer.submit(lambda: write("dropped"))

dropped()
writer = BackgroundWriter()
writer.submit(lambda: write("one"))
writer.submit(fail)
if sys.argv[2] == "raise":
    raise SystemExit(3)
"""


@pytest.mark.parametrize(("end", "code"), [("return", 0), ("raise", 3)])
def test_the_interpreter_does_not_exit_before_all_is_written(tmp_path, end, code):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), end],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert process.returncode == code, process.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dropped", "one"]
    assert process.stdout == "*** the disk is full\n"
