#!/usr/bin/env bash
# Builds Horovod, for training with several processes or machines, against the TensorFlow that
# is installed, with Gloo, and with MPI where an MPI compiler is found.
#
#     scripts/install_horovod.sh                    into .venv of this checkout, else python3
#     scripts/install_horovod.sh --python PYTHON    into this interpreter's environment
#     scripts/install_horovod.sh --force            again, even if the right build is there
#
# It ends with a sum over two processes through every launcher that was built. Needed: a C++17
# compiler, make, CMake 3.13; for MPI: mpicxx and mpiexec. What is missing is said, with the
# command that installs it. Environment: HOROVOD_SOURCE, a fetched horovod-<version>.tar.gz;
# HOROVOD_WITH_MPI=1, fail without MPI; HOROVOD_WITHOUT_MPI=1; CXX, JOBS (compilers
# at a time), PIP_INDEX_URL, and Horovod's own, as HOROVOD_GPU_OPERATIONS=NCCL.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=
force=

fail() {
  echo "install_horovod.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

while [ $# -gt 0 ]; do
  case $1 in
    --python)
      [ $# -gt 1 ] || { echo "install_horovod.sh: $1 needs a value" >&2; exit 2; }
      python=$2
      shift 2
      ;;
    --python=*) python=${1#*=}; shift ;;
    --force) force=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *)
      echo "install_horovod.sh: unknown argument $1" >&2
      usage >&2
      exit 2
      ;;
  esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pin=$root/scripts/horovod_requirements.txt
version=$(sed -n 's/^horovod==\([^ ]*\) .*/\1/p' "$pin")
sha256=$(sed -n 's/.*sha256:\([0-9a-f]\{64\}\).*/\1/p' "$pin")

# --- the environment -------------------------------------------------------------------

if [ -z "$python" ]; then
  python=$root/.venv/bin/python
  [ -x "$python" ] || python=python3
fi
python=$(command -v "$python") || fail "there is no Python at the path given"
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
"$python" -m pip --version > /dev/null 2>&1 ||
  fail "$python has no pip; add it with $python -m ensurepip"

# --- what the system has ---------------------------------------------------------------

CXX=${CXX:-g++}
apt=() dnf=() missing=()
need() { # what, Debian's packages, Fedora's
  missing+=("$1")
  read -ra more <<< "$2" && apt+=("${more[@]}")
  read -ra more <<< "$3" && dnf+=("${more[@]}")
}
packages() {
  echo "  apt-get install ${apt[*]}"
  echo "  dnf install ${dnf[*]}"
}

echo 'int main() { return 0; }' > "$work/probe.cc"
"$CXX" -std=c++17 "$work/probe.cc" -o "$work/probe" > "$work/log" 2>&1 ||
  need "a C++17 compiler ($CXX)" g++ gcc-c++
command -v make > /dev/null || need make make make
cmake=$(cmake --version 2> /dev/null | sed -n 's/^cmake version \([0-9]*\.[0-9]*\).*/\1/p' || true)
printf '%s\n' 3.13 "${cmake:-0}" | sort -C -V ||
  need "CMake 3.13 or newer${cmake:+ (found $cmake)}" cmake cmake

mpi=
if [ "${HOROVOD_WITHOUT_MPI:-}" != 1 ]; then
  printf '#include <mpi.h>\nint main() { return MPI_Init(0, 0); }\n' > "$work/probe.cc"
  # Fedora keeps its MPIs out of PATH until a module is loaded.
  for folder in /usr/lib64/openmpi/bin /usr/lib64/mpich/bin; do
    command -v mpicxx > /dev/null || [ ! -x "$folder/mpicxx" ] || PATH=$PATH:$folder
  done
  if mpicxx "$work/probe.cc" -o "$work/probe" > "$work/log" 2>&1 && command -v mpiexec > /dev/null; then
    mpi=$(mpiexec --version 2>&1 | head -n 1)
  elif [ "${HOROVOD_WITH_MPI:-}" = 1 ]; then
    need "MPI (mpicxx, mpiexec)" "openmpi-bin libopenmpi-dev" openmpi-devel
  fi
fi
launchers=Gloo
if [ -n "$mpi" ]; then
  launchers="MPI ($mpi) and Gloo"
  export HOROVOD_WITH_MPI=1
fi

# --- is it there already? --------------------------------------------------------------

# Prints TensorFlow's version, and what is wrong with the installed Horovod, if anything.
cat > "$work/look.py" << 'END'
import json, os, sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tensorflow

print(tensorflow.__version__)
wanted = sys.argv[1]
try:
    if version("horovod") != wanted:
        sys.exit(print(f"Horovod {version('horovod')} is installed, not {wanted}."))
    import horovod.tensorflow as hvd
except PackageNotFoundError:
    sys.exit(print("Horovod is not installed."))
except Exception as error:
    sys.exit(print(f"The installed Horovod does not load: {type(error).__name__}: {error}"[:500]))
built = json.loads((Path(hvd.__file__).parents[1] / "metadata.json").read_text())["tensorflow"]
if built != tensorflow.__version__:
    print(f"The installed Horovod was built against TensorFlow {built}.")
elif not hvd.gloo_built():
    print("The installed Horovod has no Gloo.")
elif os.environ.get("HOROVOD_WITH_MPI") == "1" and not hvd.mpi_built():
    print("The installed Horovod has no MPI.")
elif os.environ.get("HOROVOD_GPU_OPERATIONS") == "NCCL" and not hvd.nccl_built():
    print("The installed Horovod has no NCCL.")
