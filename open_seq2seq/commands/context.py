"""What each layer of a model sees before and after its place, in milliseconds, and the latency.

    open-seq2seq context --config_file=my_config.py

shows it from the front-end to the last layer, which of them needs the whole utterance and what to
set instead, and what a stream waits for. No checkpoint and no data are needed. Other arguments
override the config's parameters, as in run.py (--encoder_params/look_ahead=20).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    parser.add_argument("--config_file", "--config", required=True, help="the Python config module")
    flags, rest = parser.parse_known_args(arguments)
    try:
        print(context_text(flags.config_file, rest, tuple(vars(flags))))
    except OpenSeq2SeqError as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def context_text(config_file: str, rest: Sequence[str], flags: Sequence[str] = ()) -> str:
    """The table of a config's model, and what follows from it.

    Args:
      config_file: the config.
      rest: overrides of its parameters.
      flags: names of the command line that are no parameters, for suggestions.

    Raises:
      InputError: the config or the overrides cannot be used.
    """
    from open_seq2seq.config.loading import load_config
    from open_seq2seq.config.overrides import split_arguments
    from open_seq2seq.errors import InputError, Problem
    from open_seq2seq.experiment import effective_params
    from open_seq2seq.features.extractor import FeatureExtractor
    from open_seq2seq.models.speech2text import make_encoder
    from open_seq2seq.streaming.context import model_context, total_of

    config = load_config(config_file)
    if config.base_model.task != "speech":
        problem = Problem(str(config.path), "a language model", "the config of a speech model")
        raise InputError("There is no sound to see:", [problem])
    params = effective_params(config, split_arguments(rest), "interactive_infer", flags)
    filled = config.base_model.PARAMS.fill(params)
    extractor = FeatureExtractor(filled["data_layer_params"])
    encoder = make_encoder(filled)
    stages = model_context(extractor, encoder)
    total = total_of(stages)
    width = max(len(one.name) for one in stages)
    lines = [f"{'milliseconds':{width}}  {'before':>9}  {'after':>9}"]
    for one in [*stages, total]:
        mark = "  needs the whole utterance" if one.problems and one is not total else ""
        lines.append(f"{one.name:{width}}  {_shown(one.left):>9}  {_shown(one.right):>9}{mark}")
    row = extractor.hop_length * encoder.time_stride / extractor.sample_freq
    lines += ["", f"A row of log-probabilities comes each {row * 1000:g} ms."]
    if total.problems:
        lines.append("There is no stream of this model, only one of windows that overlap:")
        lines += [f"  - {problem}" for problem in total.problems]
    else:
        lines.append(
            f"In a stream each waits for {_shown(total.right)} ms of sound after its place, and "
            "for its chunk to be full."
        )
    return "\n".join(lines)


def _shown(seconds: float) -> str:
    return "all" if math.isinf(seconds) else f"{seconds * 1000:.1f}"
