#!/usr/bin/env bash
# Runs the tests of arithmetic as other machines would compute: with oneDNN limited to older
# instruction sets or switched off, without our C++ kernels, on one core, and under load.
#
#   scripts/test_machines.sh [--python PYTHON] [SETTING...]     (make test-machines)
#
# Ends with a table; exit code 1 if a setting fails. What a setting has not (products of
# bfloat16 numbers, our kernels) is skipped, and listed with the reason.
set -uo pipefail
cd "$(dirname "$0")/.."
python=python
if [ "${1:-}" = --python ]; then python=$2; shift 2; fi
settings=("$@")
[ ${#settings[@]} -gt 0 ] ||
  settings=(plain AVX512_CORE AVX2 SSE41 no-onednn no-kernels one-core busy)
# The rooms in which arithmetic is tested, and whose threads have to wait for each other.
rooms=(tests/test_rounding.py tests/ops tests/features tests/graphs tests/layers tests/encoders
  tests/models tests/optimizers tests/losses tests/decoders tests/streaming tests/interop
  tests/export tests/training/test_step.py tests/training/test_mirrored.py
  tests/training/test_other_processors.py tests/data/test_loader.py
  tests/distributed/test_same_mathematics.py tests/kaldi_io tests/scoring)
table=()
failed=0
load=
trap '[ -z "$load" ] || kill $load' EXIT
for setting in "${settings[@]}"; do
  command=(env)
  load=
  case $setting in
    plain) ;;
    AVX512_CORE | AVX2 | SSE41) command+=("ONEDNN_MAX_CPU_ISA=$setting") ;;
    no-onednn) command+=(TF_ENABLE_ONEDNN_OPTS=0) ;;
    no-kernels) command+=(OPEN_SEQ2SEQ_NATIVE=0) ;;
    one-core) command=(taskset -c 0) ;;
    busy)
      for _ in $(seq "$(nproc)"); do (while :; do :; done) & load+=" $!"; done
      ;;
    *) echo "unknown setting: $setting" >&2; exit 2 ;;
  esac
  echo "*** $setting"
  output=$(mktemp)
  "${command[@]}" "$python" -m pytest -q "${rooms[@]}" 2>&1 | tee "$output" ||
    failed=1
  table+=("$(printf '%-12s %s' "$setting" "$(tail -n 1 "$output")")")
  rm -f "$output"
  [ -z "$load" ] || kill $load
  load=
done
printf '%s\n' "${table[@]}"
exit $failed
