"""Writes recordings as WAV files of one sample rate.

    open-seq2seq data resample --source_dir=mp3 --target_dir=wav --sample_rate=16000

All recordings below --source_dir (WAV, FLAC, MP3, Ogg, Opus) are written to the same places below
--target_dir: 16 bits, one channel, resampled by soxr. Training and inference read any rate, so
nothing of this framework needs it. What cannot be read is listed, and the others are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.data.audio import read_audio
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import write_csv
from open_seq2seq.files.whole import replaced

ENDINGS = {".wav", ".flac", ".mp3", ".ogg", ".opus"}


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    add("--source_dir", default="calibration/sound_files/", help="recordings (%(default)s)")
    add("--target_dir", default="calibration/sound_files_wav/", help="for the WAVs (%(default)s)")
    add("--sample_rate", type=int, default=16000, help="in Hz (%(default)s)")
    add("--out_csv", metavar="FILE", help="a manifest of them; True: TARGET_DIR/recordings.csv")
    flags = parser.parse_args(arguments)
    if flags.sample_rate < 1:
        parser.error(f"--sample_rate: {flags.sample_rate} is no rate")
    try:
        targets = _targets(Path(flags.source_dir), Path(flags.target_dir))
        with ThreadPoolExecutor() as pool:
            work = partial(_convert, rate=flags.sample_rate)
            problems = [problem for found in pool.map(work, *zip(*targets)) for problem in found]
        written = [target for _, target in targets if target.is_file()]
        if flags.out_csv:
            where = flags.out_csv
            if where == "True":
                where = str(Path(flags.target_dir) / "recordings.csv")
            rows = [
                {"wav_filename": w.resolve(), "wav_filesize": w.stat().st_size} for w in written
            ]
            write_csv(where, rows)
            print(f"Written: {where}")
        print(f"{len(written)} of {len(targets)} recordings are in {flags.target_dir}")
        if problems:
            raise InputError("These recordings cannot be read, and are left out:", problems)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _targets(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Each recording with the file that it becomes; nothing is written over."""
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
    pairs = [(path, target / path.relative_to(source).with_suffix(".wav")) for path in found]
    problems = []
    first: dict[Path, Path] = {}
    for path, wav in pairs:
        if wav.exists():
            remedy = "Remove it, or choose another --target_dir."
            problems.append(Problem(str(wav), "a file", "none, nothing is written over", remedy))
        elif first.setdefault(wav, path) != path:
            what = f"the same name as {first[wav]}"
            problems.append(Problem(str(path), what, "one recording for each WAV file"))
    if not pairs:
        problem = Problem(str(source), "no recordings", f"files ending in {sorted(ENDINGS)}")
        problems.append(problem)
    if problems:
        raise InputError("The recordings cannot be converted:", problems)
    return pairs


def _convert(path: Path, wav: Path, rate: int) -> list[Problem]:
    """Writes one; returns what is wrong with it."""
    try:
        samples = read_audio(path, rate)
    except InputError as error:
        return error.problems
    import soundfile

    wav.parent.mkdir(parents=True, exist_ok=True)
    with replaced(wav) as draft:
        soundfile.write(str(draft), samples, rate, "PCM_16", format="WAV")
    return []
