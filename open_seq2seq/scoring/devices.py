"""The names of devices that OpenVINO's speech sample had, and what they are here."""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.errors import InputError, Problem

EXACT, FLOAT, OPENVINO = "exact", "float", "openvino"
_EMULATED = {
    "GNA": EXACT,
    "GNA_AUTO": EXACT,
    "GNA_SW": EXACT,
    "GNA_SW_EXACT": EXACT,
    "GNA_HW_WITH_SW_FBACK": EXACT,
    "GNA_SW_FP32": FLOAT,
}
_OPENVINO = ("CPU", "GPU", "NPU", "AUTO", "HETERO", "MULTI", "BATCH")
DEVICES = ("CPU", "GPU", "NPU", "AUTO", "HETERO:A,B", "GNA_SW_EXACT", "GNA_AUTO", "GNA_SW_FP32")


@dataclass(frozen=True)
class Device:
    """Where a model is computed.

    Args:
      name: as it was given.
      kind: `EXACT`: GNA's integer arithmetic, emulated; `FLOAT`: GNA's float mode, that is float32
        without it; `OPENVINO`: a device of OpenVINO.
    """

    name: str
    kind: str

    @property
    def note(self) -> str:
        """What a user of OpenVINO should know of it; "": nothing."""
        if self.kind == OPENVINO:
            return ""
        text = f"{self.name} is emulated: "
        if self.kind == FLOAT:
            return text + "float32 with exact functions."
        return text + "int16 and int8 arithmetic of GNA, computed on this processor."


CPU = Device("CPU", OPENVINO)


def parse_device(text: str) -> Device:
    """A device by its name.

    Args:
      text: `CPU`, `GNA_SW_EXACT`, `HETERO:GNA_AUTO,CPU` and so on; of HETERO with GNA the first
        device's mode counts, as it did.

    Raises:
      InputError: there is none of this name, or no more.
    """
    name = text.upper()
    first = name.partition("HETERO:")[2].split(",")[0] if name.startswith("HETERO:") else name
    base = first.partition(".")[0]
    if base in _EMULATED:
        return Device(text, _EMULATED[base])
    if base in ("GNA_HW", "GNA_GEN") or base.startswith(("GNA_SSE", "GNA_AVX")):
        remedy = "-d GNA_SW_EXACT computes the same numbers on this processor."
        problem = Problem(f"-d {text}", "GNA's hardware, whose driver nothing here has",
                          "a device that there is", remedy)  # fmt: skip
        raise InputError("The device cannot be used:", [problem])
    if base == "MYRIAD":
        problem = Problem(f"-d {text}", "MYRIAD, which OpenVINO dropped in 2023", "another device",
                          "Neural processors of newer machines are NPU.")  # fmt: skip
        raise InputError("The device cannot be used:", [problem])
    if base.partition(":")[0] in _OPENVINO:
        return Device(name, OPENVINO)
    raise InputError(
        "There is no such device:", [Problem(f"-d {text}", text, f"one of {', '.join(DEVICES)}")]
    )
