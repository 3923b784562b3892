"""Models of every kind, opened for a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.runtimes import is_installed
from open_seq2seq.interop.kaldi import Network
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.scoring import kinds
from open_seq2seq.scoring.devices import CPU, FLOAT, OPENVINO, Device
from open_seq2seq.scoring.kaldi_model import KaldiModel, KaldiOptions, context_notes, read_prepared
from open_seq2seq.scoring.layout import parse_layouts
from open_seq2seq.scoring.model import ScoringModel
from open_seq2seq.scoring.named_lists import match_name
from open_seq2seq.scoring.sessions.session import TensorSession
from open_seq2seq.scoring.tensor_model import NO_CONTEXT, Context, TensorModel

# What else runs a kind of model, where OpenVINO is not installed.
_OWN_RUNTIME = {kinds.ONNX: "onnxruntime", kinds.LITERT: "litert", kinds.SAVED_MODEL: "tensorflow"}
RUNTIMES = ("openvino", "onnxruntime", "litert", "tensorflow", "numpy")


@dataclass(frozen=True)
class ModelOptions:
    """How a model is opened.

    Args:
      device: where it is computed.
      precision: "f32", "bf16" or "f16".
      runtime: one of `RUNTIMES`; None: OpenVINO where it is installed, else the format's own.
      threads: of the processor; None: all.
      layout: see `parse_layouts`.
      context: `-cw_l` and `-cw_r`.
      outputs: names that are wanted, inner layers too; empty: the model's own.
      first_outputs: without names, so many outputs are wanted; None: all.
      kaldi: of Kaldi's models.
      profile: whether times of layers are kept.
    """

    device: Device = CPU
    precision: str = "f32"
    runtime: str | None = None
    threads: int | None = None
    layout: str | None = None
    context: Context = NO_CONTEXT
    outputs: tuple[str, ...] = ()
    first_outputs: int | None = None
    kaldi: KaldiOptions = field(default_factory=KaldiOptions)
    profile: bool = False

    @property
    def openvino_device(self) -> str:
        """The device's name for OpenVINO: GNA's float mode is the processor's."""
        return "CPU" if self.device.kind == FLOAT else self.device.name


def open_model(path: str | Path, options: ModelOptions = ModelOptions()) -> ScoringModel:
    """A model, for a device of OpenVINO or this library's own evaluation.

    Args:
      path: its file or folder.
      options: how.

    Raises:
      InputError: it cannot be used so.
    """
    path = kinds.model_file(Path(path))
    kind = kinds.model_kind(path)
    if kind == kinds.KALDI:
        return _open_kaldi(path, options)
    if kind == kinds.LOG_DIRECTORY:
        from open_seq2seq.scoring.trained_model import TrainedModel

        return TrainedModel(path)
    if kind == kinds.EXPORTED:
        from open_seq2seq.scoring.trained_model import FolderModel

        return FolderModel(path, options.runtime, options.threads)
    if kind == kinds.INTEGER:
        problem = Problem(f"-m {path}", "a compiled model of -wg", "-rg with it")
        raise InputError("The model is compiled already:", [problem])
    session = _open_session(path, kind, options)
    names = [one.name for one in session.inputs]
    return TensorModel(session, parse_layouts(options.layout, names), options.context)


def float_network(path: Path, options: ModelOptions) -> tuple[Network, list[str]]:
    """A model as a network of Kaldi's layers, which GNA's arithmetic is of, and what is to be said.

    Raises:
      InputError: it cannot be made one.
    """
    path = kinds.model_file(path)
    kind = kinds.model_kind(path)
    if kind == kinds.KALDI:
        network, notes = read_prepared(path, options.kaldi, options.outputs, options.first_outputs)
        return network, notes + context_notes(network, options.context)
    if kind in (kinds.OPENVINO, kinds.ONNX, kinds.LITERT, kinds.SAVED_MODEL):
        from open_seq2seq.scoring.gna.openvino_network import network_of
        from open_seq2seq.scoring.sessions.openvino import read_graph

        return network_of(read_graph(path, options.outputs), str(path))
    problem = Problem(str(path), f"a {kind.replace('_', ' ')}", "a Kaldi model, an IR or ONNX",
                      "-d CPU runs it.")  # fmt: skip
    raise InputError("GNA's arithmetic is of acoustic models on features:", [problem])


