"""End-to-end CTC speech recognition, driven by Python config modules."""

from open_seq2seq.greetings import hold_back
from open_seq2seq.successors.finder import install
from open_seq2seq.version import __version__

__all__ = ["__version__"]

hold_back()
install()
