#!/usr/bin/env bash
# Runs the fast tests, as OpenSeq2Seq's script of this name: make test, whose arguments it takes.
set -euo pipefail
exec make -C "$(dirname "${BASH_SOURCE[0]}")/.." test "$@"