END
look() {
  "$python" "$work/look.py" "$version" > "$work/seen" 2> "$work/log" || {
    tail -n 3 "$work/log" >&2
    fail "$python has no working TensorFlow, which Horovod is built against; install the
framework first: $python -m pip install --constraint constraints.txt --editable ."
  }
  tensorflow=$(head -n 1 "$work/seen")
  wrong=$(sed 1d "$work/seen")
}

export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
look
if [ -z "$wrong$force" ]; then
  echo "Horovod $version for TensorFlow $tensorflow is there already, with $launchers."
  exit 0
fi
[ -z "$wrong" ] || echo "$wrong"
if [ ${#missing[@]} -gt 0 ]; then
  {
    echo "install_horovod.sh: not found:"
    printf '  %s\n' "${missing[@]}"
    echo "Install them with one of"
    packages
  } >&2
  exit 1
fi
if [ -z "$mpi" ]; then
  export HOROVOD_WITHOUT_MPI=1
  need MPI "openmpi-bin libopenmpi-dev" openmpi-devel
  echo "No MPI is used: Horovod gets Gloo alone (horovodrun). To have mpiexec too, first"
  packages
fi

# --- the source ------------------------------------------------------------------------

# setuptools also stands in for distutils, which horovodrun imports, from Python 3.12 on.
"$python" -m pip install --quiet --constraint "$root/constraints.txt" \
  cloudpickle packaging psutil pyyaml setuptools wheel ||
  fail "Horovod's Python requirements could not be installed"
archive=${HOROVOD_SOURCE:-}
if [ -z "$archive" ]; then
  echo "Fetching horovod-$version.tar.gz"
  "$python" -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation \
    --require-hashes --dest "$work" --requirement "$pin" ||
    fail "the download failed; fetch horovod-$version.tar.gz from a package index elsewhere and
set HOROVOD_SOURCE to it"
  archive=$work/horovod-$version.tar.gz
fi
[ -f "$archive" ] || fail "HOROVOD_SOURCE: $archive: no such file"
found=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$archive")
[ "$found" = "$sha256" ] ||
  fail "$archive has the SHA-256 $found, expected $sha256: it is damaged or another file"
mkdir "$work/source"
tar -xzf "$archive" -C "$work/source" --strip-components=1

# --- build -----------------------------------------------------------------------------

cd "$work/source"
# XLA's custom calls need headers that TensorFlow's wheels no longer ship; nothing here uses them.
sed -i.before '/xla_mpi_ops\.cc/d' horovod/tensorflow/CMakeLists.txt
cmp -s horovod/tensorflow/CMakeLists.txt{,.before} && fail "$archive is not as expected"
# The largest file first, no debugging symbols, and Gloo once: saves a third of the time.
sed -i 's/SHARED ${SOURCES} ${TF_SOURCES}/SHARED ${TF_SOURCES} ${SOURCES}/' \
  horovod/tensorflow/CMakeLists.txt
sed -i -e 's/^string(REPLACE "-O2" "-O3" CMAKE_CXX_FLAGS_RELWITHDEBINFO.*/set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O3 -DNDEBUG")/' \
  -e 's/add_subdirectory(third_party\/gloo)/add_subdirectory(third_party\/gloo EXCLUDE_FROM_ALL)/' CMakeLists.txt

export HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 HOROVOD_WITH_GLOO=1
export CXX MAKEFLAGS=-j${JOBS:-$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)}
# Its CMake files are older than CMake 4 takes unasked.
export CMAKE_POLICY_VERSION_MINIMUM=3.5
echo "Building Horovod $version for TensorFlow $tensorflow with $launchers; this takes minutes."
"$python" -m pip install --no-deps --no-build-isolation --force-reinstall . > "$work/log" 2>&1 || {
  mkdir -p "$root/build"
  cp "$work/log" "$root/build/horovod.log"
  grep -E -m 10 -B 1 -A 5 'error:|Error |CMake Error' "$work/log" >&2 || tail -n 40 "$work/log" >&2
  fail "Horovod does not build; the whole log is in build/horovod.log"
}

# --- does it work? ---------------------------------------------------------------------

cd "$work"
look
[ -z "$wrong" ] || fail "the build went well, but: $wrong"
cat > sum.py << 'END'
import horovod.tensorflow as hvd, tensorflow as tf

hvd.init()
total = hvd.allreduce(tf.constant([1.0, 10.0]) * (hvd.rank() + 1), op=hvd.Sum).numpy().tolist()
assert hvd.size() == 2 and total == [3.0, 30.0], f"{hvd.size()} processes, the sum is {total}"
END
# check LAUNCHER COMMAND... : a sum over two processes
check() {
  local launcher=$1
  shift
  timeout 300 "$@" "$python" sum.py > log 2>&1 || {
    local status=$?
    tail -n 40 log >&2
    [ $status != 124 ] || fail "$launcher: two processes did not find each other within 300 s"
    fail "$launcher: the sum over two processes failed (see above)"
  }
  echo "$launcher: two processes have added their vectors."
}
bin=$(dirname "$python")
PATH=$bin:$PATH
if [ -n "$mpi" ]; then
  # Open MPI starts as root, and on one core, only when it is told to; other MPIs need no word.
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe \
    check mpiexec mpiexec -n 2
fi
check "horovodrun --gloo" "$python" -m horovod.runner.launch --gloo --disable-cache -np 2
echo "Horovod $version for TensorFlow $tensorflow is installed, with $launchers."
