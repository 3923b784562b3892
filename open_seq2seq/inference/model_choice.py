"""Which of an exported folder's models is run."""

from __future__ import annotations

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.exported import ExportedModel
from open_seq2seq.inference.runtimes import RUNTIMES, is_installed, not_installed

# The order in which precisions are chosen where none is asked for: as in training first.
_PRECISIONS = ("float32", "float16", "bfloat16", "int8")


def choose_model(
    described: ExportedModel, runtime: str | None = None, precision: str | None = None
) -> str:
    """The name of the model to run.

    Of those that fit, the most precise one, of an installed runtime, the fastest of these first.

    Args:
      described: the folder.
      runtime: a name of `RUNTIMES`; None: any.
      precision: "float32", "int8" and so on; None: any.

    Raises:
      InputError: there is none, or its runtime is not installed.
    """
    fitting = fitting_models(described, runtime, precision)
    names = [name for name in fitting if is_installed(described.files[name].runtime or "")]
    if not names:
        raise not_installed(described.files[fitting[0]].runtime or "")
    return names[0]


def fitting_models(
    described: ExportedModel, runtime: str | None = None, precision: str | None = None
) -> list[str]:
    """The names of all models that fit, in the order of choice; the arguments as `choose_model`.

    Raises:
      InputError: there is none.
    """
    models = [
        (name, file)
        for name, file in described.files.items()
        if file.is_model and file.runtime in RUNTIMES
    ]
    fitting = [
        (name, file)
        for name, file in models
        if runtime in (None, file.runtime) and precision in (None, file.precision)
    ]
    if not fitting:
        wanted = " ".join(one for one in (precision, runtime) if one)
        there = ", ".join(f"{file.precision} {file.runtime}" for _, file in models) or "none"
        unknown = runtime is not None and runtime not in RUNTIMES
        remedy = f"The runtimes are {', '.join(RUNTIMES)}." if unknown else ""
        problem = Problem("models", there, wanted or f"one for {', '.join(RUNTIMES)}", remedy)
        raise InputError("The exported model has none for this runtime and precision:", [problem])
    order, runtimes = dict(zip(_PRECISIONS, range(len(_PRECISIONS)))), list(RUNTIMES)

    def rank(name: str) -> tuple[int, int, bool]:
        file = described.files[name]
        # One recording at a time is faster than batches of one, which have masks.
        masks = file.batch is None
        place = runtimes.index(file.runtime or "")
        return order.get(file.precision or "", len(order)), place, masks

    return sorted((name for name, _ in fitting), key=rank)
