"""OpenSeq2Seq's way to install: `python setup.py install` is `pip install .`, `develop` with -e."""

import subprocess
import sys
from pathlib import Path

WAYS = {"install": [], "develop": ["--editable"]}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in WAYS:
        sys.exit("setup.py: found other arguments than install or develop. Use: pip install .")
    root = str(Path(__file__).resolve().parent)
    command = [sys.executable, "-m", "pip", "install", *WAYS[sys.argv[1]], root]
    sys.exit(subprocess.run(command, check=False).returncode)
