"""One file of an exported folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from open_seq2seq.exported.probe import Probe
from open_seq2seq.exported.stream import StreamGraph
from open_seq2seq.files import JsonObject

# Kinds of files. Readers pass over those that they do not know.
MODEL, PART, LM, LEXICON, STREAM = "model", "part", "lm", "lexicon", "stream"


@dataclass(frozen=True)
class ExportedFile:
    """What `recognizer.json` says of a file beside it.

    Args:
      kind: "model": a network with its front-end; "part": belongs to a model (OpenVINO's weights,
        the variables of a SavedModel); "lm", "lexicon": the decoder's; "stream": the same network
        for streams, piece by piece; others have no meaning here.
      runtime: of a model or stream, what runs it: a name of `inference.runtimes.RUNTIMES`.
      precision: of these, "float32", "int8" and so on.
      batch: of a model, 1 where it takes one recording at a time, whose length is that of the
        array; None: any number of them, with masks inside.
      of: of a part, the model's name.
      probe: of a model or stream, what it gives for the probe signal; None: not known.
      quantization: of a quantised model or stream, its "kind" as `--quantize` has it, and what
        stays in "float32", in words; None: all of it.
      error_rates: of a model, greedy: "wer" and "cer" on so many "utterances"; None: not known.
      stream: of a stream, and of a model that has a signature for streams, its state, and how it is
        used.
      sha256: of the content, 64 hexadecimal digits; "" until it is written.
      size: bytes.
    """

    kind: str
    runtime: str | None = None
    precision: str | None = None
    batch: int | None = None
    of: str | None = None
    probe: Probe | None = None
    sha256: str = ""
    size: int = 0
    quantization: JsonObject | None = None
    error_rates: Mapping[str, float] | None = None
    stream: StreamGraph | None = None

    @property
    def is_model(self) -> bool:
        """Whether it can be run."""
        return self.kind == MODEL

    def to_json(self) -> JsonObject:
        """As in `recognizer.json`."""
        value: dict[str, Any] = {"sha256": self.sha256, "size": self.size, "kind": self.kind}
        if self.is_model or self.stream is not None:
            value |= {"runtime": self.runtime, "precision": self.precision}
            value["probe"] = self.probe and self.probe.to_json()
            noted = {"quantization": self.quantization, "error_rates": self.error_rates}
            value |= {name: dict(one) for name, one in noted.items() if one is not None}
        if self.is_model:
            value["batch"] = self.batch
        if self.stream is not None:
            value["stream"] = self.stream.to_json()
        if self.of is not None:
            value["of"] = self.of
        return value

    @classmethod
    def from_json(cls, value: JsonObject) -> ExportedFile:
        """Of a value that `checks` have passed."""
        probe, stream = value.get("probe"), value.get("stream")
        return cls(
            kind=value["kind"],
            runtime=value.get("runtime"),
            precision=value.get("precision"),
            batch=value.get("batch"),
            of=value.get("of"),
            probe=Probe.from_json(probe) if probe is not None else None,
            sha256=value["sha256"],
            size=value["size"],
            quantization=value.get("quantization"),
            error_rates=value.get("error_rates"),
            stream=None if stream is None else StreamGraph.from_json(stream),
        )
