#!/usr/bin/env bash
# Runs an exported model.tflite under an emulated 64-bit Arm processor, and compares it with this one.
#
#   scripts/run_litert_on_arm.sh FOLDER [SECONDS ...]
#
# FOLDER is an exported folder with model.tflite; SECONDS are lengths of noise (0.1 1 3). For
# correctness, not for speed. LiteRT's reference kernels compute: its fast ones ask the kernel which
# processor this is, and crash in qemu-user 7.2, which shows them this machine's.
#
# Once, as root: apt-get install qemu-user-static debootstrap. A Debian for Arm (300 MB) and LiteRT's
# wheel are unpacked into build/arm, or $ARM_ROOT.
set -euo pipefail
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
[ $# -ge 1 ] && [ -f "$1/model.tflite" ] || { usage >&2; exit 2; }
model=$(realpath "$1/model.tflite"); shift
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
arm=$(realpath -m "${ARM_ROOT:-build/arm}")
mkdir -p "$arm"

if [ ! -x "$arm/root/usr/bin/python3.11" ]; then
  debootstrap --arch=arm64 --foreign --variant=minbase --include=python3 bookworm "$arm/root"
  for package in "$arm"/root/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$arm/root"; done
fi
if [ ! -d "$arm/site/ai_edge_litert" ]; then
  version=$("$python" -c 'from importlib.metadata import version; print(version("ai-edge-litert"))')
  "$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 311 \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --dest "$arm/wheels" "ai-edge-litert==$version" "numpy==2.*" backports.strenum flatbuffers
  for wheel in "$arm"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$arm/site"; done
fi

cat >"$arm/run.py" <<'PYTHON'
import platform
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

model, results, *seconds = sys.argv[1:]
kernels = OpResolverType.BUILTIN_REF if platform.machine() == "aarch64" else OpResolverType.AUTO
interpreter = Interpreter(model, num_threads=1, experimental_op_resolver_type=kernels)
run = interpreter.get_signature_runner("serving_default")
found = {}
for one in seconds:
    count = int(float(one) * 16000)
    time = np.arange(count) / 16000
    noise = np.random.default_rng(0).normal(0, 0.1, count) * np.abs(np.sin(2 * np.pi * 2.1 * time))
    samples = noise.astype(np.float32)[None]
    found[one] = run(samples=samples, num_samples=np.array([count], np.int32))["log_probs"][0]
if platform.machine() != "aarch64":
    np.savez(results, **found)
    sys.exit()
expected = np.load(results)
for one, log_probs in found.items():
    difference = np.abs(log_probs - expected[one]).max()
    print(f"{platform.machine()}: {one} s, {len(log_probs)} rows, {difference:.1e} from this machine's")
    assert log_probs.shape == expected[one].shape
    assert difference < 1e-3
PYTHON
[ $# -ge 1 ] || set -- 0.1 1 3
"$python" "$arm/run.py" "$model" "$arm/expected.npz" "$@"
qemu-aarch64-static -L "$arm/root" -E PYTHONPATH="$arm/site" -E PYTHONHOME="$arm/root/usr" \
  "$arm/root/usr/bin/python3.11" "$arm/run.py" "$model" "$arm/expected.npz" "$@"
