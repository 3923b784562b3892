"""Who speaks in a recording."""

from __future__ import annotations

import re
from pathlib import PurePath

from open_seq2seq.data.manifest import Utterance

# 84-121123-0007.flac in .../84/121123/: speaker, chapter, utterance.
_LIBRISPEECH = re.compile(r"(\d+)-(\d+)-\d+")


def speaker_of(utterance: Utterance) -> str | None:
    """The speaker of an utterance: as the manifest says, or as LibriSpeech's file names do.

    Returns: a name, None where nothing tells.
    """
    if utterance.speaker is not None:
        return utterance.speaker
    path = PurePath(utterance.path)
    match = _LIBRISPEECH.fullmatch(path.stem)
    # Numbers alone may be dates: the folders have to say the same.
    if match and path.parts[-3:-1] == match.groups():
        return match[1]
    return None
