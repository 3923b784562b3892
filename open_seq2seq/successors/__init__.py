"""What became of the things that OpenSeq2Seq's documentation names.

One table for the messages (`hint`), for docs/from_openseq2seq.md and for the tests that hold both
against what is there. Standard library only: it is asked before anything else is imported.
"""

from open_seq2seq.successors.lookup import PAGE, TABLES, answer, find, hint
from open_seq2seq.successors.row import NOT_HERE, REPLACED, WORKS, Row

__all__ = ["NOT_HERE", "PAGE", "REPLACED", "TABLES", "WORKS", "Row", "answer", "find", "hint"]
