"""The model of a command line, with its utterances."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from open_seq2seq.commands.scoring.flags import model_options, rules_of
from open_seq2seq.commands.scoring.inputs import Tables
from open_seq2seq.commands.scoring.log import SampleLog
from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.inference.runtimes import is_installed
from open_seq2seq.scoring.devices import EXACT, Device, parse_device
from open_seq2seq.scoring.gna.layer_report import LayerError, layer_errors, report_lines
from open_seq2seq.scoring.gna.model import IntegerModel, integer_model, suggested_scale
from open_seq2seq.scoring.gna.scale_factors import input_scale_factor, signed_scale_factor
from open_seq2seq.scoring.kaldi_model import KaldiModel
from open_seq2seq.scoring.model import Arrays, Port, ScoringModel
from open_seq2seq.scoring.named_lists import Named, assigned, parse_list
from open_seq2seq.scoring.online_ivectors import OnlineRows
from open_seq2seq.scoring.opening import float_network, import_model, open_model
from open_seq2seq.scoring.utterances import Utterances


@dataclass
class Loaded:
    """A model that is ready.

    Args:
      model: it.
      utterances: of the files of `-i`; None: there are none.
      scales: the inputs' factors, where it computes in whole numbers.
      layers: each layer's error against float; empty: not asked for.
    """

    model: ScoringModel
    utterances: Utterances | None
    scales: dict[str, float] = field(default_factory=dict)
    layers: list[LayerError] = field(default_factory=list)
    _largest: dict[str, float] = field(default_factory=dict)

    def observe(self, inputs: Arrays) -> None:
        """Looks at an utterance's features, for the scale factor that would fit all of them."""
        if isinstance(self.model, IntegerModel):
            for name, array in inputs.items():
                largest = float(np.abs(array).max(initial=0.0))
                self._largest[name] = max(self._largest.get(name, 0.0), largest)

    def report(self, log: SampleLog) -> None:
        """Says what the arithmetic did: layers' errors, saturation, the factor that would fit."""
        if not isinstance(self.model, IntegerModel):
            return
        if self.layers:
            log.result("Layers in whole numbers against float, on the first utterance:")
            for line in report_lines(self.layers):
                log.result(line)
        counts = {name: count for name, count in self.model.quantized.saturations.items() if count}
        if counts:
            listed = ", ".join(f"{name} {count}" for name, count in counts.items())
            log.warning(f"Numbers that did not fit and were cut: {listed}.")
        else:
            log.info("No number was too large for its bits.")
        for name, largest in self._largest.items():
            log.info(
                f"Suggested scale factor for {name}: {suggested_scale(largest):.7f} (the largest "
                f"feature of all utterances is {largest:.6g}; {self.scales[name]:.7f} was used)"
            )

    def layer_times(self, log: SampleLog) -> None:
        """Says how long each layer took in the last run: `-pc`."""
        session = getattr(self.model, "session", None)
        if session is None or not hasattr(session, "layer_times"):
            log.info("-pc: GNA's cycle counts are the hardware's; NumPy counts no layers' times.")
            return
        log.info("Performance counts of the last call:")
        for name, kind, milliseconds in session.layer_times():
            log.info(f"  {name}  {kind}  {milliseconds:.4f} ms")

    def export(self, path: str) -> None:
        """Writes the compiled model.

        Raises:
          RunError: it has none, or it cannot be written.
        """
        if isinstance(self.model, IntegerModel):
            from open_seq2seq.scoring.gna.saved import save

            save(path, self.model.quantized)
            return
        session = getattr(self.model, "session", None)
        if session is None or not hasattr(session, "export"):
            raise RunError(
                f"{self.model.about} has no compiled form. -wg writes one of OpenVINO's devices "
                "and of GNA's arithmetic (-d GNA_SW_EXACT)."
            )
        session.export(path)


