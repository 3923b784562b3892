"""A recogniser in a program of one's own says nothing."""

import subprocess
import sys
from pathlib import Path

DIGITS = Path(__file__).parents[2] / "example_data" / "digits"


def test_loading_and_using_a_recognizer_prints_nothing():
    recording = next(iter(sorted((DIGITS / "recordings").iterdir())))
    program = (
        "import sys\n"
        "from open_seq2seq import Recognizer\n"
        "recognizer = Recognizer.load(sys.argv[1])\n"
        "(result,) = recognizer.transcribe([sys.argv[2]])\n"
        "assert result.text\n"
    )
    command = [sys.executable, "-c", program, str(DIGITS / "model" / "config.py"), str(recording)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
