"""The microphone, by PortAudio (the package sounddevice, the extra `listen`)."""

from __future__ import annotations

import time
from collections.abc import Generator
from queue import Queue
from typing import Any

import numpy as np

from open_seq2seq.commands.listening.sources import BLOCK_SECONDS, Block, Clock, Say, Stop, waiting
from open_seq2seq.errors import InputError, Problem, RunError

# So many seconds behind the microphone, it is said.
_BEHIND = 3.0
_OTHERWISE = "--file plays a recording, and --stdin takes samples of another program."


class Microphone:
    """What a microphone hears, one channel.

    Args:
      device: its number, a part of its name, or None: the system's.
      sample_freq: in Hz; None: the model's where the device has it, otherwise the device's own.
      say: gets what the user should know.

    Raises:
      InputError: there is no package, no such device, or not this rate.
    """

    def __init__(
        self,
        device: str | None,
        sample_freq: int | None,
        say: Say,
        clock: Clock = time.monotonic,
    ):
        self._sound, self._say, self._clock = _sounddevice(), say, clock
        self._device = int(device) if device is not None and device.isdecimal() else device
        self._rate = sample_freq
        self._described = self._find()

    @property
    def name(self) -> str:
        """See `Source`."""
        return str(self._described["name"])

    def prepare(self, model_freq: int) -> int:
        """See `Source`."""
        wanted = self._rate
        self._rate = wanted or model_freq
        try:
            self._sound.check_input_settings(
                device=self._device, channels=1, dtype="float32", samplerate=self._rate
            )
        except Exception as error:
            own = int(self._described["default_samplerate"])
            if wanted == own or (wanted is None and own == self._rate):
                raise self._refused(error) from error
            if wanted is not None:
                found, remedy = f"{self.name}, which refuses it", f"Its own rate is {own}."
                problem = Problem(f"--sample_freq={wanted}", found, "a rate of it", remedy)
                raise InputError("The microphone cannot be used:", [problem]) from error
            self._rate = own
        return self._rate

    def blocks(self, stop: Stop) -> Generator[Block, None, None]:
        """See `Source`."""
        queue: Queue[Any] = Queue()
        lost: list[str] = []

        def heard(samples: np.ndarray, frames: int, times: Any, status: Any) -> None:
            if status:
                lost.append(str(status))
            queue.put(Block(samples[:, 0].copy(), self._clock()))

        try:
            stream = self._sound.InputStream(
                device=self._device,
                channels=1,
                dtype="float32",
                samplerate=self._rate,
                blocksize=round(BLOCK_SECONDS * (self._rate or 0)),
                callback=heard,
            )
        except Exception as error:
            raise self._refused(error) from error

        def still_there() -> None:
            if not stream.active:
                raise RunError(f"The microphone {self.name} gives no samples any more.")

        said_lost = said_late = False
        with stream:
            for block in waiting(queue, stop, self._clock, self._say, still_there):
                if lost and not said_lost:
                    said_lost = True
                    self._say(f"Samples of the microphone are lost ({lost[0]}).")
                late = self._clock() - block.arrived
                if late > _BEHIND and not said_late:
                    said_late = True
                    self._say(
                        f"{late:.0f} s behind the microphone: this machine is too slow "
                        "for the model. A longer --chunk_seconds costs less."
                    )
                yield block

    def _find(self) -> Any:
        try:
            return self._sound.query_devices(self._device, "input")
        except Exception as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> InputError:
        """What to say of a device that there is not, or that does not answer."""
        try:
            every = list(enumerate(self._sound.query_devices()))
        except Exception:
            every = []
        names = [f"{number}: {one['name']}" for number, one in every if one["max_input_channels"]]
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        where = "microphone" if self._device is None else f"--device={self._device}"
        expected = f"one of {', '.join(names)}" if names else "a microphone"
        remedy = "Choose one by --device." if names else f"Connect one. {_OTHERWISE}"
        problem = Problem(where, why, expected, remedy)
        return InputError("The microphone cannot be used:", [problem])


def _sounddevice() -> Any:
    """The package.

    Raises:
      InputError: it, or the library that it needs, is not there.
    """
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        if error.name != "sounddevice":
            raise
        remedy = f"pip install 'open-seq2seq[listen]'. {_OTHERWISE}"
        problem = Problem("microphone", "no package sounddevice", "an installed one", remedy)
        raise InputError("The microphone cannot be used:", [problem]) from error
    except OSError as error:  # its library
        remedy = f"On Debian and Ubuntu: sudo apt install libportaudio2. {_OTHERWISE}"
        problem = Problem("microphone", f"sounddevice and {error}", "PortAudio's library", remedy)
        raise InputError("The microphone cannot be used:", [problem]) from error
    return sounddevice
