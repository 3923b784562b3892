"""`recognizer.json`: all that a program needs to know of the model files beside it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from open_seq2seq.config.schema import Params
from open_seq2seq.exported.checks import FORMAT, PATH
from open_seq2seq.exported.file import ExportedFile
from open_seq2seq.exported.integrity import digest, file_in, verify
from open_seq2seq.exported.reading import parse_description, read_description
from open_seq2seq.files import JsonObject, write_whole

DESCRIPTION = "recognizer.json"


class Context(NamedTuple):
    """The receptive field of a row of log-probabilities, in seconds; None: unlimited.

    Args:
      left: before the row's place.
      right: from its place on: the least delay of a stream.
    """

    left: float | None
    right: float | None


_UNLIMITED = Context(None, None)


@dataclass(frozen=True)
class ExportedModel:
    """An exported folder as `recognizer.json` describes it.

    Each model takes `samples` `[batch, n]` float32 in [-1, 1] at `sample_freq` and `num_samples`
    `[batch]` int32, and gives `log_probs` `[batch, time, class]` float32 (natural logarithms, the
    blank last) and `lengths` `[batch]` int32.

    Args:
      sample_freq: Hz.
      symbols: the text of each class but the blank, which is the last one.
      frame_shift: seconds from one row of log-probabilities to the next.
      time_stride: feature frames of a row.
      hop_length: samples of a feature frame.
      decoder: parameters of the decoder, filled; those that end in `_path` are None or names of
        files of the folder.
      segmentation: how long recordings are cut, filled.
      front_end: "options" that change features (`FeatureOptions.used`), and the "fingerprint" of
        the checkpoint.
      files: by their names, relative to the folder and with `/`.
      context: the receptive field.
      text_normalization: what transcripts were written with in training (`data_layer_params`), for
        those that the model is evaluated on; None: as they are.
      trained_on: "longest" and "mean" of training's recordings, in seconds; None: unknown.
      versions: of what wrote the folder.
      origin: the config, checkpoint, step and date, and whatever else tells where it is from.
    """

    sample_freq: int
    symbols: tuple[str, ...]
    frame_shift: float
    time_stride: int
    hop_length: int
    decoder: Params
    segmentation: Params
    front_end: JsonObject = field(default_factory=lambda: {"options": {}, "fingerprint": {}})
    files: Mapping[str, ExportedFile] = field(default_factory=dict)
    context: Context = _UNLIMITED
    text_normalization: str | None = None
    trained_on: Mapping[str, float] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    origin: JsonObject = field(default_factory=dict)

    @property
    def blank(self) -> int:
        """The blank's class."""
        return len(self.symbols)

    @classmethod
    def read(cls, folder: str | Path) -> ExportedModel:
        """The description in a folder; the files beside it are not looked at, see `checked`.

        Raises:
          InputError: it is missing, damaged, or of a newer version.
        """
        value = read_description(Path(folder) / DESCRIPTION)
        return cls(
            sample_freq=value["sample_freq"],
            symbols=tuple(value["symbols"]),
            frame_shift=float(value["frame_shift"]),
            time_stride=value["time_stride"],
            hop_length=value["hop_length"],
            decoder=value["decoder"],
            segmentation=value["segmentation"],
            front_end=value["front_end"],
            files={name: ExportedFile.from_json(one) for name, one in value["files"].items()},
            context=Context(value["context"]["left"], value["context"]["right"]),
            text_normalization=value.get("text_normalization"),
            trained_on=value["trained_on"],
            versions=value["versions"],
            origin=value["origin"],
        )

    def write(self, folder: str | Path) -> ExportedModel:
        """Describes the files that are in a folder: the last step of an export.

        Returns: the description with their hashes and sizes.

        Raises:
          InputError: a file is missing or outside the folder, or the description cannot be read
            again.
          RunError: it cannot be written.
        """
        folder = Path(folder)
        files = {}
        for name, one in self.files.items():
            path = file_in(folder, name)
            files[name] = replace(one, sha256=digest(path), size=path.stat().st_size)
        written = replace(self, files=files)
        content = json.dumps(written.to_json(), indent=1, ensure_ascii=False) + "\n"
        parse_description(content.encode(errors="surrogatepass"), folder / DESCRIPTION)
        write_whole(folder / DESCRIPTION, content)
        return written

    def to_json(self) -> JsonObject:
        """The value that `recognizer.json` holds."""
        return {
            "format": FORMAT,
            "sample_freq": self.sample_freq,
            "symbols": list(self.symbols),
            "blank": self.blank,
            "frame_shift": self.frame_shift,
            "time_stride": self.time_stride,
            "hop_length": self.hop_length,
            "context": self.context._asdict(),
            "front_end": dict(self.front_end),
            "decoder": dict(self.decoder),
            "segmentation": dict(self.segmentation),
            "text_normalization": self.text_normalization,
            "trained_on": None if self.trained_on is None else dict(self.trained_on),
            "versions": dict(self.versions),
            "origin": dict(self.origin),
            "files": {name: one.to_json() for name, one in self.files.items()},
        }

    # --- its files

    def parts_of(self, name: str) -> list[str]:
        """A model's files: itself, and the parts that belong to it."""
        return [name, *(part for part, one in self.files.items() if one.of == name)]

    def size_of(self, name: str) -> int:
        """Bytes of a model with its parts."""
        return sum(self.files[one].size for one in self.parts_of(name))

    def checked(self, folder: str | Path, names: list[str]) -> list[Path]:
        """The paths of files of the folder, whose hashes are those of the description.

        Raises:
          InputError: one is missing, damaged, or leads out of the folder.
        """
        verify(Path(folder), {name: self.files[name] for name in names})
        return [file_in(Path(folder), name) for name in names]

    def decoder_paths(self, folder: str | Path, but: Collection[str] = ()) -> dict[str, str]:
        """The decoder's parameters that name files, with the paths of these, which are checked.

        Args:
          folder: that of the description.
          but: parameters that are not wanted.

        Raises:
          InputError: as `checked`.
        """
        named = {
            key: name
            for key, name in self.decoder.items()
            if key.endswith(PATH) and name is not None and key not in but
        }
        paths = self.checked(folder, list(named.values()))
        return dict(zip(named, map(str, paths)))
