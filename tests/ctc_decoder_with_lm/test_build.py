"""The build: KenLM's sources are the pinned ones, and what is missing is said."""

import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from ctc_decoder_with_lm import build, cpu, kenlm_source, library, native_build
from ctc_decoder_with_lm.kenlm_source import SourceError
from open_seq2seq.errors import RunError
from open_seq2seq.version import __version__


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Nothing is built in the empty folder that the build uses, and no wheel brought anything."""
    monkeypatch.setattr(library, "folder", lambda: tmp_path / "build")
    monkeypatch.setattr(library, "INSTALLED", tmp_path / "libraries")
    monkeypatch.delenv("KENLM_SOURCE", raising=False)
    library.core.cache_clear()
    yield tmp_path
    library.core.cache_clear()


def test_a_core_that_is_not_built(elsewhere):
    with pytest.raises(RunError, match=r"python -m ctc_decoder_with_lm\.build"):
        library.core()
    assert "is not built" in library.why_unavailable()


def test_a_core_that_cannot_be_loaded(elsewhere):
    library.core_path().parent.mkdir()
    library.core_path().write_bytes(b"no library")
    assert "cannot be loaded" in library.why_unavailable()


def test_no_compiler(elsewhere, monkeypatch, capsys):
    monkeypatch.setenv("CXX", "no-such-compiler --flag")
    monkeypatch.setenv("KENLM_SOURCE", str(small_sources(elsewhere / "kenlm")))
    assert build.main([]) == 1
    said = capsys.readouterr().err
    assert "No C++ compiler: no-such-compiler could not be started" in said
    assert "Everything but beam search works" in said


def small_project(folder):
    """A project of one program, which exits with the number of its source."""
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(small LANGUAGES CXX)\n"
        "add_executable(small small.cc)\ntarget_compile_definitions(small PRIVATE NUMBER=${NUMBER})"
    )
    (folder / "small.cc").write_text("int main() { return NUMBER; }")
    return folder


def exit_code(program):
    return subprocess.run([str(program)], check=False).returncode


def test_a_program_is_built_again_when_its_settings_or_sources_change(tmp_path):
    project, output = small_project(tmp_path / "small"), tmp_path / "build" / "program"
    native_build.build(project, "small", output, {"NUMBER": "3"})
    assert exit_code(output) == 3
    native_build.build(project, "small", output, {"NUMBER": "4"})
    assert exit_code(output) == 4
    (project / "small.cc").write_text("int main() { return NUMBER + 1; }")
    native_build.build(project, "small", output, {"NUMBER": "4"})
    assert exit_code(output) == 5


def test_what_the_compiler_says(tmp_path):
    project, output = small_project(tmp_path / "small"), tmp_path / "build" / "program"
    (project / "small.cc").write_text("this is no C++")
    with pytest.raises(RunError, match=r"(?s)--build.*small\.cc.*error"):
        native_build.build(project, "small", output, {"NUMBER": "3"})
    assert not output.exists()


def test_no_cmake(tmp_path, monkeypatch):
    monkeypatch.setattr(native_build, "_program", lambda name: None)
    with pytest.raises(RunError, match="CMake is not installed: pip install cmake"):
        native_build.build(tmp_path, "target", tmp_path / "output", {})


def test_the_library_of_the_wheel_is_the_fastest_that_runs_here(elsewhere, monkeypatch):
    monkeypatch.setattr(library, "levels", lambda: ["x86-64-v3", "x86-64-v2", "generic"])
    library.INSTALLED.mkdir()
    for level in ("x86-64-v4", "x86-64-v2", "generic"):
        (library.INSTALLED / f"_core-{level}.so").touch()
    built = elsewhere / "build" / "_core.so"
    assert library.usable(built, "_core-{level}.so").name == "_core-x86-64-v2.so"
    (library.INSTALLED / "_core-x86-64-v3.so").touch()
    assert library.usable(built, "_core-{level}.so").name == "_core-x86-64-v3.so"
    built.parent.mkdir()
    built.touch()
    assert library.usable(built, "_core-{level}.so") == built
    assert library.usable(elsewhere / "missing", "other-{level}.so") is None


def test_why_a_wheel_brought_none_is_said(elsewhere):
    library.INSTALLED.mkdir()
    (library.INSTALLED / "missing.txt").write_text("no C++ compiler was found")
    assert "is not built: no C++ compiler was found. Build it by:" in library.why_unavailable()


V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3 "
V3 = V2 + "avx avx2 bmi1 bmi2 f16c fma abm movbe "
V4 = V3 + "avx512f avx512bw avx512cd avx512dq avx512vl "


@pytest.mark.parametrize(
    ("flags", "levels"),
    [
        (V4, ["x86-64-v4", "x86-64-v3", "x86-64-v2", "generic"]),
        (V3, ["x86-64-v3", "x86-64-v2", "generic"]),
        (V4.replace("fma", ""), ["x86-64-v2", "generic"]),
        ("sse2", ["generic"]),
    ],
)
def test_levels_of_x86(monkeypatch, flags, levels):
    monkeypatch.setattr(cpu, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    assert cpu.levels() == levels
    monkeypatch.setattr(cpu.platform, "machine", lambda: "aarch64")
    assert cpu.levels() == ["generic"]


def test_names_follow_sources_and_cpu(monkeypatch, tmp_path):
    before = library.core_path().name
    assert before.endswith(library._python_suffix())
    monkeypatch.setattr(library, "_cpu_tag", lambda: "another")
    assert library.core_path().name != before
    monkeypatch.undo()
    for name in ("native", "cmake"):
        shutil.copytree(library.PACKAGE / name, tmp_path / name, ignore=lambda *_: ["build"])
    for name in ("CMakeLists.txt", "kenlm_source.py", "kenlm_requirements.txt"):
        shutil.copy(library.PACKAGE / name, tmp_path)
    monkeypatch.setattr(library, "PACKAGE", tmp_path)
    monkeypatch.setattr(library, "NATIVE", tmp_path / "native")
    assert library.core_path().name == before
    (tmp_path / "native" / "error.h").write_text("// changed")
    changed = library.core_path().name
    assert changed != before
    (tmp_path / "CMakeLists.txt").write_text("# changed")
    assert library.core_path().name not in (changed, before)


def test_read_only_packages_build_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert library.folder() == tmp_path / "ctc_decoder_with_lm"


def small_sources(folder, edit=lambda text: text):
    """As much of KenLM as is edited."""
    (folder / "util").mkdir(parents=True)
    (folder / "lm").mkdir()
    (folder / "util" / "a.cc").write_text("int a;")
    for name, edits in kenlm_source._EDITS.items():
        text = "\n".join(before for before, _ in edits)
        (folder / name).write_text(edit(text))
    return folder


def test_sources_from_a_folder_are_copied_and_edited(elsewhere, monkeypatch):
    given = small_sources(elsewhere / "kenlm")
    monkeypatch.setenv("KENLM_SOURCE", str(given))
    unpacked = kenlm_source.unpacked(elsewhere / "build")
    assert "max_next_" in (unpacked / "lm" / "bhiksha.hh").read_text()
    assert "max_next_" not in (given / "lm" / "bhiksha.hh").read_text()
    assert kenlm_source.unpacked(elsewhere / "build") == unpacked
    (given / "util" / "a.cc").write_text("int b;")
    assert kenlm_source.unpacked(elsewhere / "build") != unpacked


def test_sources_that_are_not_kenlms(elsewhere, monkeypatch):
    monkeypatch.setenv("KENLM_SOURCE", str(elsewhere / "missing"))
    with pytest.raises(SourceError, match="there is no"):
        kenlm_source.unpacked(elsewhere / "build")
    monkeypatch.setenv("KENLM_SOURCE", str(elsewhere))
    with pytest.raises(SourceError, match="has no folder lm/"):
        kenlm_source.unpacked(elsewhere / "build")
    other = small_sources(elsewhere / "other", edit=lambda text: "another version")
    monkeypatch.setenv("KENLM_SOURCE", str(other))
    with pytest.raises(SourceError, match=r"bhiksha\.hh is not KenLM"):
        kenlm_source.unpacked(elsewhere / "build")
    assert not list((elsewhere / "build").iterdir())


def test_an_archive_of_another_hash(elsewhere, monkeypatch):
    archive = elsewhere / "kenlm-0.3.0.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        made.add(small_sources(elsewhere / "kenlm-0.3.0"), "kenlm-0.3.0")
    monkeypatch.setenv("KENLM_SOURCE", str(archive))
    with pytest.raises(SourceError, match=f"its SHA-256 is .*, expected {kenlm_source.pin()[1]}"):
        kenlm_source.unpacked(elsewhere / "build")


def test_an_index_without_kenlm(elsewhere, monkeypatch):
    for name in ("PIP_NO_INDEX", "PIP_DISABLE_PIP_VERSION_CHECK"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(elsewhere))
    with pytest.raises(SourceError, match=r"could not be fetched(.|\n)*set KENLM_SOURCE"):
        kenlm_source.unpacked(elsewhere / "build")
    # What the index has must have the pinned hash.
    archive = elsewhere / f"kenlm-{kenlm_source.pin()[0]}.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        made.add(small_sources(elsewhere / "kenlm"), "kenlm-0.3.0")
    with pytest.raises(SourceError, match=r"(?i)hash"):
        kenlm_source.unpacked(elsewhere / "build")


def test_cmake_is_told_where_the_sources_are_and_what_is_wrong(elsewhere, monkeypatch):
    script = [sys.executable, kenlm_source.__file__, str(elsewhere / "build")]
    monkeypatch.setenv("KENLM_SOURCE", str(small_sources(elsewhere / "kenlm")))
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == str(
        kenlm_source.unpacked(elsewhere / "build")
    )
    monkeypatch.setenv("KENLM_SOURCE", str(elsewhere / "missing"))
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 1 and "KENLM_SOURCE: there is no" in done.stderr


def test_the_command_says_where_the_libraries_are():
    command = [sys.executable, "-m", "ctc_decoder_with_lm.build", "--no_tensorflow"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(library.core_path()) in done.stdout
    assert done.stderr == ""


def test_the_decoders_own_distribution_is_of_the_same_version_and_build():
    own = (library.PACKAGE / "pyproject.toml").read_text()
    whole = (library.PACKAGE.parent / "pyproject.toml").read_text()
    assert f'version = "{__version__}"' in own
    for line in ("requires = [", "requires-python", "build-backend"):
        (found,) = [text for text in own.splitlines() if text.startswith(line)]
        assert found in whole.splitlines()
