"""What all scripts have in common: how they start, and --help."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from open_seq2seq import start

ROOT = Path(__file__).parents[2]
COMMANDS = [ROOT / "run.py", *sorted((ROOT / "scripts").glob("*.py"))]
NAMES = [str(path.relative_to(ROOT)) for path in COMMANDS]


def files_of(folder):
    """Names, sizes and times, but for what Python itself writes."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize("path", COMMANDS, ids=NAMES)
def test_help_answers_and_does_nothing(path, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    before = files_of(ROOT / "docs"), files_of(ROOT / "example_data")
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    monkeypatch.chdir(tmp_path)
    out, err = capsys.readouterr()
    assert not ended.value.code and out.startswith("usage: ") and err == ""
    assert "--help" in out and len(out.splitlines()) > 4
    assert (files_of(ROOT / "docs"), files_of(ROOT / "example_data")) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", COMMANDS, ids=NAMES)
def test_nothing_that_may_be_missing_is_imported_before_the_start(path):
    modules = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module)
    before = modules[: modules.index("open_seq2seq.start")]
    assert all(module.partition(".")[0] in sys.stdlib_module_names for module in before)


@pytest.mark.parametrize("path", COMMANDS, ids=NAMES)
def test_an_interpreter_without_the_packages_is_told_where_they_are(path, tmp_path):
    # -S: without site-packages; -E: without PYTHONPATH.
    arguments = [sys.executable, "-S", "-E", str(path), "--config_file", str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    # Arguments that a script lacks may be said first.
    assert "is not installed for" in done.stderr or done.stderr.startswith("usage: ")


@pytest.fixture
def clone(tmp_path):
    """A repository whose .venv has a package that this interpreter lacks."""
    folder = tmp_path / "a clone"
    (folder / "open_seq2seq").mkdir(parents=True)
    for name in ("__init__", "start", "messages", "greetings", "version"):
        shutil.copy(ROOT / f"open_seq2seq/{name}.py", folder / "open_seq2seq")
    shutil.copytree(ROOT / "open_seq2seq/successors", folder / "open_seq2seq/successors")
    (folder / "Makefile").write_text("")
    text = "import open_seq2seq.start\nimport a_package\nprint('it runs')\n"
    (folder / "run.py").write_text(text)
    return folder


def run_in(clone, where=None):
    arguments = [sys.executable, "-E", str(clone / "run.py")]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=where or clone)
    return done.returncode, done.stderr


def test_the_line_that_is_named_helps(clone, tmp_path):
    venv.create(clone / ".venv", with_pip=False)
    (site,) = (clone / ".venv").glob("lib/python3*/site-packages")
    (site / "a_package.py").write_text("")
    for where, line in ((clone, "source .venv/bin/activate"), (tmp_path, None)):
        code, err = run_in(clone, where)
        said = f"*** The package a_package is not installed for {sys.executable}. It is in .venv: "
        assert code == 2 and err.startswith(said) and err.count("\n") == 1, err
        remedy = err.removeprefix(said).strip()
        assert line in (remedy, None)
        command = f"{remedy} && python '{clone}/run.py'"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=where)
        assert done.stdout == "it runs\n", done.stderr


def test_where_there_is_no_venv_make_demo_is_named(clone):
    code, err = run_in(clone)
    assert code == 2 and "make demo" in err and "Traceback" not in err
    (clone / "Makefile").unlink()  # installed, not a clone
    code, err = run_in(clone)
    assert code == 2 and "python -m pip install a_package" in err


def test_other_errors_are_what_they_were(clone):
    (clone / "run.py").write_text("import open_seq2seq.start\nimport open_seq2seq.nothing\n")
    code, err = run_in(clone)
    assert code == 1 and "Traceback" in err and "No module named 'open_seq2seq.nothing'" in err


def test_extras_are_named(monkeypatch, tmp_path):
    assert ".[jax]" in start.remedy("jax") and "make horovod" in start.remedy("horovod")
    monkeypatch.setattr(start, "ROOT", tmp_path)  # without pyproject.toml, as a wheel's packages
    assert start.remedy("jax") == "Install it: pip install 'open-seq2seq[jax]'"


def test_an_old_python_is_told_so(monkeypatch, capsys):
    monkeypatch.setattr(start, "OLDEST", (99, 0))
    with pytest.raises(SystemExit) as ended:
        start.check_python()
    assert ended.value.code == 2 and "Python 3.10 to 3.13 is needed" in capsys.readouterr().err


def test_standard_output_takes_every_text():
    """What its encoding lacks comes as an escape, not as a traceback."""
    code = "import open_seq2seq.start; print('zero \u2026 g\u00fcn')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (0, b"zero \\u2026 g\xfcn\n"), done.stderr
