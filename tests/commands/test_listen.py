"""The command listen, on a small trained model and on an exported one whose text is known."""

import io
import json
import os
import re
import signal
import sys
import types
from itertools import pairwise
from queue import Queue

import numpy as np
import pytest
import soundfile
from rich.console import Console

from open_seq2seq.cli import main
from open_seq2seq.commands.listening.live_line import LiveLine, live_text
from open_seq2seq.commands.listening.shown import moment
from open_seq2seq.commands.listening.sources import FileSource, PipeSource, waiting
from open_seq2seq.data.audio import read_audio, resample
from open_seq2seq.decode_result import DecodeResult, Word
from open_seq2seq.errors import InputError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.streaming import Finished, StreamPartial
from tests.exported_models import FRAME_SHIFT, RATE, speech, write_exported
from tests.tiers import slow
from tests.training.conftest import CONFIG, TEXTS, speech_like, write_corpus

# Features that a stream can compute.
STREAMS = CONFIG.replace(
    '"pad_to": 8,', '"pad_to": 8, "gain": 1 / 32768, "feature_norm": "fixed", "window": "hamming",'
)
NEVER = ["--nothing_said=inf", "--after_speech=inf", "--too_long=inf"]
FAST = ["--speed=0"]
# Of the exported model: symbols in frames, and a pause that ends an utterance however windows of
# a second lie in it.
PAUSE = "." * 230
PATHS = ["aa-bb-", "cc-aa- bb-", "bb-bb-a-"]
SAID = ["ab", "ca b", "bba"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a config and a model that has begun to learn, and a recording."""
    folder = write_corpus(tmp_path_factory.mktemp("listen"), config=STREAMS)
    arguments = ["--mode=train", "--max_steps=60", "--save_checkpoint_steps=60"]
    assert main([f"--config_file={folder / 'config.py'}", *arguments]) == 0
    pause = np.zeros(int(1.7 * RATE), np.float32)
    parts = [part for n, text in enumerate(TEXTS) for part in (speech_like(text, n), pause)]
    soundfile.write(folder / "long.wav", np.concatenate(parts[:-1]), RATE)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An exported model of levels, and a recording of three utterances."""
    folder = tmp_path_factory.mktemp("exported")
    write_exported(folder)
    samples = speech("." * 140 + PAUSE.join([*PATHS, ""]))
    soundfile.write(folder / "said.wav", samples, RATE, subtype="FLOAT")
    return folder


@pytest.fixture
def listen(capfd):
    """Calls the command; returns exit code, standard output and standard error."""

    def call(*arguments):
        capfd.readouterr()  # of what was called before
        code = main(["listen", *map(str, arguments)])
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def of_exported(exported, listen):
    """The same, with the exported model."""
    return lambda *arguments: listen(f"--exported={exported}", *arguments)


def texts(output):
    """The texts of lines, each behind its time."""
    return [line.split("\t")[1] for line in output.splitlines()]


@pytest.mark.parametrize("chunk", [slow(0.04), 0.32, slow(3)])
def test_the_text_is_that_of_the_whole_recording(trained, listen, chunk):
    config, file = trained / "config.py", trained / "long.wav"
    code, out, err = listen(f"--config_file={config}", f"--file={file}", *FAST, *NEVER,
                            f"--chunk_seconds={chunk}")  # fmt: skip
    assert code == 0, err
    recognizer = Recognizer.load(config, ["--segmentation/enabled=False"])
    (whole,) = recognizer.transcribe([file])
    assert len(whole.text) >= 6, "nothing would be compared"
    assert texts(out) == [whole.text.strip()]
    assert "Windows that overlap" not in err and "real-time factor" in err


def test_an_exported_model_streams_as_the_trained_one(trained, listen, tmp_path):
    config, file = f"--config_file={trained / 'config.py'}", f"--file={trained / 'long.wav'}"
    expected = listen(config, file, *FAST)
    assert expected[0] == 0 and len(texts(expected[1])[0]) >= 6
    model = tmp_path / "model"
    assert main(["export", config, f"--output={model}", "--formats=onnx"]) == 0
    code, out, err = listen(f"--exported={model}", "--runtime=onnxruntime", file, *FAST)
    assert (code, out) == (0, expected[1]), err
    assert "Windows that overlap" not in err


def test_a_checkpoint_is_found_in_its_log_directory(trained, listen):
    arguments = (f"--config_file={trained / 'config.py'}", f"--file={trained / 'long.wav'}", *FAST)
    expected = listen(*arguments)
    assert expected[0] == 0 and expected[1]
    moved = listen(*arguments, "--logdir=nowhere", f"--checkpoint={trained / 'run'}")
    assert moved[:2] == expected[:2]


def test_utterances_are_lines_with_the_times_of_their_first_words(of_exported, exported):
    code, out, err = of_exported(f"--file={exported / 'said.wav'}", *FAST)
    assert code == 0, err
    frames = [140]
    for path in PATHS[:-1]:
        frames.append(frames[-1] + len(path + PAUSE))
    expected = [f"{moment(n * FRAME_SHIFT)}\t{text}" for n, text in zip(frames, SAID)]
    assert out.splitlines() == expected
    why = [line for line in err.splitlines() if "Windows that overlap" in line]
    assert len(why) == 1 and "whole recordings" in why[0]


def test_windows_that_are_asked_for(trained, listen):
    """They reach as far as the network sees, so that the text is that of the stream."""
    model = f"--config_file={trained / 'config.py'}", f"--file={trained / 'long.wav'}"
    expected = listen(*model, *FAST, *NEVER)[1]
    code, out, err = listen(*model, *FAST, *NEVER, "--buffered", "3", "0.5", "1")
    assert code == 0 and out == expected
    assert "Windows that overlap (3 s, 0.5 s and 1 s ahead), because of --buffered" in err


def test_json_lines_tell_how_the_text_grows(of_exported, exported):
    file = f"--file={exported / 'said.wav'}"
    code, out, err = of_exported(file, *FAST, "--json", "--chunk_seconds=0.05")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    finals = [row for row in rows if row["type"] == "final"]
    assert [row["text"] for row in finals] == SAID
    assert sum(row["type"] == "partial" for row in rows) > len(SAID)
    stable, before = "", None
    for row in rows:
        assert set(row) == {
            "type", "text", "stable", "start", "end", "words", "received", "decoded"
        }  # fmt: skip
        assert row["text"].startswith(row["stable"]) and row["stable"].startswith(stable)
        stable = "" if row["type"] == "final" else row["stable"]
        assert row["start"] <= row["end"] <= row["received"] + 1e-9
        assert row["decoded"] <= row["received"]
        assert " ".join(word["word"] for word in row["words"]) == row["text"]
        for word in row["words"]:
            assert row["start"] <= word["start"] <= word["end"] <= row["end"]
            assert (word["confidence"] is None) == (row["type"] == "partial")
        if before is not None:
            assert row["received"] >= before["received"] and row["decoded"] >= before["decoded"]
            ended = before["type"] == "final"
            assert row["start"] == pytest.approx(before["end"]) if ended else True
            assert ended or row["start"] == before["start"]
        before = row


def cues(path):
    """Start and text of each cue of a SubRip file."""
    blocks = path.read_text().strip().split("\n\n")
    found = []
    for number, block in enumerate(blocks, start=1):
        first, times, *lines = block.split("\n")
        assert first == str(number)
        hours, minutes, seconds = times.split(" --> ")[0].replace(",", ".").split(":")
        start = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
        found.append((pytest.approx(start, abs=1e-3), " ".join(lines)))
    return found


def test_subtitles_have_the_utterances_and_are_not_written_over(of_exported, exported, tmp_path):
    file, path = f"--file={exported / 'said.wav'}", tmp_path / "said.srt"
    code, _, err = of_exported(file, *FAST, f"--subtitles={path}")
    assert code == 0, err
    starts = [time for time, _ in cues(path)]
    assert [text for _, text in cues(path)] == SAID
    assert starts == [1.4, 3.76, 6.16]
    code, again, err = of_exported(file, *FAST, f"--subtitles={path}")
    assert code == 2 and again == "" and "results that are there already" in err
    path.write_text("older")
    assert of_exported(file, *FAST, f"--subtitles={path}", "--overwrite")[0] == 0
    assert [text for _, text in cues(path)] == SAID
    assert of_exported(file, *FAST, f"--subtitles={tmp_path / 'said.vtt'}")[0] == 0
    assert (tmp_path / "said.vtt").read_text().startswith("WEBVTT\n")
    code, _, err = of_exported(file, *FAST, f"--subtitles={tmp_path / 'said.txt'}")
    assert code == 2 and "found the ending .txt, expected .srt or .vtt" in err


def test_subtitles_of_silence_are_a_file_without_cues(of_exported, tmp_path):
    soundfile.write(tmp_path / "silence.wav", speech("." * 300), RATE)
    code, out, err = of_exported(f"--file={tmp_path / 'silence.wav'}", *FAST,
                                 f"--subtitles={tmp_path / 's.vtt'}")  # fmt: skip
    assert (code, out) == (0, ""), err
    assert (tmp_path / "s.vtt").read_text() == "WEBVTT\n\n"


# --- standard input


@pytest.fixture
def piped(of_exported, monkeypatch, tmp_path):
    """Calls the command with bytes on standard input."""

    def call(data, *arguments):
        path = tmp_path / "pipe"
        path.write_bytes(data)
        with open(path) as file:
            monkeypatch.setattr(sys, "stdin", file)
            return of_exported("--stdin", *arguments)

    return call


def test_raw_samples_are_the_recording(of_exported, piped, exported):
    file = exported / "said.wav"
    samples = read_audio(file, RATE)
    expected = of_exported(f"--file={file}", *FAST)[1]
    assert texts(expected) == SAID
    whole = np.round(samples * 32767).astype("<i2").tobytes()
    assert piped(whole)[:2] == (0, expected)
    floats = samples.astype("<f4").tobytes()
    assert piped(floats, "--format=f32le", f"--sample_freq={RATE}")[:2] == (0, expected)


@pytest.mark.parametrize(("format", "rest"), [("s16le", 1), ("f32le", 1), ("f32le", 3)])
def test_half_a_sample_at_the_end_is_left_out_and_said(piped, exported, format, rest):
    samples = read_audio(exported / "said.wav", RATE)
    data = np.round(samples * 32767).astype("<i2") if format == "s16le" else samples
    code, out, err = piped(data.tobytes() + b"\x7f" * rest, f"--format={format}", "--quiet")
    assert code == 0 and texts(out) == SAID
    what = "1 byte is" if rest == 1 else f"{rest} bytes are"
    size = 2 if format == "s16le" else 4
    said = f"within a sample of {size} bytes ({format}): {what} left out."
    assert f"WARNING: Standard input ended {said}" in err


def test_what_is_no_number_ends_it_after_what_was_heard(piped, exported):
    samples = read_audio(exported / "said.wav", RATE)
    samples[200 * 80] = np.nan
    code, out, err = piped(samples.tobytes(), "--format=f32le")
    assert code == 2 and texts(out) == SAID[:1]
    assert "found nan in sample 16000 (2.00 s), expected finite samples" in err
    assert "--format is s16le" in err


def test_nothing_on_standard_input_is_said(piped, monkeypatch, listen, exported):
    code, out, err = piped(b"")
    assert (code, out) == (2, "") and "standard input: found nothing" in err
    monkeypatch.setattr(sys, "stdin", None)
    code, out, err = listen(f"--exported={exported}", "--stdin")
    assert code == 2 and "no standard input" in err and "arecord" in err


def test_a_pipe_is_read_wherever_it_is_cut(exported):
    """Pieces of any number of bytes, half samples among them, are all of the samples."""
    rng = np.random.default_rng(0)
    data = rng.integers(-3000, 3000, 5000).astype("<i2").tobytes()
    reader, writer = os.pipe()
    source = PipeSource("s16le", RATE, print, descriptor=reader)
    source.prepare(RATE)
    blocks = source.blocks(types.SimpleNamespace(requested=False))
    cuts = [0, *sorted(rng.integers(0, len(data), 7)), len(data)]
    for first, end in pairwise(cuts):
        os.write(writer, data[first:end])
    os.close(writer)
    found = np.concatenate([block.samples for block in blocks])
    os.close(reader)
    assert found.tobytes() == data


# --- the microphone


def fake_sound(monkeypatch, samples, rate, devices=("Mic",)):
    """A module sounddevice whose microphone hears samples and then Ctrl-C."""
    sound = types.ModuleType("sounddevice")
    described = [
        {"name": name, "max_input_channels": 1, "default_samplerate": float(rate)}
        for name in devices
    ]

    def query_devices(device=None, kind=None):
        if kind is None:
            return described
        if not described or device not in (None, *range(len(described))):
            raise ValueError(f"No input device matching {device!r}")
        return described[device or 0]

    def check_input_settings(device, channels, dtype, samplerate):
        if samplerate != rate:
            raise ValueError("Invalid sample rate")

    class InputStream:
        active = True

        def __init__(self, callback, samplerate, blocksize, channels, dtype, device):
            assert (channels, dtype) == (1, "float32")
            self.callback, self.size = callback, blocksize
            sound.opened = samplerate

        def __enter__(self):
            for first in range(0, len(samples), self.size):
                block = samples[first : first + self.size].astype(np.float32)
                self.callback(block[:, None], len(block), None, "")
            os.kill(os.getpid(), signal.SIGINT)

        def __exit__(self, *_):
            sound.closed = True

    sound.query_devices, sound.InputStream = query_devices, InputStream
    sound.check_input_settings = check_input_settings
    monkeypatch.setitem(sys.modules, "sounddevice", sound)
    return sound


def test_the_microphone_until_ctrl_c(of_exported, exported, monkeypatch):
    samples = read_audio(exported / "said.wav", RATE)
    sound = fake_sound(monkeypatch, samples, RATE)
    code, out, err = of_exported()
    assert code == 0, err
    assert texts(out) == SAID  # the last one waited for the end
    assert sound.closed and sound.opened == RATE and "Listening to Mic" in err


def test_other_rates_are_converted(trained, listen, monkeypatch, tmp_path):
    """Of a recording, of standard input, and of a microphone that has not the model's."""
    samples = resample(read_audio(trained / "long.wav", RATE), RATE, 2 * RATE)
    soundfile.write(tmp_path / "twice.wav", samples, 2 * RATE, subtype="FLOAT")
    (whole,) = Recognizer.load(trained / "config.py", ["--segmentation/enabled=False"]).transcribe(
        [tmp_path / "twice.wav"]
    )
    model = f"--config_file={trained / 'config.py'}", *NEVER
    code, out, err = listen(*model, f"--file={tmp_path / 'twice.wav'}", *FAST)
    assert code == 0 and texts(out) == [whole.text.strip()], err
    (tmp_path / "raw").write_bytes(samples.astype("<f4").tobytes())
    with open(tmp_path / "raw") as file:
        monkeypatch.setattr(sys, "stdin", file)
        rate = f"--sample_freq={2 * RATE}"
        assert listen(*model, "--stdin", "--format=f32le", rate)[:2] == (0, out)
    sound = fake_sound(monkeypatch, samples, 2 * RATE)
    assert listen(*model, "--device=0")[:2] == (0, out)
    assert sound.opened == 2 * RATE
    code, _, err = listen(*model, f"--sample_freq={3 * RATE}")
    assert code == 2 and f"Its own rate is {2 * RATE}." in err


def test_without_a_microphone_the_remedy_is_said(of_exported, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, out, err = of_exported()
    assert (code, out) == (2, "") and "pip install 'open-seq2seq[listen]'" in err
    fake_sound(monkeypatch, np.zeros(1), RATE, devices=())
    code, _, err = of_exported()
    assert code == 2 and "Connect one." in err and "--stdin" in err
    fake_sound(monkeypatch, np.zeros(1), RATE, devices=("Mic", "Line"))
    code, _, err = of_exported("--device=7")
    assert code == 2 and "expected one of 0: Mic, 1: Line. Choose one by --device." in err
    monkeypatch.delitem(sys.modules, "sounddevice")
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    code, _, err = of_exported()
    assert code == 2 and "PortAudio library not found" in err and "libportaudio2" in err


# --- a recording in real time


class Time:
    """A clock that goes on when it is slept, or when somebody works."""

    def __init__(self):
        self.now, self.slept = 100.0, 0.0

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds
        self.slept += seconds


@pytest.mark.parametrize("speed", [0.5, 1, 4])
def test_samples_arrive_when_they_would_be_spoken(exported, speed):
    time, file = Time(), exported / "said.wav"
    samples = read_audio(file, RATE)
    source = FileSource(str(file), speed, 0.1, lambda: time.now, time.sleep)
    played, work = 0, 0.0
    for number, block in enumerate(source.blocks(types.SimpleNamespace(requested=False))):
        played += len(block.samples)
        assert block.arrived == pytest.approx(100 + played / RATE / speed)
        assert time.now >= block.arrived - 1e-9
        if number == 3:  # The samples that come meanwhile are not later for it.
            time.now += 0.3
            work += 0.3
    assert played == len(samples)
    assert time.slept + work == pytest.approx(played / RATE / speed)


def test_a_wish_to_end_ends_a_recording(exported):
    time, stop = Time(), types.SimpleNamespace(requested=False)
    source = FileSource(str(exported / "said.wav"), 1, 0.1, lambda: time.now, time.sleep)
    blocks = source.blocks(stop)
    next(blocks)
    stop.requested = True
    assert list(blocks) == [] and time.slept < 0.1


@pytest.mark.parametrize(("behind", "given"), [(0.5, 3), (30.0, 0)])
def test_a_wish_to_end_does_not_wait_for_what_is_far_behind(behind, given):
    time, stop, said = Time(), types.SimpleNamespace(requested=False), []
    queue = Queue()
    for number in range(4):
        queue.put((f"samples {number}", time.now))
    blocks = waiting(queue, stop, lambda: time.now, said.append)
    assert next(blocks)[0] == "samples 0"
    time.now += behind
    stop.requested = True
    assert len(list(blocks)) == given
    expected = [] if given else ["The last 30 s are left out: computing was so far behind."]
    assert said == expected


def test_the_latency_is_said_in_the_end(of_exported, exported):
    code, _, err = of_exported(f"--file={exported / 'said.wav'}", *FAST, "--chunk_seconds=0.5",
                               "--quiet")  # fmt: skip
    assert code == 0
    seconds = len(read_audio(exported / "said.wav", RATE)) / RATE
    assert f"{seconds:.1f} s of audio in chunks of 500 ms, look-ahead 1000 ms" in err
    figures = re.search(r"p50 ([\d.]+) ms, p95 ([\d.]+) ms, p99 ([\d.]+) ms \((\d+) chunks", err)
    p50, p95, p99, chunks = map(float, figures.groups())
    assert 0 < p50 <= p95 <= p99
    # Each chunk but those that wait for the end.
    assert chunks == int((seconds - 1.0) / 0.5)


# --- the live line


def partial(text, stable):
    return StreamPartial(text, stable, ())


def screen(output):
    """The lines that a terminal shows after this output, and the widest that it ever showed."""
    lines, widest = [""], 0
    for part in re.findall(r"\x1b\[[\d;]*[mK]|\r|\n|[^\x1b\r\n]+", output):
        if part == "\n":
            lines.append("")
        elif part == "\x1b[2K":
            lines[-1] = ""
        elif part != "\r" and not part.startswith("\x1b"):
            lines[-1] += part
        widest = max(widest, len(lines[-1]))
    return lines, widest


def test_the_live_line_is_written_in_place():
    file = io.StringIO()
    shown = LiveLine(Console(file=file, force_terminal=True, width=20, color_system="standard"))
    for text in ("one", "one two", "one two three", "one two three four five six"):
        shown.partial(partial(text, "one"))
    lines, widest = screen(file.getvalue())
    assert lines == ["…hree four five six"] and widest <= 19
    before = file.getvalue()
    shown.partial(partial("one two three four five six", "one"))
    assert file.getvalue() == before, "nothing changed"
    words = (Word("one", 62.5, 63.0, 1.0),)
    shown.final(Finished(DecodeResult("one two three four five six", 0.0, words), 60, 66, 66, 66))
    shown.final(Finished(DecodeResult("", 0.0, ()), 66, 69, 69, 69))
    shown.close()
    lines, _ = screen(file.getvalue())
    assert lines[1:] == [""]
    assert lines[0].split(maxsplit=1) == ["1:02.50", "one two three four five six"]


@pytest.mark.parametrize(
    ("text", "stable", "width", "expected"),
    [
        ("abc def", 3, 7, [("abc", "green"), (" def", "yellow")]),
        ("abc def", 3, 6, [("…c", "green"), (" def", "yellow")]),
        ("abc def", 7, 4, [("…def", "green")]),
        ("abc def", 0, 7, [("abc def", "yellow")]),
        ("語語語", 1, 5, [("…", "green"), ("語語", "yellow")]),
        ("語語語", 1, 4, [("…", "green"), ("語", "yellow")]),
    ],
)
def test_what_fits_is_the_end_and_keeps_its_colours(text, stable, width, expected):
    line = live_text(text, stable, width)
    assert line.cell_len <= width
    spans = [(line.plain[span.start : span.end], span.style) for span in line.spans]
    assert [one for one in spans if one[0]] == expected


def test_moments():
    assert [moment(s) for s in (0, 9.999, 61.25, 3661.5)] == [
        "0:00.00", "0:10.00", "1:01.25", "1:01:01.50"
    ]  # fmt: skip


# --- wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either --config_file or --exported"),
        (["--exported=x", "--config_file=y"], "either --config_file or --exported"),
        (["--exported=x", "--checkpoint=y"], "--checkpoint is for --config_file"),
        (["--config_file=x", "--runtime=y"], "--runtime is for --exported"),
        (["--exported=x", "--file=y", "--stdin"], "one of them"),
        (["--exported=x", "--speed=0"], "--speed is for --file"),
        (["--exported=x", "--file=y", "--speed=-1"], "at least 0"),
        (["--exported=x", "--file=y", "--format=s16le"], "--format is for --stdin"),
        (["--exported=x", "--file=y", "--sample_freq=8000"], "--sample_freq is for --stdin"),
        (["--exported=x", "--stdin", "--device=0"], "--device is for the microphone"),
        (["--exported=x", "--overwrite"], "--overwrite is for --subtitles"),
        (["--exported=x", "--buffered", "1", "1", "1", "--chunk_seconds=1"], "leave out --chunk"),
    ],
)
def test_flags_that_do_not_fit_together(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["listen", *arguments])
    assert ended.value.code == 2 and said in capsys.readouterr().err


def test_what_cannot_be_used_is_said_before_anything_is_heard(of_exported, exported, tmp_path):
    file = f"--file={exported / 'said.wav'}"
    for arguments, said in (
        ([f"--file={tmp_path / 'none.wav'}"], "none.wav"),
        ([file, "--after_speech=0"], "--after_speech=0: found no time"),
        ([file, "--too_long=nan"], "--too_long=nan"),
        ([file, "--voice_gate", "5"], "threshold: found 5.0, expected -200 to 0 dB"),
        ([file, "--buffered", "1", "0", "1"], "chunk: found 0.0"),
        ([file, "--subtitles=/proc/x.srt"], "--subtitles"),
        ([file, "--runtime=none"], "none"),
        ([file, "--decoder_params/beam_wdith=5"], "beam_width"),
    ):
        code, out, err = of_exported(*arguments)
        assert (code, out) == (2, "") and said in err, arguments


def test_a_source_that_is_not_there():
    with pytest.raises(InputError, match=r"none\.wav"):
        FileSource("none.wav", 1, 0.1)
