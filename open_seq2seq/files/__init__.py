"""The one writer of all result files.

What is there is respected: a regular file is written as a draft that takes its name when it is
whole, with the rights, the owner and the hard links that the file had; a symbolic link is followed
and stays; a device, a FIFO or a socket is opened and written, and `/dev/stdout` prints.

* `write_whole`, `write_csv`: content that is there as a whole;
* `result_stream`: what comes bit by bit: it is kept, as `NAME.partial`, if it ends early;
* `replaced`: a draft's name for others (libraries, programs) to write to;
* `append_text`, `append_json_line`: one more line of a record, whole or not at all;
* `read_json`, `read_json_lines`, `mend_json_lines`: records, also after a full disk or a crash;
* `check_writable`, `check_folder`: say before any work whether a file or a folder can be written;
  `check_outputs`: of all files that a command line asks for.

Each says what is wrong in a sentence of its own (`unwritable`).
"""

from open_seq2seq.files.outputs import check_outputs
from open_seq2seq.files.places import (
    check_folder,
    check_writable,
    draft_of,
    is_standard_output,
)
from open_seq2seq.files.records import (
    NUMBER,
    JsonObject,
    append_json_line,
    append_text,
    mend_json_lines,
    misfits,
    parsed_json,
    read_json,
    read_json_lines,
)
from open_seq2seq.files.stream import ResultStream, result_stream
from open_seq2seq.files.tables import csv_line, csv_text, write_csv
from open_seq2seq.files.whole import replaced, write_whole
from open_seq2seq.files.wording import unwritable

__all__ = [
    "NUMBER",
    "JsonObject",
    "ResultStream",
    "append_json_line",
    "append_text",
    "check_folder",
    "check_outputs",
    "check_writable",
    "csv_line",
    "csv_text",
    "draft_of",
    "is_standard_output",
    "mend_json_lines",
    "misfits",
    "parsed_json",
    "read_json",
    "read_json_lines",
    "replaced",
    "result_stream",
    "unwritable",
    "write_csv",
    "write_whole",
]
