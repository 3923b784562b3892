"""What a run leaves behind so that it can be repeated."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from open_seq2seq.config.schema import Params
from open_seq2seq.config.source import COPY_MARK, as_utf8, copied_from, read_source
from open_seq2seq.files import JsonObject, write_whole
from open_seq2seq.native_build.cpu import available_cores, cpu_name

PACKAGES = ("open-seq2seq", "tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "librosa",
            "python_speech_features", "soundfile", "soxr", "sentencepiece", "jax")  # fmt: skip


# The file of a log directory that lists the model's variables.
VARIABLES = "variables.txt"


def readable(value: Any) -> Any:
    """A config value with functions and classes replaced by their dotted names."""
    if isinstance(value, Mapping):
        return {str(key): readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(item) for item in value]
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    name = getattr(value, "__qualname__", None)
    return f"{value.__module__}.{name}" if name else repr(value)


def config_text(params: Params) -> str:
    """The effective configuration for the terminal: one line a value, layers on one line."""
    return "\n".join(_config_lines(readable(params), ""))


def _config_lines(params: Params, indent: str) -> Iterator[str]:
    for key, value in params.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{key}:"
            yield from _config_lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield f"{indent}{key}:"
            yield from (f"{indent}  - {item}" for item in value)
        else:
            yield f"{indent}{key}: {value!r}"


def original_config(path: Path) -> Path:
    """The config that a run's copy of it was made from; `path` itself, where it is no copy."""
    original = copied_from(read_source(path)) or path
    here = Path.cwd()
    return original.relative_to(here) if original.is_relative_to(here) else original


def git_state(folder: Path) -> dict[str, str | None]:
    """Commit and uncommitted changes of the repository around `folder`, if it is one."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    return {"commit": commit.strip() if commit else None, "diff": git("diff", "HEAD")}


def parameters_hash(effective: Mapping[str, Params]) -> str:
    """16 hexadecimal digits that name a configuration: the same for all its seeds.

    `random_seed` and `logdir` don't count, and of absolute paths only the last part does, so that
    a corpus may lie elsewhere.

    Args:
      effective: the merged and filled parameters, by mode.
    """

    def reduced(value: object) -> object:
        if isinstance(value, dict):
            return {key: reduced(item) for key, item in value.items()}
        if isinstance(value, list):
            return [reduced(item) for item in value]
        if isinstance(value, str) and os.path.isabs(value):
            return os.path.basename(value)
        return value

    counted = {
        mode: {k: v for k, v in params.items() if k not in ("random_seed", "logdir")}
        for mode, params in effective.items()
    }
    text = json.dumps(reduced(readable(counted)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hardware() -> JsonObject:
    """The CPU, the cores that this process may use, and the GPUs that it sees."""
    return {
        "processor": cpu_name(),
        "cores": available_cores(),
        "gpus": gpu_names(),
        "platform": platform.platform(),
    }


def gpu_names() -> list[str]:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return [one.get("device_name", "GPU") for one in details]


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def store_run(
    folder: Path,
    stamp: str,
    config_path: Path,
    arguments: Sequence[str],
    effective: Mapping[str, Params],
) -> Path:
    """Writes `run_<stamp>.json`, the parameters and a copy of the config; returns the JSON's path.

    Args:
      folder: where to write; made if missing.
      stamp: `YYYY-MM-DD_HH-MM-SS` of the start.
      config_path: the config module.
      arguments: the command line after the program's name.
      effective: the merged parameters, by mode.

    Raises:
      RunError: they cannot be written.
    """
    copy = folder / f"config_{stamp}.py"
    text = read_source(config_path).rstrip()
    if COPY_MARK not in text:
        text += f"\n\n{COPY_MARK}{config_path.resolve()}"
    write_whole(copy, as_utf8(text) + "\n")
    rest = [a for a in _without_config(arguments) if a not in ("--continue_learning",)]
    git = git_state(config_path.resolve().parent)
    record = {
        "arguments": list(arguments),
        "repeat": [sys.executable, "run.py", f"--config_file={copy}", *rest],
        "working_directory": str(Path.cwd()),
        "random_seed": {mode: params.get("random_seed") for mode, params in effective.items()},
        "git": git,
        "packages": package_versions(),
        "machine": {"platform": platform.platform(), "processor": cpu_name()},
        "config": {mode: readable(params) for mode, params in effective.items()},
    }
    sections = [f"{mode}:\n{config_text(params)}\n" for mode, params in effective.items()]
    (folder / f"parameters_{stamp}.txt").write_text("\n".join(sections), encoding="utf-8")
    path = folder / f"run_{stamp}.json"
    write_whole(path, json.dumps(record, indent=1))
    return path


def store_old_style_logs(folder: Path, stamp: str, arguments: Sequence[str], config: Path) -> None:
    """The two files that `--enable_logs` adds: `cmd-args_*.log` and `git-info_*.log`."""
    write_whole(folder / f"cmd-args_{stamp}.log", " ".join(arguments) + "\n")
    git = git_state(config.resolve().parent)
    text = f"commit hash: {git['commit']}\n{git['diff'] or ''}"
    write_whole(folder / f"git-info_{stamp}.log", text)


def _without_config(arguments: Sequence[str]) -> list[str]:
    """The arguments without `--config_file=X`, `--config X` and the like."""
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in ("--config_file", "--config"):
            skip = True
        elif not argument.startswith(("--config_file=", "--config=")):
            kept.append(argument)
    return kept
