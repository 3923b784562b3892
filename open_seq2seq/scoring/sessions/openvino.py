"""What OpenVINO reads: IR, ONNX, LiteRT, SavedModel; on all of its devices."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.files import write_whole
from open_seq2seq.inference.runtimes import not_installed
from open_seq2seq.inference.runtimes.loaded_model import first_line, is_installed
from open_seq2seq.inference.runtimes.openvino import openvino_package
from open_seq2seq.scoring.model import VariableState
from open_seq2seq.scoring.sessions.session import Tensor

PRECISIONS = {"f32": "f32", "bf16": "bf16", "f16": "f16", "fp32": "f32", "fp16": "f16"}
_SIGNATURE = "serving_default_"
_REMEDY = "open-seq2seq score -d CPU always works."


class OpenVINOGraph:
    """See `TensorSession`.

    Args:
      model: what `read_model` gave; None where `compiled` was imported.
      device: CPU, GPU, NPU, AUTO, HETERO:..., with OpenVINO's names.
      precision: of the computation: "f32", "bf16" or "f16".
      threads: of a processor; None: all.
      profile: whether times of layers are kept.
      compiled: an imported model.

    Raises:
      InputError: there is no such device, or it cannot run the model.
    """

    def __init__(
        self,
        model: Any,
        device: str,
        precision: str = "f32",
        threads: int | None = None,
        profile: bool = False,
        compiled: Any = None,
    ):
        self.model, self.device = model, device
        if model is not None:
            _keep_memory_apart(model)
        self.keeps_frames = model is not None and _joins_frames(model)
        self._asked = (device, precision, threads, profile)
        self.compiled = compiled or _compiled(model, device, precision, threads, profile)
        self._request = self.compiled.create_infer_request()
        self.about = f"OpenVINO {openvino_package().__version__.split('-')[0]} on {device}"
        self.precision = effective_precision(self.compiled) or precision
        self.inputs = tuple(_tensor(one, _input_name(one)) for one in self.compiled.inputs)
        self.outputs = tuple(_tensor(one, _output_name(one)) for one in self.compiled.outputs)
        self._place = {one.name: place for place, one in enumerate(self.outputs)}

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """See `TensorSession`."""
        given = [feeds[one.name] for one in self.inputs]
        try:
            self._request.infer(given, share_inputs=True)
            # Copies: the next run writes over them.
            return [
                np.array(self._request.get_output_tensor(self._place[name]).data)
                for name in outputs
            ]
        except RuntimeError as error:
            shapes = ", ".join(f"{name} {list(one.shape)}" for name, one in feeds.items())
            raise RunError(
                f"The model fails in OpenVINO on {shapes}: {first_line(error)}"
            ) from error

    def query_state(self) -> list[VariableState]:
        """See `TensorSession`; in the order of names, which OpenVINO's versions do not keep."""
        found = [_variable(one) for one in self._request.query_state()]
        return sorted(found, key=lambda one: one.name)

    def with_shapes(self, shapes: Mapping[str, Sequence[int | None]]) -> OpenVINOGraph | None:
        """See `TensorSession`."""
        if self.model is None:
            return None
        copy = self.model.clone()
        try:
            copy.reshape(
                {
                    place: [-1 if size is None else size for size in shapes[one.name]]
                    for place, one in enumerate(self.inputs)
                    if one.name in shapes
                }
            )
            return OpenVINOGraph(copy, *self._asked)
        except (RuntimeError, InputError):
            return None

    def layer_times(self) -> list[tuple[str, str, float]]:
        """Name, kind and milliseconds of the layers that the last run computed."""
        rows = self._request.get_profiling_info()
        return [
            (one.node_name, one.node_type, one.real_time.total_seconds() * 1000)
            for one in rows
            if one.real_time.total_seconds() > 0
        ]

    def export(self, path: str | Path) -> None:
        """Writes the compiled model, for this device and version of OpenVINO.

        Raises:
          RunError: it cannot be written, or the device cannot do it.
        """
        try:
            blob = self.compiled.export_model()
        except RuntimeError as error:
            raise RunError(
                f"{self.device} exports no compiled model: {first_line(error)}"
            ) from None
        write_whole(path, blob.getvalue() if isinstance(blob, io.BytesIO) else bytes(blob))


def read_graph(path: str | Path, outputs: Sequence[str] = ()) -> Any:
    """OpenVINO's model of a file, with inner layers as further outputs.

    Args:
      path: of an IR, ONNX or LiteRT file, or a SavedModel's folder.
      outputs: names of tensors, `layer:port` or operations.

    Raises:
      InputError: OpenVINO is not installed, or cannot read it; there is no such layer.
    """
    require_openvino()
    try:
        model = openvino_package().Core().read_model(str(path))
    except RuntimeError as error:
        problem = Problem(str(path), f"OpenVINO cannot read it ({_reason(error)})", "a model")
        raise InputError("The model cannot be loaded:", [problem]) from error
    known = {_output_name(one) for one in model.outputs}
    missing = [name for name in outputs if not {name, f"{name}:0", name.removesuffix(":0")} & known]
    for name in missing:
        _add_output(model, name, str(path))
    return model


def parse_graph(content: bytes) -> Any:
    """OpenVINO's model of an ONNX file in memory."""
    return openvino_package().Core().read_model(content)


