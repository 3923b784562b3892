"""What became of recordings, as files: CSV, JSON lines, CTM, and SRT and WebVTT subtitles.

`TextFormat` is chosen by a file's ending (`text_format`). Each format turns a `Transcript` into a
piece of text; `transcript_writer` writes them, one after the other, as they come.
"""

from open_seq2seq.transcripts.formats import TextFormat, text_format
from open_seq2seq.transcripts.names import recording_names
from open_seq2seq.transcripts.transcript import Transcript
from open_seq2seq.transcripts.writer import output_files, transcript_writer

__all__ = [
    "TextFormat",
    "Transcript",
    "output_files",
    "recording_names",
    "text_format",
    "transcript_writer",
]
