"""C++ programs with the core, plain or under a sanitizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ctc_decoder_with_lm import native_build
from ctc_decoder_with_lm.library import NATIVE, PACKAGE, folder

TESTS = sorted((NATIVE / "tests").glob("*.cc"))


def build_program(name: str, flags: Sequence[str], kenlm_flags: Sequence[str]) -> Path:
    """Builds a program of the core's own tests, or of another source; returns its path.

    Args:
      name: of a file of native/tests/, or the path of a source with the function main.
      flags: how to instrument the program and the core; none: as they are released.
      kenlm_flags: the same for KenLM.
    """
    level = "generic" if flags else "native"
    sources = TESTS if name in [path.stem for path in TESTS] else [Path(name)]
    settings: dict[str, str | Path] = {
        "KENLM_CACHE": folder(),
        "CMAKE_BUILD_TYPE": "None" if flags else "Release",
        "CTC_LEVELS": level,
        "CTC_MODULE": "OFF",
        "CTC_OPERATION": "OFF",
        "CTC_TESTS": ";".join(map(str, sources)),
        "CTC_FLAGS": ";".join(flags),
        "CTC_KENLM_FLAGS": ";".join(kenlm_flags),
    }
    output = folder() / f"{Path(name).stem}{''.join(flags).replace('/', '')}"
    native_build.build(PACKAGE, f"{Path(name).stem}-{level}", output, settings)
    return output
