"""The words of an STM transcript, without the marks for what is no word."""

from __future__ import annotations

import re
from collections import Counter

# In place of a transcript, or as the speaker: nobody wrote down what is said.
IGNORED = "ignore_time_segment_in_scoring"
GAP = "inter_segment_gap"
UNKNOWN = "<unk>"

_MARK = re.compile(r"<[^<>\s]*>|\{[^{}\s]*\}")
_VARIANT = re.compile(r"(?<=\S)\([0-9]+\)")
_NAME_AT_END = re.compile(r"\s*\([^()\s]*[0-9][^()\s]*\)\s*$")
# TED-LIUM writes "it 's" for "it's".
_CUT_OFF = re.compile(r"(?<=\w) (?='(?:s|m|d|t|re|ve|ll)\b)", re.IGNORECASE)


def plain_words(text: str) -> tuple[str | None, Counter[str]]:
    """The words that are said, one space between, and which marks were taken out.

    Marks are `<unk>`, `<sil>` and the like, noises `{COUGH}`, the number of a pronunciation
    (`read(2)`), the utterance's name in parentheses at the end; parentheses around a word that
    scoring may ignore go, the word stays. Cut-off endings are joined: `it 's` is `it's`.

    Returns:
      The words, None for alternatives (`{ a / b }`), of which nobody knows what is said; and how
      often each mark occurred, in lower case.
    """
    text = _NAME_AT_END.sub("", text)
    marks = Counter(mark.lower() for mark in _MARK.findall(text))
    text = _VARIANT.sub("", _MARK.sub(" ", text))
    if "{" in text or "}" in text:
        return None, marks
    text = " ".join(text.replace("(", " ").replace(")", " ").split())
    return _CUT_OFF.sub("", text), marks
