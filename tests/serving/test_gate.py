"""Who may ask, how often and how much; what answers and logs hold."""

import json
import logging
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import WebSocketDenialResponse

from open_seq2seq.errors import InputError
from open_seq2seq.messages import LOGGER
from open_seq2seq.serving.api_keys import ApiKeys
from open_seq2seq.serving.origins import Origins
from tests.serving.conftest import KEY, TEXT, transcribe, wave


def test_keys(serve):
    client = serve(keys=["another-key-of-some-letters", KEY])
    assert transcribe(client, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    for given in ({}, {"Authorization": f"Bearer {KEY[:-1]}"}, {"Authorization": KEY}):
        answer = transcribe(client, headers=given)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "invalid_api_key"
    assert client.get("/metrics").status_code == 401
    assert client.get("/healthz").status_code == client.get("/").status_code == 200
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/v1/stream"):
        pass
    assert refused.value.status_code == 401
    protocols = ["open-seq2seq", f"api-key.{KEY}"]
    with client.websocket_connect("/v1/stream", subprotocols=protocols) as socket:
        assert socket.accepted_subprotocol == "open-seq2seq"


def test_a_file_of_keys(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"# of the kitchen\n{KEY}  # not for others\n\n")
    keys = ApiKeys.read(file)
    assert keys.client_of(KEY) == "key 0" and keys.client_of("") is keys.client_of(None) is None
    file.write_text("short\n")
    with pytest.raises(InputError, match="keys:1: found 5 characters"):
        ApiKeys.read(file)
    file.write_text("# nothing\n")
    with pytest.raises(InputError, match="no key"):
        ApiKeys.read(file)


@pytest.mark.parametrize(
    ("listens", "host", "origin", "good"),
    [
        ("127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("127.0.0.1", "localhost:8000", None, True),
        ("127.0.0.1", "localhost:8000", "http://localhost:9000", False),
        ("127.0.0.1", "localhost:8000", "https://evil.example", False),
        ("127.0.0.1", "localhost:8000", "null", False),
        # DNS rebinding: a foreign name that leads to this machine.
        ("127.0.0.1", "evil.example:8000", "http://evil.example:8000", False),
        ("127.0.0.1", "evil.example:8000", None, False),
        ("127.0.0.1", "asr.example.org", "https://asr.example.org", True),
        ("0.0.0.0", "192.168.1.2:8000", "http://192.168.1.2:8000", True),
        ("0.0.0.0", "192.168.1.2:8000", "http://192.168.1.3:8000", False),
        ("0.0.0.0", "speech.local", "https://speech.local", True),
    ],
)
def test_pages_of_others(serve, listens, host, origin, good):
    client = serve(host=listens, allowed=["https://asr.example.org"])
    headers = {"host": host} | ({"origin": origin} if origin else {})
    assert (client.get("/healthz", headers=headers).status_code == 200) is good
    assert (transcribe(client, headers=headers).status_code == 200) is good
    if not good:
        with (
            pytest.raises(WebSocketDenialResponse),
            client.websocket_connect("/v1/stream", headers=headers),
        ):
            pass


def test_what_is_no_origin():
    with pytest.raises(InputError, match="expected for example https"):
        Origins("127.0.0.1", ["asr.example.org"])


def test_a_large_body(serve):
    client = serve(upload_bytes=10_000)
    big = bytes(20_000)
    told = transcribe(client, big)
    parts = iter([b"x" * 6000] * 4)
    untold = client.post("/v1/audio/transcriptions", content=parts,
                         headers={"content-type": "multipart/form-data; boundary=b"})  # fmt: skip
    for answer in (told, untold):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_too_often(serve):
    client = serve(starts_per_minute=3)
    codes = [transcribe(client).status_code for _ in range(5)]
    assert codes[:3] == [200] * 3 and 429 in codes[3:]
    assert client.get("/v1/models").status_code == 200  # it starts nothing


def test_while_it_stops(client):
    client.service.draining = True
    assert client.get("/readyz").status_code == 503 and client.get("/healthz").status_code == 200
    answer = transcribe(client)
    assert answer.status_code == 503 and answer.headers["retry-after"]


def test_request_ids_and_headers(client):
    kept = client.get("/healthz", headers={"x-request-id": "mine.1"})
    assert kept.headers["x-request-id"] == "mine.1"
    made = client.get("/healthz", headers={"x-request-id": "a\tb" + "x" * 99})
    assert len(made.headers["x-request-id"]) == 32
    assert made.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in made.headers["content-security-policy"]


def test_logs_hold_no_text_no_name_no_key(serve, kept_log):
    client = serve(keys=[KEY])
    LOGGER.setLevel(logging.DEBUG)  # until the messages of this test end
    headers = {"Authorization": f"Bearer {KEY}"}
    transcribe(client, name="secret.wav", headers=headers, prompt="abba")
    transcribe(client, wave()[:50], name="secret.wav", headers=headers)
    client.get("/secret?api_key=secret", headers=headers)
    lines = [one for one in kept_log.records if one.name == "open_seq2seq.serving.requests"]
    assert [json.loads(one.getMessage())["status"] for one in lines] == [200, 400, 404]
    facts = json.loads(lines[0].getMessage())
    assert facts["path"] == "/v1/audio/transcriptions" and facts["client"] == "key 0"
    assert facts["audio"] == 0.21 and len(facts["id"]) == 32
    mine = "\n".join(kept_log.texts)
    mine = re.sub('"id": "[0-9a-f]{32}"', "", mine)  # random digits, which may be "abba" too
    for secret in (TEXT, "abba", "secret", KEY):
        assert secret not in mine


def test_metrics(client):
    transcribe(client)
    transcribe(client, b"no audio")
    text = client.get("/metrics").text
    prefix = "open_seq2seq_"
    for line in (
        f'{prefix}requests_total{{path="/v1/audio/transcriptions",status="200"}} 1',
        f'{prefix}errors_total{{kind="unsupported_format"}} 1',
        f'{prefix}latency_seconds_count{{kind="upload"}} 1',
        f"{prefix}audio_seconds_total 0.21",
        f"{prefix}sessions 0",
        f"{prefix}queue 0",
        f"{prefix}ready 1",
    ):
        assert line in text.splitlines(), line


def test_metrics_are_what_prometheus_reads(serve):
    client = serve(starts_per_minute=2)
    for data in (None, b"no audio", None):
        transcribe(client, data)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}
    assert all(name.startswith("open_seq2seq_") for name in families)
    assert all(one.documentation and one.samples for name, one in families.items()
               if name != "open_seq2seq_reloads")  # fmt: skip
    assert families["open_seq2seq_requests"].type == "counter"
    counted = {one.labels["status"]: one.value for one in families["open_seq2seq_requests"].samples}
    assert counted == {"200": 1, "415": 1, "429": 1}
    latency = families["open_seq2seq_latency_seconds"]
    assert latency.type == "histogram"
    uploads = [one for one in latency.samples if one.labels["kind"] == "upload"]
    buckets = [one for one in uploads if one.name.endswith("_bucket")]
    counts = [one.value for one in buckets]
    assert buckets[-1].labels["le"] == "+Inf" and counts == sorted(counts) and counts[-1] == 1
    assert [one.value for one in uploads if one.name.endswith("_count")] == [1]
    assert families["open_seq2seq_ready"].samples[0].value == 1


def test_unexpected_errors_are_answered_without_their_words(client, monkeypatch, caplog):
    def fails(*_):
        raise ValueError("the secret text")

    monkeypatch.setattr("open_seq2seq.serving.transcriptions._transcribed", fails)
    answer = transcribe(client)
    assert answer.status_code == 500 and answer.json()["error"]["code"] == "failed"
    assert "secret" not in answer.text and client.service.queue.running == 0
    assert any("ValueError at test_gate.py" in one.getMessage() for one in caplog.records)
    assert not any("secret" in one.getMessage() for one in caplog.records
                   if one.name.startswith("open_seq2seq"))  # fmt: skip
