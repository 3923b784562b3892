#!/usr/bin/env bash
# Fetches what scripts/calibrate_model.py compares word times with, to calibration/:
#
#     scripts/get_calibration_files.sh [--url URL] [--alignments FILE_OR_URL]
#
# LibriSpeech's dev-clean (https://www.openslr.org/12, 350 MB; --url: a mirror) with its manifest,
# calibration/sample.csv, and forced alignments of fifty of its recordings,
# calibration/target.json: the file of OpenSeq2Seq's repository, made by Gentle; --alignments names
# another one, or the one in a checkout. What is there stays as it is.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
url=https://www.openslr.org/resources/12
alignments=https://raw.githubusercontent.com/NVIDIA/OpenSeq2Seq/master/calibration/target.json
while [ $# -gt 0 ]; do
  case $1 in
    --url | --alignments)
      [ $# -gt 1 ] || { echo "get_calibration_files.sh: $1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --url=* | --alignments=*)
      option=${1%%=*}
      printf -v "${option#--}" %s "${1#*=}"
      shift
      ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "get_calibration_files.sh: unknown argument $1 (--help shows them)" >&2; exit 2 ;;
  esac
done
python=python3
[ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python

mkdir -p calibration
target=calibration/target.json
if [ -s "$target" ]; then
  echo "$target is there already."
elif [ -f "$alignments" ]; then
  cp "$alignments" "$target"
else
  curl --fail --location --silent --show-error --retry 5 --output "$target.part" "$alignments"
  mv "$target.part" "$target"
fi
"$python" "$root/scripts/import_librivox.py" calibration --splits dev-clean --remove_archives \
  --url "$url"
sample=calibration/sample.csv
# OpenSeq2Seq's own has marks in place of folders.
if [ -s "$sample" ] && ! grep -q '#FILE_PATH_HERE#' "$sample"; then
  echo "$sample is there already."
else
  cp calibration/librivox-dev-clean.csv "$sample"
fi
echo "Next: python scripts/calibrate_model.py --config_file=my_config.py"
