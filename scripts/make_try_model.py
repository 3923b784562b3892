"""Makes the packaged model from a run's log directory: small, in a folder of its own.

python scripts/make_try_model.py runs/demo/2026-01-02_03-04-05_seed0
python scripts/make_try_model.py LOGDIR --best --dtype=float32 --output=my_model

Takes the newest checkpoint (--best: the best one), the averaged weights where it has any, without
the optimizer; kernels in float16, unless --dtype says otherwise. Writes a config that holds what
the network and its features need, the vocabulary, and the error rates of the packaged model,
which it measures, into model.json and README.md.
"""

from __future__ import annotations

import argparse
import json
import pprint
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "example_data" / "digits"
SILENCE = 0.5  # seconds behind each recording, in the second measurement
_FRONT_END = (
    "backend", "sample_freq", "input_type", "num_audio_features", "num_fft", "window_size",
    "window_stride", "window", "norm_per_feature", "norm_range", "noise_floor", "dither", "gain",
    "precompute_mel_basis", "feature_norm", "running_prior_frames", "running_time_constant",
    "features_mean", "features_std_dev", "legacy_mfcc", "pad_to", "text_normalization",
)  # fmt: skip

CONFIG = '''"""The packaged model of spoken digits, for evaluation and inference.

Made by scripts/make_try_model.py; README.md says how it was trained.

Command:
    python run.py --config_file={place}/config.py --mode=infer --infer_files my.wav
"""

from pathlib import Path

from open_seq2seq.models import Speech2Text

here = Path(__file__).resolve().parent

base_model = Speech2Text

base_params = {{
    "logdir": str(here),
    "batch_size_per_gpu": 32,
    "max_steps": 1,
    "dtype": "float32",
    "optimizer": "AdamW",
    "lr_policy": "fixed_lr",
    "lr_policy_params": {{"learning_rate": 0.0003}},
    "encoder": "{encoder}",
    "encoder_params": {encoder_params},
    "decoder": "{decoder}",
    "decoder_params": {{}},
    "loss": "{loss}",
    "data_layer": "{data_layer}",
    "data_layer_params": {{
        **{data_layer_params},
        "vocab_file": str(here / "vocab.txt"),
        "dataset_files": [{dataset}],
    }},
}}
'''

README = """# A model of spoken digits

Recognises the English digits *zero* to *nine* in recordings of {rate} Hz and more. {parameters:,}
parameters, {megabytes:.1f} MB, kernels in {dtype}. `make try` transcribes five recordings with it;

    python run.py --config_file={place}/config.py --mode=infer --infer_files my.wav

transcribes others, and `Recognizer.load("{place}/config.py")` loads it in Python.
It knows the six speakers of its training data; to others and to other words it has to be
[adapted](../../../docs/transfer.md): `--load_model={place}`.

| WER on the {rows} recordings of `test.csv`, greedy, in float32 | % | errors |
|---|---|---|
| as they are | {wer:.2f} | {errors} in {words} words |
| with {silence} s of digital silence behind each | {silent_wer:.2f} | {silent_errors} |
| the checkpoint before its kernels were rounded | {exact_wer:.2f} | {exact_errors} |

Trained on `train.csv` in this folder's parent, {epochs:g} epochs, {steps} steps, {minutes:.0f}
minutes on {hardware}:

    {command}

with pauses in training as `{pauses}`;
made by `python scripts/make_try_model.py {arguments}`, which measured the error rates above.

## Licence

The weights are adapted material of the **Free Spoken Digit Dataset** (FSDD) by Zohar Jackson, César
Souza, Jason Flaks, Yuxin Pan, Hereman Nicolas, Adhish Thite and its other contributors
(<https://github.com/Jakobovski/free-spoken-digit-dataset>,
DOI [10.5281/zenodo.1342401](https://doi.org/10.5281/zenodo.1342401)), and as that under
Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0),
<https://creativecommons.org/licenses/by-sa/4.0/>. Changes made: a network was trained on the
recordings.
"""