def load(
    flags: argparse.Namespace, tables: Tables, outputs: tuple[str, ...], log: SampleLog
) -> Loaded:
    """The model, opened for the device, and the utterances paired.

    Args:
      flags: the command line.
      tables: the files of `-i`.
      outputs: names of outputs that are wanted.
      log: for news.

    Raises:
      OpenSeq2SeqError: something cannot be used.
    """
    device = parse_device(flags.device)
    if device.note:
        log.info(device.note)
    if device.kind != EXACT and flags.runtime in (None, "openvino") and is_installed("openvino"):
        log.info("Creating OpenVINO Runtime Core")
    if flags.import_gna_model:
        log.info(f"Importing the model: {flags.import_gna_model}")
        if flags.scale_factor:
            log.warning("-sf: the scale factors are those of the compiled model.")
        model = import_model(flags.import_gna_model, device, model_options(flags, outputs))
        loaded = Loaded(model, _paired(tables, model.inputs, log))
        if isinstance(loaded.model, IntegerModel):
            loaded.scales = dict(loaded.model.quantized.input_scales)
    elif device.kind == EXACT:
        loaded = _load_integer(flags, device, tables, outputs, log)
    else:
        if flags.scale_factor:
            log.info("-sf: scale factors are of GNA's arithmetic; the device needs none.")
        log.info(f"Reading the model: {flags.model}")
        log.info("Loading the model to the plugin")
        model = open_model(flags.model, model_options(flags, outputs))
        loaded = Loaded(model, _paired(tables, model.inputs, log))
    if isinstance(loaded.model, KaldiModel):
        loaded.model.online_rows = OnlineRows(flags.online_ivector_period, flags.frames_per_chunk)
    for note in loaded.model.notes:
        log.info(note)
    log.info(f"Computed by {loaded.model.about} in {loaded.model.precision}.")
    return loaded


def _paired(tables: Tables, ports: Sequence[Port], log: SampleLog) -> Utterances | None:
    """The tables by the model's inputs.

    Raises:
      InputError: there are more or fewer, or a name is unknown.
    """
    if not tables:
        return None
    names = [one.name for one in ports]
    elements = [Named(one.name, str(place)) for place, (one, _) in enumerate(tables)]
    if len(names) == 1 and len(elements) == 1:
        # The only one, by whatever name a converter gave it.
        by_name = {names[0]: elements[0].value}
    else:
        by_name = assigned(elements, names, "-i")
    missing = [name for name in names if name not in by_name]
    if missing:
        found = f"{len(tables)} file(s), none for {', '.join(missing)}"
        expected = f"one for each input: {', '.join(f'{name}=file' for name in names)}"
        raise InputError("Features are missing:", [Problem("-i", found, expected)])
    ordered = {name: tables[int(by_name[name])][1] for name in names}
    utterances = Utterances(ordered, ports)
    for note in utterances.notes:
        log.warning(note)
    return utterances


def _load_integer(
    flags: argparse.Namespace,
    device: Device,
    tables: Tables,
    outputs: tuple[str, ...],
    log: SampleLog,
) -> Loaded:
    log.info(f"Reading the model: {flags.model}")
    options = model_options(flags, outputs)
    network, notes = float_network(Path(flags.model), options)
    ports = [Port(one.name, one.dim, one.per_utterance) for one in network.inputs]
    utterances = _paired(tables, ports, log)
    first = utterances.inputs(utterances.keys[0]) if utterances else None
    scales = _scale_factors(flags, ports, first, log)
    log.info("Loading the model to the plugin")
    model = integer_model(network, first, scales, rules_of(flags), notes)
    loaded = Loaded(model, utterances, scales)
    if flags.layer_report and first is not None:
        loaded.layers = layer_errors(network, model.quantized, first)
    return loaded


def _scale_factors(
    flags: argparse.Namespace, ports: Sequence[Port], first: Arrays | None, log: SampleLog
) -> dict[str, float]:
    """The inputs' factors: of `-sf`, or of the first utterance."""
    names = [one.name for one in ports]
    given = parse_list(flags.scale_factor, "-sf", colon=True)
    numbers = {}
    if len(given) == 1 and given[0].name is None:
        numbers = dict.fromkeys(names, given[0].value)
    elif given:
        numbers = assigned(given, names, "-sf")
        missing = [name for name in names if name not in numbers]
        if missing:
            problem = Problem("-sf", f"none for {', '.join(missing)}", "one for each input, or one")
            raise InputError("Scale factors are missing:", [problem])
    if numbers:
        scales = {name: _positive(value) for name, value in numbers.items()}
    else:
        if first is None or flags.quantization == "user":
            problem = Problem("-q user" if first is not None else "-wg", "no -sf", "scale factors")
            raise InputError("Scale factors are missing:", [problem])
        log.info("Using scale factor(s) calculated from first utterance")
        scales = {name: input_scale_factor(first[name]) for name in names}
    for name, scale in scales.items():
        log.info(f"For input {name} using scale factor of {scale:.7f}")
        if not numbers and first is not None:
            signed = signed_scale_factor(first[name])
            if abs(signed - scale) > 1e-4 * scale:
                log.info(
                    "(of the largest magnitude, as the C++ sample; the Python one took the "
                    f"largest number with its sign: {signed:.7f})"
                )
    return scales


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        problem = Problem("-sf", text, "a number above 0")
        raise InputError("A scale factor cannot be used:", [problem])
    return value
