"""OpenAI's transcriptions: what clients send, and what they get."""

import json

import numpy as np
import pytest

from tests.exported_models import RATE, speech
from tests.serving.conftest import PATH, TEXT, transcribe, wave
from tests.tiers import slow

LONG = np.zeros(61 * RATE, np.float32)


def events(text):
    """The objects of server-sent events."""
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("text", f"{TEXT}\n"),
        ("srt", f"1\n00:00:00,020 --> 00:00:01,020\n{TEXT}\n\n"),
        ("vtt", f"WEBVTT\n\n00:00:00.020 --> 00:00:01.020\n{TEXT}\n\n"),
    ],
)
def test_plain_formats(client, format, expected):
    answer = transcribe(client, response_format=format)
    assert (answer.status_code, answer.text) == (200, expected)
    assert answer.headers["content-type"].startswith(
        "text/vtt" if format == "vtt" else "text/plain"
    )


def test_json(client):
    answer = transcribe(client, model="whisper-1")
    assert answer.json() == {"text": TEXT, "usage": {"type": "duration", "seconds": 1}}


@pytest.mark.parametrize("field", ["timestamp_granularities[]", "timestamp_granularities"])
def test_verbose_json_has_words_at_the_times_of_the_signal(client, field):
    body = transcribe(client, response_format="verbose_json", **{field: "word,segment"}).json()
    assert body["task"] == "transcribe" and body["duration"] == len(PATH) / 100
    assert [one["word"] for one in body["words"]] == TEXT.split()
    starts = [PATH.index("a") / 100, PATH.index("cc") / 100]
    assert [one["start"] for one in body["words"]] == pytest.approx(starts, abs=0.011)
    (segment,) = body["segments"]
    assert set(segment) == {"id", "seek", "start", "end", "text", "tokens", "temperature",
                            "avg_logprob", "compression_ratio", "no_speech_prob"}  # fmt: skip
    mean = np.mean([np.log(one["confidence"]) for one in body["words"]])
    assert segment["avg_logprob"] == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("model", ["levels", "streaming"])
def test_events_add_up_to_the_text(client, model):
    answer = transcribe(client, model=model, stream="true")
    *deltas, done = events(answer.text)
    assert {one["type"] for one in deltas} == {"transcript.text.delta"}
    assert done["type"] == "transcript.text.done"
    assert "".join(one["delta"] for one in deltas) == done["text"] == TEXT
    assert client.service.queue.running == 0


def test_a_prompt_is_hot_words(client):
    unsure = wave(speech("..aaa--") * 0.9 + speech("..bbb--") * 0.1)  # between a and b
    plain = transcribe(client, unsure, beam_width=8).json()["text"]
    assert plain != "b"
    hot = transcribe(client, unsure, hot_words='{"b": 30}').json()["text"]
    assert set(hot.split()) == {"b"}
    assert transcribe(client, unsure, prompt="b, c.", beam_width=8).status_code == 200
    refused = transcribe(client, prompt="naïve")
    assert refused.status_code == 400 and "naïve" in refused.json()["error"]["message"]


def test_other_numbers_of_the_search(client):
    body = transcribe(client, nbest=3, beam_width=20, response_format="verbose_json").json()
    assert body["nbest"][0]["text"] == TEXT and len(body["nbest"]) == 3
    scores = [one["score"] for one in body["nbest"]]
    assert scores == sorted(scores, reverse=True)
    assert all(one["log_probability"] < 0 for one in body["nbest"])


def test_a_score_holds_what_hot_words_add_and_a_log_probability_does_not(client):
    wanted = {"nbest": 2, "response_format": "verbose_json"}
    (plain, *_), (hot, *_) = (
        transcribe(client, **wanted, **more).json()["nbest"]
        for more in ({}, {"hot_words": '{"ab": 7}', "beta": "2"})
    )
    assert plain["text"] == hot["text"] == TEXT
    assert hot["log_probability"] == pytest.approx(plain["log_probability"], abs=1e-3)
    assert plain["log_probability"] < 0 < hot["score"]
    # The phrase once, and beta for each of two words.
    assert hot["score"] - hot["log_probability"] == pytest.approx(7 + 2 * 2, abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"response_format": "diarized_json"}, "response_format", "verbose_json"),
        ({"timestamp_granularities[]": "letter"}, "timestamp_granularities[]", "'letter'"),
        ({"model": "gpt"}, "model", "levels, streaming"),
        ({"beam_width": "1e9"}, "beam_width", "from 1 to 1000"),
        ({"alpha": "nan"}, "alpha", "from -100 to 100"),
        ({"hot_words": "[1]"}, "hot_words", "a list of phrases"),
    ],
)
def test_fields_that_make_no_sense(client, fields, param, words):
    answer = transcribe(client, **fields)
    error = answer.json()["error"]
    assert (
        answer.status_code in (400, 404) and error["param"] == param and words in error["message"]
    )
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"no audio at all", 415, "unsupported_format"),
        (b"", 415, "unsupported_format"),
        (wave()[:-100], 400, "invalid_audio"),
        (wave(np.zeros((10, 17), np.float32)), 400, "invalid_audio"),
        (wave(LONG, subtype="PCM_U8"), 413, "audio_too_long"),
        (wave(LONG, format="FLAC", subtype="PCM_16"), 413, "audio_too_long"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), 400, "invalid_audio"),
    ],
    ids=["text", "empty", "cut", "channels", "long", "small and long", "webm"],
)  # fmt: skip
def test_files_that_are_refused(client, data, status, code):
    answer = transcribe(client, data, name="../../etc/passwd")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert "/dev/fd" not in error["message"] and "/" not in error["message"].split(":")[0]


@pytest.mark.parametrize("format", ["FLAC", slow("OGG"), slow("MP3")])
def test_other_formats(client, format):
    subtype = {"FLAC": "PCM_16", "OGG": "OPUS", "MP3": "MPEG_LAYER_III"}[format]
    long = np.concatenate([speech("....." + PATH + "....")] * 4)
    answer = transcribe(client, wave(long, 8000, format, subtype), name="a.webm")
    assert answer.status_code == 200
    if format == "FLAC":
        assert answer.json()["text"].split() == TEXT.split() * 4


def test_a_form_without_a_file(client):
    for answer in (
        client.post("/v1/audio/transcriptions", data={"model": "levels"}),
        client.post("/v1/audio/transcriptions", content=b"x"),
    ):
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "missing_file"


def test_models(client):
    listed = client.get("/v1/models").json()["data"]
    assert [one["id"] for one in listed] == ["levels", "streaming"]
    assert [one["streams"] for one in listed] == [False, True]
    assert client.get("/v1/models/levels").json()["object"] == "model"
    missing = client.get("/v1/models/other")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
