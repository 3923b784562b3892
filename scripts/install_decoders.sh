#!/usr/bin/env bash
# Builds the beam search, as OpenSeq2Seq's script of this name did: python -m
# ctc_decoder_with_lm.build, whose arguments it takes. KenLM's tools are scripts/install_kenlm.sh's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python
exec "$python" -m ctc_decoder_with_lm.build "$@"
