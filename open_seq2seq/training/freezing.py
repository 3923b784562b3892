"""Which variables are trained: `freeze_variables_regex`."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import numpy as np

from open_seq2seq.checkpoints.variables import named_variables
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.models.speech2text import Speech2Text
from open_seq2seq.tensors import Variable

_log = logging.getLogger(__name__)


# The variable scopes of OpenSeq2Seq.
_OLD_ENCODERS = {"TDNNEncoder": "w2l_encoder", "DeepSpeech2Encoder": "ds2_encoder"}
_OLD_DECODER = "fully_connected_ctc_decoder"
_SHOWN = 8


def trainable_variables(model: Speech2Text, freeze: str | None) -> list[Variable]:
    """The variables to train: all but those whose name starts with a match of `freeze`.

    A name is ours (`encoder/conv11/kernel`) or OpenSeq2Seq's
    (`ForwardPass/w2l_encoder/conv11/kernel:0`). The batch-norm statistics of frozen layers still
    follow the data.

    Raises:
      InputError: `freeze` is no regular expression, or matches no variable, or all.
    """
    named = named_variables(model.trainable_variables)
    if not freeze:
        return list(named.values())
    try:
        pattern = re.compile(freeze)
    except re.error as error:
        raise _refused(freeze, f"not a regular expression ({error})", list(named)) from error
    frozen = {
        name: variable
        for name, variable in named.items()
        if any(pattern.match(alias) for alias in _aliases(name, type(model.encoder).__name__))
    }
    if not frozen:
        raise _refused(freeze, "a match of no variable", list(named))
    trained = [variable for name, variable in named.items() if name not in frozen]
    if not trained:
        raise _refused(freeze, "a match of every variable, so that nothing is trained", list(named))
    count = sum(int(np.prod(variable.shape)) for variable in frozen.values())
    _log.info(
        f"freeze_variables_regex: {len(frozen)} of {len(named)} variables are frozen, "
        f"{count:,} parameters; {len(trained)} are trained."
    )
    return trained


def _aliases(name: str, encoder: str) -> list[str]:
    """A variable's own name and those it had in OpenSeq2Seq."""
    component, _, rest = name.partition("/")
    old = _OLD_DECODER if component == "decoder" else _OLD_ENCODERS.get(encoder, component)
    return [name, f"ForwardPass/{old}/{rest}:0"]


def _refused(freeze: str, found: str, names: Sequence[str]) -> InputError:
    shown = ", ".join([*names[: _SHOWN // 2], "...", *names[-_SHOWN // 2 :]])
    if len(names) <= _SHOWN:
        shown = ", ".join(names)
    expected = f"a match of some of the {len(names)} variables from the start of their names"
    return InputError(
        "The variables cannot be frozen:",
        [
            Problem(
                "freeze_variables_regex", f"{freeze!r}, {found}", expected, f"They are: {shown}."
            )
        ],
    )
