#!/usr/bin/env bash
# Fetches the text of LibriSpeech's language models (https://www.openslr.org/11, 1.4 GB packed) to
# language_model/ and builds a 6-gram of it in lower case:
#
#     scripts/build_6-gram_OpenSLR_lm.sh [--url URL] [arguments of scripts/build_lm.py]
#
# --url: where the file is, instead of OpenSLR (a mirror, file://). An interrupted download goes on.
# Without --prune, lmplz needs more disk than the text, and much memory.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
url=https://www.openslr.org/resources/11
case ${1-} in
  --url) url=${2:?"--url needs a value"}; shift 2 ;;
  --url=*) url=${1#*=}; shift ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac
python=python3
[ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python

text=language_model/librispeech-lm-norm.txt.gz
mkdir -p language_model
if [ ! -s "$text" ]; then
  curl --fail --location --retry 5 --continue-at - --output "$text.part" "${url%/}/${text##*/}"
  mv "$text.part" "$text"
fi
exec "$python" "$root/scripts/build_lm.py" "$text" --order=6 --lower_case "$@"
