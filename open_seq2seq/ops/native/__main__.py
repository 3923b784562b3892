"""`python -m open_seq2seq.ops.native`: builds the C++ kernels where they can be used."""

import sys

from open_seq2seq.errors import RunError
from open_seq2seq.ops.native import build, supported


def main() -> int:
    if not supported():
        print("C++ kernels: not built, this CPU has no AVX512-BF16; TensorFlow's are used.")
        return 0
    try:
        print(f"C++ kernels: {build()}")
    except RunError as error:
        print(f"{error}\nTraining works without them, more slowly.", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