def import_graph(
    path: str | Path, device: str, precision: str, threads: int | None
) -> OpenVINOGraph:
    """A compiled model that `OpenVINOGraph.export` wrote.

    Raises:
      InputError: it is none, or of another device or version.
    """
    require_openvino()
    content = Path(path).read_bytes()
    try:
        compiled = (
            openvino_package()
            .Core()
            .import_model(io.BytesIO(content), device, _options(device, precision, threads, False))
        )
    except (RuntimeError, ValueError) as error:
        found = f"what OpenVINO cannot import for {device} ({_reason(error)})"
        remedy = "Files of the GNA plugin can be read by it alone: export the model again."
        problem = Problem(str(path), found, "a compiled model of -wg", remedy)
        raise InputError("The compiled model cannot be imported:", [problem]) from error
    return OpenVINOGraph(None, device, precision, threads, False, compiled)


def require_openvino() -> None:
    """Raises InputError where OpenVINO is not installed."""
    if not is_installed("openvino"):
        raise not_installed("openvino")


def effective_precision(compiled: Any) -> str:
    """What a compiled model computes in, as far as the device says it; "" where it does not."""
    try:
        hint = compiled.get_property("INFERENCE_PRECISION_HINT")
    except RuntimeError:
        return ""
    name = hint.get_type_name() if hasattr(hint, "get_type_name") else str(hint)
    return "" if name == "dynamic" else name


def _compiled(model: Any, device: str, precision: str, threads: int | None, profile: bool) -> Any:
    core = openvino_package().Core()
    there = {one.partition(".")[0] for one in core.available_devices}
    missing = [one for one in re.findall(r"\b(CPU|GPU|NPU)\b", device) if one not in there]
    if missing:
        found = f"no {' and no '.join(missing)} that OpenVINO could use"
        expected = f"one that is there: {', '.join(sorted(there))}"
        problem = Problem(f"-d {device}", found, expected, "A driver may be missing.")
        raise InputError("The device cannot be used:", [problem])
    try:
        return core.compile_model(model, device, _options(device, precision, threads, profile))
    except RuntimeError as error:
        problem = Problem(f"-d {device}", _reason(error), "a device that runs the model", _REMEDY)
        raise InputError("The device cannot be used:", [problem]) from error


def _options(device: str, precision: str, threads: int | None, profile: bool) -> dict[str, Any]:
    # Without the precision a processor with bfloat16 computes in it, of its own accord.
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision}
    if threads and device == "CPU":
        options["INFERENCE_NUM_THREADS"] = threads
    if profile:
        options["PERF_COUNT"] = True
    return options


def _keep_memory_apart(model: Any) -> None:
    """Puts an operation that changes nothing before each variable that is written.

    OpenVINO 2026.4 lets a joint of old frames and the new one, which Kaldi's splices became, write
    into the memory that it reads the old frames from: scores are wrong from the first frame on.
    """
    operations = openvino_package().opset13
    for node in model.get_ops():
        if node.get_type_name() == "Assign" and node.get_element_type().is_real():
            source = node.input_value(0)
            if source.get_node().get_type_name() != "Maximum":
                kind = node.get_element_type().to_dtype()
                lowest = np.array(np.finfo(kind).min, kind)
                apart = operations.maximum(source, operations.constant(lowest))
                node.input(0).replace_source_output(apart.output(0))


def _joins_frames(model: Any) -> bool:
    """Whether a variable is old frames with the new one behind them: a splice of Kaldi's."""
    for node in model.get_ops():
        if node.get_type_name() == "Assign":
            source = node.input_value(0).get_node()
            if source.get_type_name() == "Maximum":  # ours
                source = source.input_value(0).get_node()
            if source.get_type_name() == "Concat":
                return True
    return False


def _input_name(port: Any) -> str:
    name = str(port.any_name) if port.names else str(port.node.friendly_name)
    # TensorFlow's converters put a signature's name before that of the input.
    if name.startswith(_SIGNATURE):
        return name.removeprefix(_SIGNATURE).removesuffix(":0")
    return name


def _output_name(port: Any) -> str:
    if port.names:
        names = sorted(port.names)
        # ONNX's own names of outputs are those of the results; Kaldi's converter wrote `layer:0`.
        result = str(port.node.friendly_name).removesuffix("/sink_port_0")
        return next((name for name in names if name == result or ":" in name), names[0])
    return str(port.node.input_value(0).node.friendly_name)


def _tensor(port: Any, name: str) -> Tensor:
    shape = port.partial_shape
    sizes = None
    if not shape.rank.is_dynamic:
        sizes = tuple(None if one.is_dynamic else one.get_length() for one in shape)
    return Tensor(name, sizes, port.element_type.get_type_name().startswith(("i", "u")))


def _add_output(model: Any, name: str, path: str) -> None:
    layer, _, port = name.partition(":")
    for attempt in (name, f"{name}:0"):
        try:
            model.add_outputs(attempt)
            return
        except RuntimeError:
            pass
    for node in model.get_ordered_ops():
        if node.friendly_name == layer and node.get_output_size() > int(port or 0):
            added = model.add_outputs((layer, int(port or 0)))
            (added if not isinstance(added, list) else added[0]).get_tensor().set_names({name})
            return
    layers = [node.friendly_name for node in model.get_ordered_ops() if node.get_output_size()]
    shown = ", ".join(layers[:20]) + (" ..." if len(layers) > 20 else "")
    raise InputError("The model has no such layer:", [Problem(path, name, f"one of {shown}")])


def _variable(one: Any) -> VariableState:
    package = openvino_package()

    def write(value: np.ndarray) -> None:
        one.state = package.Tensor(np.ascontiguousarray(value, one.state.data.dtype))

    return VariableState(one.name, lambda: np.array(one.state.data), write, one.reset)


def _reason(error: Exception) -> str:
    """The line of OpenVINO's error that says most: the last one, behind places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (told or lines or [type(error).__name__])[-1][:300]
