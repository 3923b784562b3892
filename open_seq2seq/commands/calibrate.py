"""Measures how far a model's word times are from those of a forced alignment.

    open-seq2seq calibrate --config_file=my_config.py --audio=calibration/sample.csv \\
        --alignments=calibration/target.json --calibration_out=calibration.txt

transcribes the recordings that have an alignment, compares the words' times and writes the mean
differences of starts and of ends, in seconds; scripts/dump_to_time.py adds them. The alignments are
in the JSON of Gentle: one object from recording to alignment, or a folder with a file for each
recording. scripts/get_calibration_files.sh fetches what the usual --audio and --alignments name.
With --logits no model is run. Other arguments override the config's parameters, as in run.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem, RunError
from open_seq2seq.files import check_outputs, write_csv


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--config_file", help="the config of the trained model")
    add("--logits", help="logits that are there already, instead of running the model")
    add("--blank", type=int, metavar="CLASS", help="class of the blank in the logits (the last)")
    add("--audio", default="calibration/sample.csv", help="a manifest, or a folder of recordings")
    add("--alignments", default="calibration/target.json", help="JSON file, or a folder of them")
    add("--infer_output_file", default="calibration/sample.pkl", help="where the logits go")
    add("--calibration_out", default="calibration.txt", help="the result: two numbers")
    flags, overrides = parser.parse_known_args(arguments)
    if (flags.config_file is None) == (flags.logits is None):
        parser.error("either --config_file or --logits is needed")
    if flags.blank is not None and flags.logits is None:
        parser.error("--blank is for --logits")
    if flags.logits and overrides:
        parser.error(f"unrecognized arguments: {' '.join(overrides)}")
    try:
        # Before the model is run: a missing file of alignments is said at once.
        from open_seq2seq.stored_logits.calibration import calibrate, read_alignments
        from open_seq2seq.stored_logits.stored import read_stored
        from open_seq2seq.stored_logits.word_times import Shifts, word_times, write_shifts

        outputs = {"--calibration_out": flags.calibration_out}
        if flags.config_file:
            outputs["--infer_output_file"] = flags.infer_output_file
        check_outputs(outputs)
        alignments = read_alignments(flags.alignments)
        logits = flags.logits or _infer(flags, overrides, alignments)
        stored = read_stored(logits, blank=flags.blank)
        for note in stored.notes:
            print(note, file=sys.stderr)
        words = word_times(stored.utterances, stored.vocabulary, stored.step_size, Shifts())
        found = calibrate(stored.utterances, words, alignments)
        write_shifts(flags.calibration_out, found.shifts)
    except OpenSeq2SeqError as error:
        return print_error(error)
    print(f"{found.words} words of {found.utterances} recordings were compared.")
    print(f"Starts: {found.shifts.start:+.5f} s (standard deviation {found.start_deviation:.5f})")
    print(f"Ends:   {found.shifts.end:+.5f} s (standard deviation {found.end_deviation:.5f})")
    if found.left_out:
        print(
            f"{len(found.left_out)} recordings have no alignment or not as many words as it: "
            f"{', '.join(found.left_out)}"
        )
    print(f"Written: {flags.calibration_out}")
    return 0


def _infer(
    flags: argparse.Namespace, overrides: list[str], alignments: Mapping[str, object]
) -> str:
    """Runs the model over the recordings; returns the file of logits."""
    from open_seq2seq.commands.run import main as run

    with tempfile.TemporaryDirectory() as folder:
        source = _recordings(Path(flags.audio), alignments, Path(folder))
        code = run(
            [
                f"--config_file={flags.config_file}",
                "--mode=infer",
                f"--infer_output_file={flags.infer_output_file}",
                "--overwrite",
                "--decoder_params/infer_logits_to_pickle=True",
                # Only the logits are looked at: no beam search is needed for them.
                "--decoder_params/use_language_model=False",
                *overrides,
                *source,
            ]
        )
    if code:
        raise (InputError if code == 2 else RunError)("The model could not be run over them.")
    return str(flags.infer_output_file)


def _recordings(audio: Path, alignments: Mapping[str, object], folder: Path) -> list[str]:
    """The arguments of run.py that name the recordings, without those that have no alignment.

    Args:
      folder: for a manifest of these.
    """
    from open_seq2seq.data.manifest import read_manifests
    from open_seq2seq.stored_logits.calibration import REMEDY, aligned_names

    if not audio.exists():
        problem = Problem(str(audio), "nothing", "a manifest, or a folder of recordings", REMEDY)
        raise InputError("Nothing to calibrate with:", [problem])
    manifest = f"--data_layer_params/dataset_files={[str(audio)]!r}"
    if audio.is_dir():
        endings = {".wav", ".flac", ".mp3", ".ogg", ".opus"}
        names = sorted(str(p) for p in audio.rglob("*") if p.suffix.lower() in endings)
    else:
        utterances = read_manifests([str(audio)], need_transcript=False)
        if any(one.offset is not None for one in utterances):
            return [manifest]
        names = [one.path for one in utterances]
    chosen = aligned_names(names, alignments)
    if not chosen:
        found = f"{len(names)} recordings, none of them aligned" if names else "no recordings"
        expected = f"recordings that are named as the alignments: {next(iter(alignments))}, ..."
        raise InputError("Nothing to calibrate with:", [Problem(str(audio), found, expected)])
    print(f"{len(chosen)} of {len(names)} recordings have an alignment.")
    if audio.is_dir():
        return ["--infer_files", *chosen]
    if len(chosen) == len(names):
        return [manifest]
    path = folder / "aligned.csv"
    write_csv(path, [{"wav_filename": os.path.abspath(name)} for name in chosen])
    return [f"--data_layer_params/dataset_files={[str(path)]!r}"]
