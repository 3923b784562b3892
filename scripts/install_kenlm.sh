#!/usr/bin/env bash
# Builds KenLM's tools (lmplz, build_binary, query), with which scripts/build_lm.py makes
# language models. Decoding needs none of them.
#
#     scripts/install_kenlm.sh                  into build/kenlm/bin of this checkout
#     scripts/install_kenlm.sh --prefix DIR     into DIR/bin
#     scripts/install_kenlm.sh --archive FILE   from a fetched kenlm-<version>.tar.gz
#
# Needed: a C++ compiler, tar, Boost's program_options and thread; zlib for .gz input. What is
# missing is said, with the command that installs it. Environment: CXX, CXXFLAGS, JOBS,
# PIP_INDEX_URL, and KENLM_SOURCE, which is as --archive.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$root/build/kenlm
archive=${KENLM_SOURCE:-}
CXX=${CXX:-g++}
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}

fail() {
  echo "install_kenlm.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --archive)
      [ $# -gt 1 ] || { echo "install_kenlm.sh: $1 needs a value" >&2; exit 2; }
      [ "$1" = --prefix ] && prefix=$2 || archive=$2
      shift 2
      ;;
    --prefix=*) prefix=${1#*=}; shift ;;
    --archive=*) archive=${1#*=}; shift ;;
    -h | --help) usage; exit 0 ;;
    *)
      echo "install_kenlm.sh: unknown argument $1" >&2
      usage >&2
      exit 2
      ;;
  esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- what the system has ---------------------------------------------------------------

# compiles SOURCE FLAGS... : whether a program compiles and links
compiles() {
  local source=$1
  shift
  printf '%s\n' "$source" > "$work/probe.cc"
  "$CXX" $CXXFLAGS "$work/probe.cc" -o "$work/probe" "$@" > "$work/probe.log" 2>&1
}

CXXFLAGS="${CXXFLAGS:--O3} -std=c++17"
apt=() dnf=() missing=()
need() { # what, Debian's packages, Fedora's
  missing+=("$1")
  read -ra more <<< "$2" && apt+=("${more[@]}")
  read -ra more <<< "$3" && dnf+=("${more[@]}")
}

command -v tar > /dev/null || need tar tar tar
has_compiler=yes
command -v "$CXX" > /dev/null && compiles 'int main() {}' || has_compiler=
[ -n "$has_compiler" ] || need "a C++17 compiler ($CXX)" g++ gcc-c++
options='#include <boost/program_options.hpp>
int main() { boost::program_options::options_description d("x"); return d.options().size(); }'
threads='#include <boost/thread.hpp>
int main() { boost::thread t([] {}); t.join(); }'
# Without a compiler nothing can be tried; then all packages are named.
if [ -z "$has_compiler" ] || ! compiles "$options" -lboost_program_options; then
  need "Boost program_options" libboost-program-options-dev boost-devel
fi
# Newer Boost has its system library in the headers alone.
boost_system=
compiles 'int main() {}' -lboost_system && boost_system=-lboost_system
if [ -z "$has_compiler" ] || ! compiles "$threads" -lboost_thread $boost_system -pthread; then
  need "Boost thread" "libboost-thread-dev libboost-system-dev" boost-devel
