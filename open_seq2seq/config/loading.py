"""A config module on disk -> its dictionaries, merged for a mode.

A config is a Python file that defines `base_params` (a dictionary) and `base_model`
(a class), and may define `train_params`, `eval_params`, `infer_params` and
`interactive_infer_params`, which are merged over `base_params` for their mode (without
`infer_params`, inference has `eval_params`).
OpenSeq2Seq's configs are such files; `config.imports` gives them the names they expect.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from open_seq2seq.config.openseq2seq.imports import ConfigImports
from open_seq2seq.config.openseq2seq.tf_names import plain_values
from open_seq2seq.config.schema import closest_name
from open_seq2seq.config.source import copied_from, read_source
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.successors import hint

PARAMS_OF_MODE = {
    "train": "train_params",
    "eval": "eval_params",
    "infer": "infer_params",
    "interactive_infer": "interactive_infer_params",
}


@dataclass
class Config:
    """A loaded config module.

    Args:
      path: the file it came from.
      base_model: the model class.
      base_params: the parameters shared by all modes.
      mode_params: the dictionaries merged over them, by name (`train_params`, ...).
    """

    path: Path
    base_model: Any
    base_params: dict[str, Any]
    mode_params: dict[str, dict[str, Any]] = field(default_factory=dict)

    def merged(self, mode: str) -> dict[str, Any]:
        """The parameters of `mode` (not train_eval), without command-line overrides."""
        if mode == "interactive_infer":
            params = merge(self.base_params, self.mode_params.get("infer_params", {}))
            return merge(params, self.mode_params.get("interactive_infer_params", {}))
        return merge(self.base_params, self.mode_params.get(PARAMS_OF_MODE[mode], {}))


def load_config(path: str | Path) -> Config:
    """Executes the config file at `path`.

    Raises:
      InputError: the file is missing, fails while it runs (with its line), lacks a required
        name, or is a config of OpenSeq2Seq for another task than speech recognition.
    """
    path = Path(path)
    check_config_file(path)
    text = read_source(path)
    original = copied_from(text) or path
    module = ModuleType("open_seq2seq_config")
    module.__file__ = str(original)
    _execute(path, text, module, original.resolve().parent)
    names = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    return _checked(path, {name: plain_values(value) for name, value in names.items()})


def check_config_file(path: str | Path) -> None:
    """Whether there is a file; in no time, before what a config imports is loaded.

    Raises:
      InputError: there is none, or something else has this name; with names that are near.
    """
    path = Path(path)
    # Path's own fail where no name can be so long.
    if os.path.isfile(path):
        return
    found = "a folder" if os.path.isdir(path) else "something else than a file"
    if not os.path.exists(path):
        found = "no such file"
    problem = Problem(str(path), found, "a Python config module", _remedy(path))
    raise InputError("The config file cannot be read:", [problem])


def _execute(path: Path, text: str, module: ModuleType, folder: Path) -> None:
    """Runs the file in `module`, with its neighbours in `folder` and OpenSeq2Seq's names."""
    imports = ConfigImports(path, text, folder)
    imports.install(module)
    try:
        code = compile(text, str(path), "exec", dont_inherit=True)
        with imports.neighbours_found():
            exec(code, vars(module))
    except InputError:
        raise
    except SyntaxError as error:
        where = f"{error.filename or path}:{error.lineno}:{error.offset}"
        raise InputError(
            "The config file is not valid Python:",
            [Problem(where, f"{error.msg}: {(error.text or '').strip()}", "Python")],
        ) from error
    except (Exception, SystemExit) as error:
        lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        where = f"{path}:{lines[-1].lineno}" if lines else str(path)
        raise InputError(
            "The config file fails while it is loaded:",
            [Problem(where, f"{type(error).__name__}: {error}", "a module that runs")],
        ) from error


def _checked(path: Path, names: Mapping[str, Any]) -> Config:
    problems = []
    if not isinstance(names.get("base_params"), dict):
        problems.append(_missing(path, names, "base_params", "a dictionary named base_params"))
    if not callable(names.get("base_model")):
        problems.append(_missing(path, names, "base_model", "a model class named base_model"))
    mode_params: dict[str, dict[str, Any]] = {}
    for name in PARAMS_OF_MODE.values():
        # Some configs have their data layer in train_params and eval_params only.
        usual = mode_params.get("eval_params", {}) if name == "infer_params" else {}
        value = names.get(name, usual)
        if isinstance(value, dict):
            mode_params[name] = value
        else:
            problems.append(_missing(path, names, name, f"a dictionary named {name}"))
    if problems:
        raise InputError(f"{path} is not a config module:", problems)
    return Config(path, names["base_model"], names["base_params"], mode_params)


def _missing(path: Path, names: Mapping[str, Any], name: str, expected: str) -> Problem:
    if name in names:
        return Problem(f"{path}, {name}", f"a {type(names[name]).__name__}", expected)
    match = closest_name(name, [n for n in names if not n.startswith("_")])
    return Problem(
        str(path), f"no {name}", expected, f"Is {match} meant to be it?" if match else ""
    )


def _remedy(path: Path) -> str:
    """What became of a config of OpenSeq2Seq's, or the one here that may have been meant."""
    known = hint(path.as_posix(), exactly=True)
    near = _neighbour(path)
    if known or "Did you mean" in near:
        return known or near
    return hint(path.as_posix()) or near


def _neighbour(path: Path) -> str:
    """The config that may have been meant."""
    if os.path.isdir(path):
        configs = sorted(str(file) for file in path.glob("*.py") if not file.name.startswith("_"))
        some = ", ".join(configs[:5]) + (", ..." if len(configs) > 5 else "")
        return f"Did you mean one of {some}?" if configs else ""
    folder = path.parent
    if not os.path.isdir(folder):
        folder = _near_folder(folder)
        says = f"The folder {path.parent} does not exist either."
        match = _near_file(path.name, folder) or _near_example(path)
        return f"{says} Did you mean {match}?" if match else says
    match = _near_file(path.name, folder) or _near_example(path)
    return f"Did you mean {match}?" if match else ""


def _near_folder(folder: Path) -> Path:
    """The folder, or for each part of it that is not there the nearest name beside it."""
    if folder.is_dir():
        return folder
    above = _near_folder(folder.parent) if folder != folder.parent else folder
    names = [entry.name for entry in _entries(above) if entry.is_dir()]
    match = closest_name(folder.name, names)
    return above / match if match else folder


def _near_file(name: str, folder: Path) -> Path | None:
    files = [entry.name for entry in _entries(folder) if entry.is_file()]
    match = name if name in files else closest_name(name, files)
    return folder / match if match else None


def _near_example(path: Path) -> Path | None:
    """An example config of this name, which the folder is missing from."""
    examples = Path(__file__).parents[2] / "example_configs"
    found = [file for file in examples.rglob("*.py") if file.stem == path.stem]
    if not found:
        return None
    here = Path.cwd()
    return found[0].relative_to(here) if found[0].is_relative_to(here) else found[0]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`; dictionaries in both are merged, all else replaced.

    Dictionaries and lists of the result are copies: changing them leaves the inputs alone.
    """
    result = {key: _copy(value) for key, value in base.items()}
    for key, value in over.items():
        mine = result.get(key)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            result[key] = merge(mine, value)
        else:
            result[key] = _copy(value)
    return result


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
