"""Imports a language of Mozilla Common Voice from its tables.

python scripts/import_common_voice.py data/cv-corpus-17.0/de
python scripts/import_common_voice.py data/cv-corpus-17.0/de --splits validated --output=manifests

The folder holds train.tsv, dev.tsv, test.tsv and clips/; NAME.tsv becomes NAME.csv. The clips are
used as they are (MP3), the speakers are the corpus's client_ids. Sentences are kept as they are;
--text_normalization=plain leaves lower-case words.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.corpora.importers.command import importer_parser, run_importer
from open_seq2seq.corpora.importers.common_voice import read_common_voice


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = importer_parser(
        __doc__, "the language's folder", splits="tables without .tsv (train dev test)"
    )
    return run_importer(
        parser, lambda flags: read_common_voice(flags.data_dir, flags.splits), arguments
    )


if __name__ == "__main__":
    sys.exit(main())