fi
if [ ${#missing[@]} -gt 0 ]; then
  {
    echo "install_kenlm.sh: not found:"
    printf '  %s\n' "${missing[@]}"
    echo "Install them with one of"
    echo "  apt-get install ${apt[*]}"
    echo "  dnf install $(printf '%s\n' "${dnf[@]}" | sort -u | tr '\n' ' ')"
    [ "$(uname)" != Darwin ] || echo "  xcode-select --install; brew install boost"
  } >&2
  exit 1
fi
zlib=()
if compiles '#include <zlib.h>
int main() { return zlibVersion()[0] == 0; }' -lz; then
  zlib=(-DHAVE_ZLIB)
else
  echo "zlib's header is not there (zlib1g-dev, zlib-devel): query will not read .gz files."
fi

# --- the source ------------------------------------------------------------------------

# One pin for the whole repository.
pin=$root/ctc_decoder_with_lm/kenlm_requirements.txt
version=$(sed -n 's/^kenlm==\([^ ]*\) .*/\1/p' "$pin")
sha256=$(sed -n 's/.*sha256:\([0-9a-f]\{64\}\).*/\1/p' "$pin")
[ -n "$version" ] && [ -n "$sha256" ] || fail "$pin does not name a version and its checksum"
index=${PIP_INDEX_URL:-https://pypi.org/simple}

# fetch URL FILE
fetch() {
  if command -v curl > /dev/null; then
    curl --fail --location --silent --show-error --retry 3 --output "$2" "$1"
  elif command -v wget > /dev/null; then
    wget --quiet --tries=3 --output-document="$2" "$1"
  else
    echo "neither curl nor wget is there" >&2
    return 1
  fi
}

if [ -z "$archive" ]; then
  elsewhere="fetch kenlm-$version.tar.gz elsewhere and give it with --archive"
  archive=$work/kenlm-$version.tar.gz
  echo "Fetching kenlm-$version.tar.gz from $index"
  fetch "${index%/}/kenlm/" "$work/index.html" || fail "the package index did not answer; $elsewhere"
  url=$(grep -o "href=\"[^\"]*/kenlm-$version\.tar\.gz" "$work/index.html" | head -1 | cut -c7-)
  case $url in
    http*://* | file://*) ;;
    /*) url=$(echo "$index" | sed 's|^\([a-z]*://[^/]*\).*|\1|')$url ;;
    ?*) url=${index%/}/kenlm/$url ;;
    *) fail "the package index has no kenlm-$version.tar.gz; $elsewhere" ;;
  esac
  fetch "$url" "$archive" || fail "the download failed; $elsewhere"
fi
[ -f "$archive" ] || fail "$archive: no such file"
if command -v sha256sum > /dev/null; then
  found=$(sha256sum < "$archive")
else
  found=$(shasum -a 256 < "$archive")
fi
[ "${found%% *}" = "$sha256" ] ||
  fail "$archive has the SHA-256 ${found%% *}, expected $sha256: it is damaged or another file"
mkdir "$work/source"
tar -xzf "$archive" -C "$work/source" --strip-components=1

# --- build -----------------------------------------------------------------------------

cd "$work/source"
flags="$CXXFLAGS -I. -DNDEBUG -DKENLM_MAX_ORDER=6 ${zlib[*]-} -pthread -w"
libraries="-lboost_program_options -lboost_thread $boost_system ${zlib:+-lz} -pthread"
[ "$(uname)" = Darwin ] || libraries+=" -lrt"
sources=($(find util util/double-conversion util/stream lm lm/common lm/builder \
  -maxdepth 1 -name '*.cc' ! -name '*test.cc' ! -name '*main.cc' | sort -u))
tools=(lm/builder/lmplz lm/build_binary lm/query)
echo "Compiling ${#sources[@]} files, $JOBS at a time"
printf '%s\n' "${sources[@]}" "${tools[@]/%/_main.cc}" |
  xargs -P "$JOBS" -I{} sh -c "$CXX $flags -c {} -o {}.o" || fail "KenLM does not compile"
objects=("${sources[@]/%/.o}")
mkdir -p "$prefix/bin" bin
for tool in "${tools[@]}"; do
  "$CXX" "${tool}_main.cc.o" "${objects[@]}" -o "bin/${tool##*/}" $libraries ||
    fail "${tool##*/} does not link"
done

# --- does it work? ---------------------------------------------------------------------

printf 'the cat sat\nthe dog sat on the cat\n' > two_lines.txt
bin/lmplz -o 2 --discount_fallback < two_lines.txt > check.arpa 2> check.log ||
  { cat check.log >&2; fail "lmplz does not work"; }
bin/build_binary trie check.arpa check.binary > check.log 2>&1 ||
  { cat check.log >&2; fail "build_binary does not work"; }
echo "the cat sat" | bin/query check.binary > check.txt 2> check.log ||
  { cat check.log >&2; fail "query does not work"; }
grep -q "OOV: 0" check.txt || { cat check.txt >&2; fail "query does not know its words"; }
cp bin/lmplz bin/build_binary bin/query "$prefix/bin/"
cp LICENSE COPYING* "$prefix/" 2> /dev/null || true
echo "lmplz, build_binary and query are in $prefix/bin; a language model of two lines was built."
