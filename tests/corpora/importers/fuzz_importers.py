"""Damaged files of corpora, and of importers themselves (`tests.fuzzing_child`)."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from open_seq2seq.corpora.importers.archives import extract
from open_seq2seq.corpora.importers.common_voice import read_common_voice
from open_seq2seq.corpora.importers.durations import _in_journal, _in_manifest
from open_seq2seq.corpora.importers.kaldi import read_kaldi
from open_seq2seq.corpora.importers.librispeech import read_splits
from open_seq2seq.corpora.importers.ljspeech import read_ljspeech
from open_seq2seq.corpora.importers.stm import read_stm
from open_seq2seq.corpora.importers.table_file import read_table
from tests.fuzzing_child import Case

KALDI = {
    "text": "a-1 zero one\na-2 two\nb-1 grün\n",
    "segments": "a-1 rec-a 0.5 1.25\na-2 rec-a 1.25 2\nb-1 rec-b 0 1e0\n",
    "wav.scp": "rec-a rec-a.wav\nrec-b sph2pipe -f wav rec-b.sph |\n",
    "utt2spk": "a-1 a\na-2 a\nb-1 b\n",
}
STM = ";; comment\ntalk 1 anna 0.50 2.25 <o,f0,female> zero one\ntalk 1 bob 2.5 3 two {um}\n"
COMMON_VOICE = (
    "client_id\tpath\tsentence\tup_votes\nab\tcv_1.mp3\tzero, one\t2\n"
    'cd\tcv_2.mp3\t"two ""three"""\t0\n'
)
LJSPEECH = "LJ-1|Zero 1|zero one\nLJ-2|two\n"
LIBRISPEECH = "1-100-0000 ZERO ONE\n1-100-0001 IT'S TWO\n"
TABLE = "file;text;speaker\na.wav;zero, one;anna\nb.wav;grün;bob\n"
JOURNAL = '["/c/a.wav", 100, 1.25, 1]\n["/c/b.wav", 7, 0.5, 2]\n'
MANIFEST = "wav_filename,wav_filesize,transcript,duration\na.wav,100,zero,1.25\nb.wav,7,one,0.5\n"


def _excel() -> bytes:
    import pandas as pd

    stream = io.BytesIO()
    rows = [("a.wav", "zero"), ("b.wav", "grün"), ("c.wav", 3)]
    pd.DataFrame(rows, columns=["file", "text"]).to_excel(stream, index=False)
    return stream.getvalue()


def _archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, text in (("a/1.txt", "zero"), ("a/2.txt", "one" * 100)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def _at(place: Path, call: Callable[[], Any]) -> Callable[[Path], None]:
    """A reader of the damaged file that finds it where the corpus has it."""

    def read(path: Path) -> None:
        shutil.copyfile(path, place)
        found = call()
        for split in found if isinstance(found, list) else []:
            assert all(isinstance(entry.transcript, str) for entry in split.entries)
            assert all(str(problem).strip() for problem in split.problems)

    return read


def _extracted(folder: Path) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        into = folder / "extracted"
        shutil.rmtree(into, ignore_errors=True)
        assert extract(path, into) == sum(one.is_file() for one in into.rglob("*"))

    return read


def _read_excel(path: Path) -> None:
    assert all(isinstance(cell, str) for _, cells in read_table(path).rows for cell in cells)


def _read_table(path: Path) -> None:
    table = read_table(path, ("file", "text"))
    assert all(isinstance(cell, str) for _, cells in table.rows for cell in cells)


def _read_journal(path: Path) -> None:
    assert all(length.duration < 1e300 for length in _in_journal(path).values())


def _read_manifest(path: Path) -> None:
    assert all(length.duration < 1e300 for length in _in_manifest(path).values())


NAMES = (
    *(f"kaldi {name}" for name in KALDI), "stm", "common voice", "ljspeech", "librispeech", "table",
    "excel", "archive", "journal", "manifest",
)  # fmt: skip


def cases(folder: Path) -> dict[str, Case]:
    """By kind of file; the corpora around them are written to the folder."""
    for name in ("kaldi/rec-a.wav", "kaldi/rec-b.sph", "stm/talk.sph", "cv/clips/cv_1.mp3",
                 "cv/clips/cv_2.mp3", "lj/wavs/LJ-1.wav", "lj/wavs/LJ-2.wav",
                 "ls/train/1/100/1-100-0000.flac", "ls/train/1/100/1-100-0001.flac"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    found = {}
    kaldi = folder / "kaldi"
    for name, text in KALDI.items():
        (kaldi / name).write_text(text, encoding="utf-8")

    def kaldi_reader(name: str) -> Callable[[Path], None]:
        read = _at(kaldi / name, lambda: read_kaldi(kaldi))

        def whole_again(path: Path) -> None:
            try:
                read(path)
            finally:
                (kaldi / name).write_text(KALDI[name], encoding="utf-8")

        return whole_again

    for name, text in KALDI.items():
        found[f"kaldi {name}"] = Case(kaldi_reader(name), [text.encode()])
    corpora = {
        "stm": (folder / "stm/talk.stm", STM, lambda: read_stm(folder / "stm")),
        "common voice": (
            folder / "cv/train.tsv",
            COMMON_VOICE,
            lambda: read_common_voice(folder / "cv"),
        ),
        "ljspeech": (folder / "lj/metadata.csv", LJSPEECH, lambda: read_ljspeech(folder / "lj")),
        "librispeech": (
            folder / "ls/train/1/100/1-100.trans.txt",
            LIBRISPEECH,
            lambda: read_splits(folder / "ls"),
        ),
    }
    for name, (place, text, call) in corpora.items():
        found[name] = Case(_at(place, call), [text.encode()])
    found["table"] = Case(_read_table, [TABLE.encode(), TABLE.encode("cp1252")], ".csv")
    found["excel"] = Case(_read_excel, [_excel()], ".xlsx")
    found["archive"] = Case(_extracted(folder), [_archive()], ".tar.gz")
    found["journal"] = Case(_read_journal, [JOURNAL.encode()])
    found["manifest"] = Case(_read_manifest, [MANIFEST.encode()], ".csv")
    assert tuple(found) == NAMES and json.loads(JOURNAL.splitlines()[0])[1] == 100
    return found
