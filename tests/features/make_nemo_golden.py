"""Makes `nemo_golden.npz`: what NeMo's own preprocessor gives for a signal, in two of its eras.

python tests/features/make_nemo_golden.py frontend_variants.npz tests/features/nemo_golden.npz

The first file holds the outputs of `AudioToMelSpectrogramPreprocessor` of nemo_toolkit 3.0.0 and
2.4.1 (PyTorch, CPU, float32, evaluation, dither 0) for the configs in it, written by the
project. The signals are samples 6000 on of LibriSpeech's 1867-154075-0014 (CC BY 4.0), and zeros.
Kept are every fourth frame of the longest signal, and all of the short ones.
"""

import json
import sys

import numpy as np

LONG, SHORT = "speech_11217", ("short_161", "short_300", "short_480")
ERAS = ("v3.0.0", "v2.4.1")
STEP = 4


def main(source: str, target: str) -> None:
    given = np.load(source)
    configs = json.loads(str(given["configs"]))
    configs.pop("exact_pad")  # is refused
    kept = {"configs": np.array(json.dumps(configs)), f"signal/{LONG}": given[f"signal/{LONG}"]}
    for name in configs:
        for era in ERAS:
            key = f"{era}/{name}/{LONG}"
            length = int(given[f"{key}/length"])
            kept[f"{key}/length"] = np.array(length)
            kept[f"{key}/features"] = given[f"{key}/features"][:, :length:STEP]
    for signal in SHORT:
        kept[f"signal/{signal}"] = given[f"signal/{signal}"]
        for era in ERAS:
            key = f"{era}/quartznet/{signal}"
            if f"{key}/features" in given:
                length = int(given[f"{key}/length"])
                kept[f"{key}/length"] = np.array(length)
                kept[f"{key}/features"] = given[f"{key}/features"][:, :length]
    np.savez_compressed(target, **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
