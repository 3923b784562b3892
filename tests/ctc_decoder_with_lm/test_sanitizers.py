"""The core's own tests and the fuzzing of its files, plain and under sanitizers."""

import os
import subprocess

import pytest

from .cpp_programs import build_program

pytestmark = pytest.mark.slow

# KenLM reads numbers at any address on purpose, so it is not checked for undefined behaviour.
ADDRESS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
KENLM_ADDRESS = ["-O1", "-g", "-fsanitize=address"]
THREAD = ["-O1", "-g", "-fsanitize=thread"]
VARIANTS = {
    "plain": ([], []),
    "address": (ADDRESS, KENLM_ADDRESS),
    "thread": (THREAD, THREAD),
}


def run(*command):
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "TSAN_OPTIONS": "halt_on_error=1"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return done.stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_core(variant, tmp_path):
    assert run(build_program("core_test", *VARIANTS[variant]), tmp_path) == "passed\n"


def test_sanitizers_see_faults(tmp_path):
    """Without this, a build that forgets to instrument would pass."""
    race = "std::thread t([] { ++x; }); ++x; t.join();"
    faults = {
        "address": "int main(int n, char**) { int* p = new int[2]; return p[n + 1]; }",
        "thread": f"#include <thread>\nint x; int main() {{ {race} }}",
    }
    for variant, text in faults.items():
        source = tmp_path / f"{variant}.cc"
        source.write_text(text)
        built = build_program(str(source), *VARIANTS[variant])
        assert subprocess.run([str(built)], capture_output=True).returncode != 0, variant


@pytest.mark.parametrize("variant", ["plain", "address"])
def test_damaged_language_models(variant, language_model_files, tmp_path):
    fuzz = build_program("fuzz_language_model", *VARIANTS[variant])
    rounds = 20000 if variant == "plain" else 2000
    for kind, path in language_model_files.items():
        said = run(fuzz, path, tmp_path / kind, 1, rounds)
        assert int(said.split()[0]) > rounds // 4, said
