"""download_lm.sh, from a folder in place of OpenSLR and with a stand-in for build_binary."""

import gzip
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/download_lm.sh"
ARPA = "\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t<unk>\n-1\tTHE\n-1\t<s>\n-1\t</s>\n\n\\end\\\n"
# The "binary" is the ARPA file that it was given, after its arguments.
STAND_IN = '#!/bin/sh\n{ echo "$1 $2 $3 $4 $5 $6 $7"; cat "$8"; } > "$9"\n'


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    with gzip.open(folder / "3-gram.arpa.gz", "wt") as file:
        file.write(ARPA)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "build_binary").write_text(STAND_IN)
    (tools / "build_binary").chmod(0o755)
    return folder


def download(mirror, *arguments, tools=None):
    common = ["--url", f"file://{mirror}", "--folder", mirror.parent / "out"]
    command = [SCRIPT, *common, "--tools", tools or mirror.parent / "bin", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_model_is_lower_cased_and_made_a_quantised_trie(mirror):
    done = download(mirror, "3-gram")
    assert done.returncode == 0, done.stderr
    out = mirror.parent / "out"
    assert (out / "3-gram.binary").read_text() == "-q 8 -b 7 -a 256 trie\n" + ARPA.lower()
    assert sorted(path.name for path in out.iterdir()) == ["3-gram.arpa.gz", "3-gram.binary"]
    assert "there already" in download(mirror, "3-gram").stdout


def test_a_download_goes_on_where_it_stopped(mirror):
    out = mirror.parent / "out"
    out.mkdir()
    whole = (mirror / "3-gram.arpa.gz").read_bytes()
    (out / "3-gram.arpa.gz.part").write_bytes(whole[:20])
    # What is there is kept: were it fetched again, the changed bytes would be seen.
    (mirror / "3-gram.arpa.gz").write_bytes(b"x" * 20 + whole[20:])
    done = download(mirror, "3-gram")
    assert done.returncode == 0, done.stderr
    assert (out / "3-gram.arpa.gz").read_bytes() == whole


def test_what_is_wrong_is_said(mirror, tmp_path):
    done = download(mirror, "5-gram")
    assert done.returncode == 2 and "no model 5-gram; there are: 3-gram.pruned" in done.stderr
    done = download(mirror, "4-gram")
    assert done.returncode == 1 and "the download failed" in done.stderr
    done = download(mirror, "3-gram", tools=tmp_path)
    assert done.returncode == 1 and "install_kenlm.sh builds it" in done.stderr
    assert not (mirror.parent / "out" / "3-gram.binary").exists()
    (mirror / "3-gram.arpa.gz").write_text("<html>not found</html>")
    done = download(mirror, "3-gram")
    assert done.returncode == 1 and "not a whole gzip file" in done.stderr
