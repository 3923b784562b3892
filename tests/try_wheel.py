"""Tries an installed wheel where no TensorFlow is; `make wheel` runs it in a fresh environment.

python tests/try_wheel.py                              # the beam search
python tests/try_wheel.py FOLDER RECORDING [RUNTIME]   # an exported model too

It prints the library that was loaded, what was recognised, and the packages that were imported.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

HEAVY = {"tensorflow", "keras", "jax", "torch", "pandas", "librosa", "scipy", "sklearn", "numba"}
ARPA = """\\data\\
ngram 1=5
ngram 2=1

\\1-grams:
-1.0\t<unk>
-99\t<s>\t0
-1.0\t</s>
-0.5\tab\t-0.1
-2.5\tba\t0

\\2-grams:
-0.2\tab ab

\\end\\
"""


def beam_search() -> str:
    """The text of frames that are undecided between "ab" and "ba", by a language model of words."""
    from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.arpa"
        path.write_text(ARPA, encoding="utf-8")
        decoder = BeamSearchDecoder([" ", "a", "b"], LanguageModel(str(path)))
        frames = np.log(np.array([[0.02, 0.47, 0.49, 0.02]] * 2, np.float32))
        return decoder.decode(frames, alpha=1.0, inputs="log_probs").text


def foreign_packages() -> list[str]:
    """The packages of others that this process has imported."""
    files = {name: getattr(sys.modules[name], "__file__", None) for name in list(sys.modules)}
    names = {name.partition(".")[0] for name, path in files.items() if "site-packages" in str(path)}
    return sorted(names - {"open_seq2seq", "ctc_decoder_with_lm"})


def main(arguments: list[str]) -> int:
    """Runs the script; returns the exit code."""
    import ctc_decoder_with_lm.library as library

    print(f"beam search: {Path(library.core().__file__ or '').name}")
    text = beam_search()
    print(f"with a language model: {text}")
    if arguments:
        from open_seq2seq import Recognizer

        folder, recording, *runtime = arguments
        recognizer = Recognizer.load(folder, runtime=runtime[0] if runtime else "onnxruntime")
        print(f"recognised: {recognizer.transcribe([recording])[0].text}")
    packages = foreign_packages()
    print(f"packages: {' '.join(packages)}")
    return int(text != "ab" or bool(HEAVY & set(packages)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
