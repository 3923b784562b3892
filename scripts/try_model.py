"""Transcribes with the packaged model, before any training; says what to do next.

python scripts/try_model.py                  # five packaged recordings, as `make try` does
python scripts/try_model.py seven.wav        # others, of English digits
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.errors import OpenSeq2SeqError

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "example_data" / "digits"
CONFIG = DIGITS / "model" / "config.py"

NEXT = """
    make demo       # trains such a model from the packaged recordings, in a few minutes
    .venv/bin/python run.py --config_file={config} --mode=infer --infer_files my.wav
    docs/getting_started.md    # from your own recordings to a model of your own
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="*", help="recordings; five packaged ones")
    flags = parser.parse_args(arguments)
    said = {}
    if not flags.files:
        from open_seq2seq.data.manifest import read_manifests

        chosen = read_manifests([str(DIGITS / "test.csv")], need_transcript=True)[::67][:5]
        said = {Path(utterance.path): utterance.transcript for utterance in chosen}
    files = flags.files or list(said)
    try:
        from open_seq2seq import Recognizer

        recognizer = Recognizer.load(CONFIG)
        results = recognizer.transcribe(files)
    except OpenSeq2SeqError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{'recording':22} {'said' if said else '':8} recognised")
    for file, result in zip(files, results):
        print(f"{file.name:22} {said.get(file, ''):8} {result.text}")
    print(f"\nNext:{NEXT.format(config=CONFIG.relative_to(ROOT))}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
