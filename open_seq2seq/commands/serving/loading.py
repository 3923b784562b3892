"""The models of a command line: what loads each, by the name that requests call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported import DESCRIPTION
from open_seq2seq.inference.recognizer import Recognizer

_SUMMARY = "The models cannot be served:"


def loaders_of(
    models: Sequence[str], overrides: Sequence[str], threads: int | None
) -> dict[str, Callable[[], Recognizer]]:
    """What loads the models.

    Args:
      models: `PATH` or `NAME=PATH`.
      overrides: of parameters.
      threads: of exported models; None: all cores.

    Raises:
      InputError: one is no model, or two have a name.
    """
    loaders: dict[str, Callable[[], Recognizer]] = {}
    problems = []
    for given in models:
        name, _, path = given.rpartition("=")
        place = Path(path)
        name = name or (place.parent if place.suffix == ".py" else place).resolve().name
        if name in loaders:
            remedy = f"Name them: one={path} other=..."
            problems.append(
                Problem(given, f"a second model named {name}", "names of their own", remedy)
            )
        elif not place.exists():
            problems.append(_nothing(given))
        loaders[name] = partial(load_served, place, tuple(overrides), threads)
    if problems:
        raise InputError(_SUMMARY, problems)
    return loaders


def _nothing(given: str) -> Problem:
    return Problem(given, "nothing of that name", "an exported folder, a log directory or a config")


def load_served(place: Path, overrides: Sequence[str], threads: int | None) -> Recognizer:
    """A model of the command line.

    Raises:
      InputError: it cannot be loaded.
    """
    if not place.exists():  # it was there when the server began
        raise InputError(_SUMMARY, [_nothing(str(place))])
    if (place / DESCRIPTION).is_file():
        # A thread each, as many at once as there are: the most streams for what a core does.
        return Recognizer.load(place, overrides, threads=threads, stream_threads=1)
    if place.is_file():
        return Recognizer.load(place, overrides)
    from open_seq2seq.commands.run import make_parser
    from open_seq2seq.commands.stored_run import stored_run
    from open_seq2seq.training.transfer import named_checkpoint

    checkpoint = named_checkpoint(place, True, "the model")
    run = stored_run(checkpoint, make_parser())
    if run is None:
        found, expected = "no record of the run beside it", "run_*.json and config_*.py"
        problem = Problem(str(checkpoint), found, expected, "Serve its config, or export it.")
        raise InputError(_SUMMARY, [problem])
    given = [*run.overrides, f"--logdir={run.logdir}", *overrides]
    return Recognizer.load(run.config, given, checkpoint, run.enable_logs)