def packed(arrays: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """Kernels in `dtype`; what has one axis (scales, shifts, statistics) is small and stays."""
    import numpy as np

    return {
        name: array.astype(dtype)
        if np.issubdtype(array.dtype, np.floating) and array.ndim > 1
        else array
        for name, array in arrays.items()
    }


def weights_of(checkpoint: Path) -> dict[str, Any]:
    """The model's variables, averages in place of the weights where there are any."""
    from open_seq2seq.checkpoints.storage import EMA, MODEL, read_arrays

    arrays = read_arrays(checkpoint / MODEL)
    if (checkpoint / EMA).is_file():
        arrays |= read_arrays(checkpoint / EMA)
    return arrays


def config_text(params: Mapping[str, Any], output: Path) -> str:
    """A config of what the network and its features need, from a run's effective parameters."""
    data = params["data_layer_params"]
    kept = {name: data[name] for name in _FRONT_END if data.get(name) is not None}
    if data.get("feature_norm") != "running":
        kept = {name: value for name, value in kept.items() if not name.startswith("running_")}
    elif data["running_time_constant"] is None:
        kept["running_time_constant"] = None  # not the default
    encoder = {name: value for name, value in params["encoder_params"].items() if value is not None}
    # Where the packaged recordings lie, seen from the model.
    inside = output.resolve().parent == DIGITS
    dataset = 'str(here.parent / "test.csv")' if inside else repr(str(DIGITS / "test.csv"))
    last = {name: params[name].rpartition(".")[2] for name in _COMPONENTS}
    return CONFIG.format(
        place=_place(output),
        encoder_params=pprint.pformat(encoder, sort_dicts=False, width=88),
        data_layer_params=pprint.pformat(kept, sort_dicts=False, width=88),
        dataset=dataset,
        **last,
    )


_COMPONENTS = ("encoder", "decoder", "loss", "data_layer")


def _place(output: Path) -> str:
    path = output.resolve()
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def errors_of(config: Path, checkpoint: Path | None = None, silence: float = 0.0) -> int:
    """Word errors on the packaged test recordings, with so many seconds of zeros behind each."""
    import numpy as np
    import soundfile

    from open_seq2seq import Recognizer
    from open_seq2seq.data.manifest import read_manifests
    from open_seq2seq.metrics.error_rate import count_errors

    recognizer = Recognizer.load(config, checkpoint=checkpoint)
    utterances = read_manifests([str(DIGITS / "test.csv")], need_transcript=True)
    audio = []
    for utterance in utterances:
        samples, rate = soundfile.read(utterance.path, dtype="float32")
        audio.append(np.concatenate([samples, np.zeros(round(silence * rate), np.float32)]))
    results = recognizer.transcribe(audio, sample_freq=rate)
    references = [str(utterance.transcript) for utterance in utterances]
    return count_errors(references, [result.text for result in results]).words.errors


def make(logdir: Path, output: Path, best: bool, dtype: str, arguments: str) -> dict[str, Any]:
    """Writes the model's folder; returns what is known of it, as in model.json."""
    from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
    from open_seq2seq.checkpoints.storage import METADATA, MODEL, read_state, write_checkpoint
    from open_seq2seq.files import write_whole

    source = checkpoint_to_use(LogDir(logdir), best)
    # A log directory also has records of the evaluations after it.
    records = [json.loads(path.read_text()) for path in sorted(logdir.glob("run_*.json"))]
    record = [one for one in records if "train" in one["config"]][-1]
    summary = json.loads((logdir / "summary.json").read_text())
    state = read_state(source)
    config = config_text(record["config"]["eval"], output)
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("ckpt-*"):
        shutil.rmtree(old)
    write_whole(output / "config.py", config)
    # As all files of the repository; without ruff it is the same config.
    formatting = [sys.executable, "-m", "ruff", "format", "--quiet", str(output / "config.py")]
    subprocess.run(formatting, check=False, stderr=subprocess.DEVNULL)
    write_whole(output / "vocab.txt", "".join(f"{s}\n" for s in state[METADATA]["vocabulary"]))
    arrays = weights_of(source)
    kept: dict[str, Any] = {
        name: state[name] for name in ("step", METADATA, "training_data") if name in state
    }
    exact = write_checkpoint(output, {MODEL: arrays}, kept)
    exact_errors = errors_of(output / "config.py")
    shutil.rmtree(exact)
    checkpoint = write_checkpoint(output, {MODEL: packed(arrays, dtype)}, kept)
    rows = len((DIGITS / "test.csv").read_text().splitlines()) - 1
    told = {
        "rows": rows,
        "errors": errors_of(output / "config.py"),
        "errors_with_silence": errors_of(output / "config.py", silence=SILENCE),
        "errors_before_rounding": exact_errors,
        "dtype": dtype,
        "step": kept["step"],
        "run_id": summary["run_id"],
    }
    write_whole(output / "model.json", json.dumps(told, indent=1) + "\n")
    command = ["python", *(argument for argument in record["repeat"][1:])]
    words = rows  # one word in each
    text = README.format(
        place=_place(output),
        rate=record["config"]["eval"]["data_layer_params"]["sample_freq"],
        parameters=summary["parameters"],
        megabytes=(checkpoint / MODEL).stat().st_size / 1e6,
        dtype=dtype,
        rows=rows,
        words=words,
        silence=SILENCE,
        errors=told["errors"],
        wer=100 * told["errors"] / words,
        silent_errors=told["errors_with_silence"],
        silent_wer=100 * told["errors_with_silence"] / words,
        exact_errors=exact_errors,
        exact_wer=100 * exact_errors / words,
        epochs=summary["training"]["epochs"],
        steps=summary["training"]["steps"],
        minutes=summary["training"]["seconds"] / 60,
        hardware=f"{summary['hardware']['cores']} core(s) of an {summary['hardware']['processor']}",
        pauses=(record["config"]["train"]["data_layer_params"]["augmentation"] or {}).get("pauses"),
        command=" ".join(_shown(argument) for argument in command),
        arguments=arguments,
    )
    write_whole(output / "README.md", text)
    return told


def _shown(argument: str) -> str:
    """An argument without what is this machine's: its folders."""
    for name in ("config_file", "logdir"):
        if argument.startswith(f"--{name}="):
            path = Path(argument.partition("=")[2])
            if name == "config_file":
                return f"--{name}=example_configs/speech2text/digits_jasper_mini.py"
            return f"--{name}=runs/{path.name}"
    return argument


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("logdir", type=Path, help="the run that trained it")
    parser.add_argument("--output", type=Path, default=DIGITS / "model", help="its folder")
    parser.add_argument("--best", action="store_true", help="the best checkpoint, not the newest")
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16")
    flags = parser.parse_args(arguments)
    from open_seq2seq.errors import OpenSeq2SeqError

    said = f"runs/{flags.logdir.name}{' --best' if flags.best else ''} --dtype={flags.dtype}"
    try:
        told = make(flags.logdir, flags.output, flags.best, flags.dtype, said)
    except OpenSeq2SeqError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{flags.output}: {json.dumps(told)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
