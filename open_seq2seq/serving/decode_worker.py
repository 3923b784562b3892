"""A process of its own: WebM or MP4 on standard input -> float32 samples on standard output.

python -I decode_worker.py CONTAINER RATE

It limits itself before it reads a byte: memory, processor time, no file of its own.
"""

import resource
import sys

_MEMORY = 2 << 30
_SECONDS = 300


def main() -> int:
    """Decodes the first audio track; returns the exit code."""
    container, rate = sys.argv[1], int(sys.argv[2])
    import av

    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    av.logging.set_level(None)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    out = sys.stdout.buffer
    try:
        with av.open(sys.stdin.buffer, format=container, metadata_errors="ignore") as file:
            stream = file.streams.audio[0]
            for frame in file.decode(stream):
                for part in resampler.resample(frame):
                    out.write(part.to_ndarray().tobytes())
            for part in resampler.resample(None):
                out.write(part.to_ndarray().tobytes())
        out.flush()
    except (av.FFmpegError, IndexError, ValueError, MemoryError, OSError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
