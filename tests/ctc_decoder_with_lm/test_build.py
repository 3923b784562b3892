"""The build: KenLM's sources are the pinned ones, and what is missing is said."""

import os
import subprocess
import sys
import tarfile

import pytest

from ctc_decoder_with_lm import build, kenlm_source, library
from open_seq2seq.errors import RunError
from open_seq2seq.native_build import compiler


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Nothing is built in the empty folder that the build uses."""
    monkeypatch.setattr(library, "folder", lambda: tmp_path / "build")
    monkeypatch.delenv("KENLM_SOURCE", raising=False)
    library.core.cache_clear()
    compiler._version.cache_clear()
    yield tmp_path
    library.core.cache_clear()
    compiler._version.cache_clear()


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


def test_what_the_compiler_says(elsewhere, monkeypatch):
    source = elsewhere / "wrong.cc"
    source.write_text("this is no C++")
    with pytest.raises(RunError, match=r"wrong\.cc.*error"):
        compiler.compiled([source], [], [], elsewhere / "objects")
    assert not list((elsewhere / "objects").glob("*.o"))


def test_only_what_changed_is_compiled(elsewhere, monkeypatch):
    sources = [elsewhere / "a.cc", elsewhere / "b.cc"]
    header = elsewhere / "c.h"
    for source in sources:
        source.write_text('#include "c.h"\nint f() { return C; }')
    header.write_text("#define C 1")

    def build_all(flags=()):
        objects = compiler.compiled(sources, list(flags), [header], elsewhere / "objects")
        return [(path, path.stat().st_mtime_ns) for path in objects]

    first = build_all()
    assert build_all() == first
    sources[0].write_text("int g() { return 2; }")
    second = build_all()
    assert second[0] != first[0] and second[1] == first[1]
    header.write_text("#define C 3")
    third = build_all()
    assert third[0] != second[0] and third[1] != second[1]
    assert build_all(["-O1"])[1] != third[1]


def test_names_follow_sources_and_cpu(monkeypatch, tmp_path):
    before = library.core_path().name
    assert before.endswith(library._python_suffix())
    monkeypatch.setattr(library, "_cpu_tag", lambda: "another")
    assert library.core_path().name != before
    monkeypatch.undo()
    copy = tmp_path / "native"
    copy.mkdir()
    for source in library.NATIVE.glob("*.[ch]*"):
        (copy / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(library, "NATIVE", copy)
    assert library.core_path().name == before
    (copy / "error.h").write_text("// changed")
    assert library.core_path().name != before


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
    with pytest.raises(RunError, match="there is no"):
        kenlm_source.unpacked(elsewhere / "build")
    monkeypatch.setenv("KENLM_SOURCE", str(elsewhere))
    with pytest.raises(RunError, match="has no folder lm/"):
        kenlm_source.unpacked(elsewhere / "build")
    other = small_sources(elsewhere / "other", edit=lambda text: "another version")
    monkeypatch.setenv("KENLM_SOURCE", str(other))
    with pytest.raises(RunError, match=r"bhiksha\.hh is not KenLM"):
        kenlm_source.unpacked(elsewhere / "build")
    assert not list((elsewhere / "build").iterdir())


def test_an_archive_of_another_hash(elsewhere, monkeypatch):
    archive = elsewhere / "kenlm-0.3.0.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        made.add(small_sources(elsewhere / "kenlm-0.3.0"), "kenlm-0.3.0")
    monkeypatch.setenv("KENLM_SOURCE", str(archive))
    with pytest.raises(RunError, match=f"its SHA-256 is .*, expected {kenlm_source.pin()[1]}"):
        kenlm_source.unpacked(elsewhere / "build")


def test_an_index_without_kenlm(elsewhere, monkeypatch):
    for name in ("PIP_NO_INDEX", "PIP_DISABLE_PIP_VERSION_CHECK"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(elsewhere))
    with pytest.raises(RunError, match=r"could not be fetched(.|\n)*set KENLM_SOURCE"):
        kenlm_source.unpacked(elsewhere / "build")
    # What the index has must have the pinned hash.
    archive = elsewhere / f"kenlm-{kenlm_source.pin()[0]}.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        made.add(small_sources(elsewhere / "kenlm"), "kenlm-0.3.0")
    with pytest.raises(RunError, match=r"(?i)hash"):
        kenlm_source.unpacked(elsewhere / "build")


def test_the_command_says_where_the_libraries_are():
    command = [sys.executable, "-m", "ctc_decoder_with_lm.build", "--no_tensorflow"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(library.core_path()) in done.stdout
    assert done.stderr == ""
