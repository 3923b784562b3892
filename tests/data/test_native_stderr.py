"""What libmpg123 prints about an MP3 is kept back; what others print is not."""

import ctypes
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile

from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.native_stderr import without_chatter
from open_seq2seq.errors import InputError

RATE = 16000
LINES = (
    "[src/libmpg123/parse.c:wetwork():1389] error: Giving up resync after 1024 bytes",
    "Note: Illegal Audio-MPEG-Header 0x00000000 at offset 1234.",
    "Warning: Big change from first (MPEG version, layer, rate).",
    "[../src/libmpg123/id3.c:process_comment():587] error: No comment text",
)


def print_natively(text):
    """Prints to the C library's stderr, as libmpg123 does."""
    library = ctypes.CDLL(None)
    stream = ctypes.c_void_p.in_dll(library, "stderr")
    library.fputs(text.encode(), stream)
    library.fflush(stream)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's stderr is another one there")
def test_chatter_is_kept_back_and_nothing_else(capfd):
    with without_chatter(True):
        for line in LINES:
            print_natively(f"{line}\n")
        print_natively("of another library\n")
        print("of Python", file=sys.stderr)
        os.write(2, b"of the descriptor\n")
    err = capfd.readouterr().err
    assert sorted(err.splitlines()) == ["of Python", "of another library", "of the descriptor"]
    # Afterwards, and where no MP3 is read, all is as it was.
    print_natively(f"{LINES[0]}\n")
    with without_chatter(False):
        print_natively(f"{LINES[1]}\n")
    assert capfd.readouterr().err.splitlines() == list(LINES[:2])


def test_it_is_put_back_after_an_error_and_when_nested(capfd):
    with pytest.raises(ZeroDivisionError), without_chatter(True), without_chatter(True):
        raise ZeroDivisionError
    print_natively("after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_damaged_mp3_is_said_with_its_name(tmp_path):
    """In a process of its own, whose standard error is looked at as a whole."""
    path = tmp_path / "talk.mp3"
    time = np.arange(RATE) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * time), RATE)
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(1).integers(200, len(content), 100):
        content[place] ^= 0xFF
    path.write_bytes(b"behind " + content)  # only libmpg123 takes it for an MP3 then
    with pytest.raises(InputError) as caught:
        read_audio(path, RATE)
    program = textwrap.dedent(f"""
        import sys
        from open_seq2seq.data.audio import read_audio
        from open_seq2seq.errors import InputError
        try:
            read_audio({str(path)!r}, {RATE})
        except InputError as error:
            print(error, file=sys.stderr)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == f"{caught.value}\n" and done.stdout == ""
    assert done.stderr.splitlines()[1].startswith(f"  - {path}: found ")
