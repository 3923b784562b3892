#!/usr/bin/env bash
# Fetches a language model of LibriSpeech (https://www.openslr.org/11), lower-cases it and builds
# KenLM's binary of it. An interrupted download goes on where it stopped.
#
#     scripts/download_lm.sh [NAME] [--folder DIR] [--url URL] [--tools DIR] [--keep] [--list]
#
# NAME: 3-gram.pruned.3e-7 (the smallest), 3-gram.pruned.1e-7, 3-gram or 4-gram (the largest, more
# than a gigabyte packed); 4-gram, OpenSeq2Seq's, if none is given. The result is
# language_model/NAME.binary (the quantised trie of OpenSeq2Seq). build_binary comes from
# scripts/install_kenlm.sh. --url: where the files are, instead of OpenSLR (a mirror, file://);
# --keep: keep the lower-cased ARPA file.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
names="3-gram.pruned.3e-7 3-gram.pruned.1e-7 3-gram 4-gram"
name=4-gram
folder=language_model
url=https://www.openslr.org/resources/11
tools=
keep=

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

wrong() {
  echo "download_lm.sh: $*" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --folder | --url | --tools)
      [ $# -gt 1 ] || wrong "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --folder=* | --url=* | --tools=*)
      option=${1%%=*}
      printf -v "${option#--}" %s "${1#*=}"
      shift
      ;;
    --keep) keep=yes; shift ;;
    --list) printf '%s\n' $names; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    -*) wrong "unknown argument $1 (--help shows them)" ;;
    *) name=$1; shift ;;
  esac
done
case " $names " in
  *" $name "*) ;;
  *) wrong "there is no model $name; there are: $names" ;;
esac

# Before anything large is fetched.
for place in "$tools" "$root/build/kenlm/bin" ""; do
  if [ -z "$place" ]; then
    build_binary=$(command -v build_binary || true)
  else
    build_binary=$place/build_binary
  fi
  [ -x "$build_binary" ] && break
  [ -z "$tools" ] || break
done
if [ ! -x "$build_binary" ]; then
  echo "download_lm.sh: there is no build_binary; scripts/install_kenlm.sh builds it" >&2
  exit 1
fi

mkdir -p "$folder"
arpa=$folder/$name.arpa
packed=$arpa.gz
binary=$folder/$name.binary
if [ -s "$binary" ]; then
  echo "$binary is there already; remove it to have it made again."
  exit 0
fi
source=${url%/}/$name.arpa.gz
if [ ! -s "$packed" ]; then
  echo "Fetching $source"
  # A part that is there already is continued, not fetched again.
  if command -v curl > /dev/null; then
    fetch=(curl --fail --location --retry 5 --continue-at - --output "$packed.part" "$source")
    [ -t 2 ] || fetch+=(--silent --show-error)
  elif command -v wget > /dev/null; then
    fetch=(wget --continue --tries=5 --output-document="$packed.part" "$source")
  else
    wrong "neither curl nor wget is there"
  fi
  if ! "${fetch[@]}" && ! gzip -t "$packed.part" 2> /dev/null; then
    # Some servers give no parts of files; then the whole is fetched.
    rm -f "$packed.part.whole"
    if [ -s "$packed.part" ] && "${fetch[@]/$packed.part/$packed.part.whole}"; then
      mv "$packed.part.whole" "$packed.part"
    else
      echo "download_lm.sh: the download failed; the same command goes on with it" >&2
      exit 1
    fi
  fi
  if ! gzip -t "$packed.part" 2> /dev/null; then
    echo "download_lm.sh: $packed.part is not a whole gzip file; remove it and try again" >&2
    exit 1
  fi
  mv "$packed.part" "$packed"
fi

# The sections' marks are lower-case; so is <unk> written then, as KenLM wants it.
echo "Lower-casing to $arpa"
gzip -dc "$packed" | LC_ALL=C tr '[:upper:]' '[:lower:]' > "$arpa.part"
mv "$arpa.part" "$arpa"
echo "Building $binary"
"$build_binary" -q 8 -b 7 -a 256 trie "$arpa" "$binary.part"
mv "$binary.part" "$binary"
[ -n "$keep" ] || rm "$arpa"
echo "$binary is ready; $packed can be removed."
