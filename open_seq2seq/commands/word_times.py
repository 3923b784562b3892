"""Word times from stored logits, as a CSV.

    open-seq2seq word_times --dumpfile=logits.pkl --calibration_file=calibration.txt \\
        --save_file=times.csv

The dump is what `run.py --mode=infer --decoder_params/infer_logits_to_pickle=True` writes.
Times are those of greedy decoding, moved by --start_shift and --end_shift, or by what
scripts/calibrate_model.py found, or (with a warning) not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.files import check_outputs


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument
    add("--dumpfile", required=True, help="the logits: a pickle or .npz")
    add("--start_shift", type=float, help="seconds added to the starts of words")
    add("--end_shift", type=float, help="seconds added to the ends of words")
    add("--calibration_file", help="shifts that scripts/calibrate_model.py wrote")
    add("--save_file", default="sample.csv", help="the CSV (default: sample.csv)")
    add("--labels", help="the manifest, for logits without names")
    add("--vocab", help="one character per line, for logits without symbols")
    add("--bpe_model", help="the SentencePiece model, for subwords")
    add("--blank", type=int, metavar="CLASS", help="class of the blank in the logits (the last)")
    add("--step_size", type=float, help="seconds per frame, where the dump doesn't say it")
    flags = parser.parse_args(arguments)
    # After the flags: `--help` need not wait.
    from open_seq2seq.stored_logits.stored import read_stored
    from open_seq2seq.stored_logits.word_times import choose_shifts, word_times, write_word_times

    try:
        check_outputs({"--save_file": flags.save_file})
        shifts, notes = choose_shifts(flags.start_shift, flags.end_shift, flags.calibration_file)
        stored = read_stored(
            flags.dumpfile,
            flags.labels,
            flags.vocab,
            flags.bpe_model,
            flags.step_size,
            blank=flags.blank,
        )
        words = word_times(stored.utterances, stored.vocabulary, stored.step_size, shifts)
        write_word_times(flags.save_file, stored.utterances, words)
    except OpenSeq2SeqError as error:
        return print_error(error)
    for note in [*stored.notes, *notes]:
        print(note, file=sys.stderr)
    print(f"Times of {sum(map(len, words))} words in {len(words)} recordings: {flags.save_file}")
    return 0
