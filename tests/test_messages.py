"""Lines to the user: levels, streams, and the silence of the library."""

import logging
import subprocess
import sys

import pytest

from open_seq2seq.messages import (
    EVERY_RANK,
    LOGGER,
    NOTHING,
    RESULT,
    messages_shown,
    news_stream,
    say,
    show_messages,
)


def test_lines_have_a_prefix_and_an_indent(capsys):
    show_messages()
    say("one\ntwo", 4)
    say("")
    logging.getLogger("open_seq2seq.anywhere").info("of %s", "a module")
    assert capsys.readouterr() == ("***     one\n***     two\n*** \n*** of a module\n", "")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        (logging.DEBUG, ["detail", "news", "result", "WARNING: careful"]),
        (logging.INFO, ["news", "result", "WARNING: careful"]),
        (RESULT, ["result", "WARNING: careful"]),
        (NOTHING, []),
    ],
)
def test_levels(capsys, level, seen):
    show_messages(level)
    say("detail", level=logging.DEBUG)
    say("news")
    say("result", level=RESULT)
    say("careful", level=logging.WARNING)
    assert capsys.readouterr().out.splitlines() == [f"*** {text}" for text in seen]
    assert (news_stream() is None) == (level > logging.INFO)


def test_standard_error_leaves_standard_output_to_results(capsys):
    show_messages(to_stderr=True)
    say("news")
    assert news_stream() is sys.stderr
    assert capsys.readouterr() == ("", "*** news\n")
    show_messages()
    say("once")
    assert news_stream() is sys.stdout and capsys.readouterr() == ("*** once\n", "")


def test_the_library_prints_nothing_by_itself():
    script = "from open_seq2seq.messages import say; import logging; say('news');"
    script += "say('careful', level=logging.WARNING)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "careful\n")


def test_a_command_line_in_this_process_leaves_all_as_it_was(capsys):
    show_messages()
    with messages_shown(RESULT, to_stderr=True):
        say("news")
        say("result", level=RESULT)
    say("afterwards")
    assert capsys.readouterr() == ("*** afterwards\n", "*** result\n")


def test_another_prefix(capsys):
    with messages_shown(prefix=""):
        say("one\ntwo")
    assert capsys.readouterr().out == "one\ntwo\n"


def test_what_every_rank_says_is_seen_where_nothing_else_is(capsys):
    show_messages(NOTHING)
    LOGGER.error("it failed")
    LOGGER.log(EVERY_RANK, "rank 1 of 2 waits")
    assert capsys.readouterr() == ("", "*** rank 1 of 2 waits\n")
