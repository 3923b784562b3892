"""DeepSpeech's error codes, and the exception that carries them."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.errors import InputError, Problem

NO_MODEL = 0x1000
INVALID_SCORER = 0x2002
SCORER_NOT_ENABLED = 0x2004
SCORER_UNREADABLE = 0x2005
SCORER_INVALID_LM = 0x2006
SCORER_NO_TRIE = 0x2007
SCORER_INVALID_TRIE = 0x2008
SCORER_VERSION = 0x2009
FAIL_CREATE_STREAM = 0x3004
FAIL_CREATE_MODEL = 0x3007
FAIL_INSERT_HOT_WORD = 0x3008
FAIL_ERASE_HOT_WORD = 0x3010

MEANINGS = {
    NO_MODEL: "there is no model",
    INVALID_SCORER: "the scorer does not fit the model",
    SCORER_NOT_ENABLED: "no external scorer is enabled",
    SCORER_UNREADABLE: "the scorer file cannot be read",
    SCORER_INVALID_LM: "the scorer file holds no language model that can be used",
    SCORER_NO_TRIE: "the scorer file holds no trie with the words",
    SCORER_INVALID_TRIE: "the trie in the scorer file is damaged",
    SCORER_VERSION: "the scorer file is of another version",
    FAIL_CREATE_STREAM: "the stream cannot be made",
    FAIL_CREATE_MODEL: "the model cannot be loaded",
    FAIL_INSERT_HOT_WORD: "the hot word cannot be added",
    FAIL_ERASE_HOT_WORD: "the hot word cannot be erased",
}


class DeepSpeechError(InputError, RuntimeError):
    """What DeepSpeech's calls raise, a `RuntimeError`; ours, an `InputError`, at the same time.

    Args:
      call: DeepSpeech's name of the call.
      code: its error code.
      problems: what exactly is wrong.
    """

    def __init__(self, call: str, code: int, problems: Sequence[Problem] = ()):
        self.code = code
        super().__init__(f"{call} failed with '{MEANINGS[code]}' (0x{code:X}).", problems)


class FinishedStream(InputError, RuntimeError):
    """A stream was used after its end.

    Args:
      call: DeepSpeech's name of the call.
    """

    def __init__(self, call: str):
        expected = "a stream that was neither finished nor freed"
        problem = Problem(call, "one that was", expected, "Model.createStream begins another.")
        super().__init__("The stream has ended:", [problem])