def import_model(path: str | Path, device: Device, options: ModelOptions) -> ScoringModel:
    """A compiled model that `-wg` wrote.

    Args:
      path: its file: quantised layers, whatever the device, or OpenVINO's for one device.
      device: of OpenVINO.
      options: how.

    Raises:
      InputError: it cannot be read.
    """
    path = Path(path)
    if kinds.is_integer(path):
        from open_seq2seq.scoring.gna.model import IntegerModel
        from open_seq2seq.scoring.gna.saved import load

        return IntegerModel(load(path))
    from open_seq2seq.scoring.sessions.openvino import import_graph

    name = device.name if device.kind == OPENVINO else "CPU"
    session = import_graph(path, name, options.precision, options.threads)
    names = [one.name for one in session.inputs]
    return TensorModel(session, parse_layouts(options.layout, names), options.context)


def _open_kaldi(path: Path, options: ModelOptions) -> ScoringModel:
    network, notes = read_prepared(path, options.kaldi, options.outputs, options.first_outputs)
    notes += context_notes(network, options.context)
    if options.runtime not in (None, "openvino", "numpy"):
        found = f"--runtime {options.runtime} for a Kaldi model"
        remedy = "open-seq2seq convert writes it for the others."
        raise InputError(
            "The runtime does not fit:", [Problem(str(path), found, "openvino or numpy", remedy)]
        )
    missing = [one for one in ("openvino", "onnx") if find_spec(one) is None]
    if options.runtime == "numpy" or (missing and options.runtime is None):
        _only_on_cpu(options)
        return KaldiModel(network, notes)
    if missing:
        problem = Problem("--runtime openvino", f"no package {' and '.join(missing)}", "both",
                          "pip install 'open-seq2seq[export]'")  # fmt: skip
        raise InputError("The runtime is not installed:", [problem])
    from open_seq2seq.scoring.kaldi_graph import KaldiGraphModel

    return KaldiGraphModel(
        network, notes, options.openvino_device, options.precision, options.threads, options.profile
    )


def _open_session(path: Path, kind: str, options: ModelOptions) -> TensorSession:
    runtime = options.runtime
    own = _OWN_RUNTIME.get(kind)
    if runtime not in (None, "openvino", own):
        found = f"--runtime {runtime} for a model of {kind}"
        expected = " or ".join(filter(None, ("openvino", own)))
        raise InputError("The runtime does not fit:", [Problem(str(path), found, expected)])
    if runtime is None:
        runtime = "openvino" if own is None or is_installed("openvino") else own
    if runtime == "openvino":
        from open_seq2seq.scoring.sessions.openvino import OpenVINOGraph, read_graph

        graph = read_graph(path.parent if path.name == "saved_model.pb" else path, options.outputs)
        device = options.openvino_device
        return OpenVINOGraph(graph, device, options.precision, options.threads, options.profile)
    _only_on_cpu(options)
    if runtime == "onnxruntime":
        from open_seq2seq.scoring.sessions.onnxruntime import OnnxRuntimeGraph

        return OnnxRuntimeGraph(path, options.threads)
    if runtime == "litert":
        from open_seq2seq.scoring.sessions.litert import LiteRTGraph

        return LiteRTGraph(path, options.threads)
    from open_seq2seq.scoring.sessions.tensorflow import TensorFlowGraph

    file = path if path.name == "saved_model.pb" else path / "saved_model.pb"
    return TensorFlowGraph(file, options.threads or available_cores())


def _only_on_cpu(options: ModelOptions) -> None:
    if options.device.kind == OPENVINO and options.device.name not in ("CPU", "AUTO"):
        problem = Problem(f"-d {options.device.name}", "no OpenVINO", "-d CPU, or OpenVINO",
                          "pip install 'open-seq2seq[openvino]'")  # fmt: skip
        raise InputError("The device needs OpenVINO:", [problem])


def output_names(model: ScoringModel, wanted: Sequence[str]) -> list[str]:
    """The outputs that are scored: those that were named, or all.

    Raises:
      InputError: the model has no such output.
    """
    names = [one.name for one in model.outputs]
    matched = [match_name(name, names, "-o, -r, -oname") for name in wanted]
    return list(dict.fromkeys(matched)) or names
