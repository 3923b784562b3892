"""The exported folder's description: written and read again, damaged, foreign, newer, hostile."""

import hashlib
import json
import os
from dataclasses import replace

import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.exported import DESCRIPTION, Context, ExportedFile, ExportedModel, Probe
from open_seq2seq.exported.file import LM, MODEL, PART
from open_seq2seq.files import write_whole
from tests.fuzzing import COUNTS, fuzz_file

MODEL_BYTES, WEIGHTS = b"a model" * 1000, bytes(range(256)) * 9000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "openvino").mkdir()
    (tmp_path / "model.onnx").write_bytes(MODEL_BYTES)
    (tmp_path / "openvino/model.xml").write_bytes(b"<net/>")
    (tmp_path / "openvino/model.bin").write_bytes(WEIGHTS)
    (tmp_path / "lm.binary").write_bytes(b"ngrams")
    return tmp_path


PROBE = Probe((30, 5), tuple(float(number) / 4 for number in range(-48, 0)))
MADE = ExportedModel(
    sample_freq=16000,
    symbols=(" ", "a", "é", "▁the"),
    frame_shift=0.02,
    time_stride=2,
    hop_length=160,
    decoder={"use_language_model": True, "lm_path": "lm.binary", "trie_path": None, "alpha": 0.5},
    segmentation={"enabled": True, "overlap": 2.0},
    front_end={"options": {"backend": "librosa"}, "fingerprint": {"numbers": [0.25, -1.0]}},
    files={
        "model.onnx": ExportedFile(MODEL, "onnxruntime", "float32", probe=PROBE),
        "openvino/model.xml": ExportedFile(
            MODEL,
            "openvino",
            "int8",
            1,
            quantization={"kind": "static_int8", "float32": ["the front-end"]},
            error_rates={"wer": 0.25, "cer": 0.125, "utterances": 8},
        ),
        "openvino/model.bin": ExportedFile(PART, of="openvino/model.xml"),
        "lm.binary": ExportedFile(LM),
    },
    context=Context(1.5, None),
    text_normalization="plain",
    trained_on={"longest": 16.7, "mean": 12.0},
    versions={"open-seq2seq": "0.1.0"},
    origin={"config": "my.py", "checkpoint": "runs/a/ckpt-5", "step": 5},
)


def test_what_is_written_is_read(folder):
    written = MADE.write(folder)
    assert ExportedModel.read(folder) == written
    assert replace(written, files=MADE.files) == MADE and written.blank == 4
    onnx = written.files["model.onnx"]
    assert onnx.sha256 == hashlib.sha256(MODEL_BYTES).hexdigest()
    assert onnx.size == len(MODEL_BYTES) and onnx.probe == PROBE
    assert written.size_of("openvino/model.xml") == 6 + len(WEIGHTS)
    assert written.parts_of("openvino/model.xml") == ["openvino/model.xml", "openvino/model.bin"]
    value = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    assert (value["format"], value["blank"]) == (1, 4) and "é" in value["symbols"]
    # Once more, as where a quantised model is added.
    assert written.write(folder) == written


def test_the_decoders_files_are_paths(folder):
    written = MADE.write(folder)
    assert written.decoder_paths(folder) == {"lm_path": str(folder / "lm.binary")}
    (folder / "lm.binary").write_bytes(b"ngrans")
    with pytest.raises(InputError, match=r"lm\.binary: found another content"):
        written.decoder_paths(folder)
    assert written.decoder_paths(folder, but=["lm_path"]) == {}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda path: path.write_bytes(MODEL_BYTES[:-1]), "6999 bytes, expected 7000 bytes"),
        (lambda path: path.write_bytes(b"A" + MODEL_BYTES[1:]), "another content"),
        (lambda path: path.unlink(), "No such file"),
        (lambda path: (path.unlink(), path.mkdir()), "a folder"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "no regular file"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "a link to"),
        (lambda path: (path.unlink(), path.symlink_to(path)), "symbolic links"),
    ],
)
def test_files_that_are_not_those_described_are_refused(folder, change, found):
    written = MADE.write(folder)
    change(folder / "model.onnx")
    with pytest.raises(InputError, match=found) as refused:
        written.checked(folder, ["model.onnx", "openvino/model.bin"])
    assert str(folder / "model.onnx") in str(refused.value) and len(refused.value.problems) == 1
    # Nobody needs it for another model.
    assert written.checked(folder, ["openvino/model.bin"]) == [folder / "openvino/model.bin"]


def test_a_link_inside_the_folder_is_fine(folder):
    (folder / "model.onnx").rename(folder / "real.onnx")
    (folder / "model.onnx").symlink_to("real.onnx")
    written = MADE.write(folder)
    assert written.checked(folder, ["model.onnx"]) == [folder / "model.onnx"]


def test_nothing_is_described_that_cannot_be_read_again(folder):
    with pytest.raises(InputError, match="No such file"):
        replace(MADE, files=MADE.files | {"model.tflite": ExportedFile(MODEL)}).write(folder)
    with pytest.raises(InputError, match="a name that leads out"):
        replace(MADE, files={"../model.onnx": ExportedFile(MODEL)}).write(folder)
    with pytest.raises(InputError, match=r"no runtime|not text in"):
        replace(MADE, files={**MADE.files, "model.onnx": ExportedFile(MODEL)}).write(folder)
    with pytest.raises(InputError, match="which is not in files"):
        replace(MADE, decoder={"lm_path": "/my/lm.binary"}).write(folder)
    with pytest.raises(InputError, match="NaN is no number"):
        replace(MADE, frame_shift=float("nan")).write(folder)
    assert not (folder / DESCRIPTION).exists()
    (folder / DESCRIPTION).mkdir()
    with pytest.raises(RunError):
        MADE.write(folder)


def changed(folder, *path, value):
    """The description with a value somewhere else."""
    described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    *outer, last = path
    inside = described
    for key in outer:
        inside = inside[key]
    inside[last] = value
    (folder / DESCRIPTION).write_text(json.dumps(described), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (["format"], 2, "found format 2, expected format 1. Use an open-seq2seq that is as new"),
        (["format"], True, "found format True, expected format 1. Copy the folder"),
        (["format"], "1", "found format '1'"),
        (["sample_freq"], 0, "sample_freq 0"),
        (["sample_freq"], 10**9, "sample_freq 1000000000"),
        (["sample_freq"], 16000.5, "a float, not a number in sample_freq"),
        (["hop_length"], -160, "hop_length -160"),
        (["frame_shift"], "0.02", "a text, not a number in frame_shift"),
        (["frame_shift"], float("nan"), "NaN is no number"),
        (["frame_shift"], float("inf"), "Infinity is no number"),
        (["symbols"], [], "0 symbols"),
        (["symbols"], ["a", "b", "a", "c"], "4 symbols, of which some are empty or twice"),
        (["symbols"], ["a", "b", "", "c"], "4 symbols, of which some are empty or twice"),
        (["symbols"], ["a", "b", "\ud800", "c"], "no Unicode text"),
        (["symbols"], ["a", "b", 3, "c"], r"symbols\[2\]"),
        (["symbols"], "abcd", "a text, not a list in symbols"),
        (["blank"], 0, "blank 0 of 4 symbols"),
        (["context", "right"], -1, r"context\.right -1"),
        (["trained_on"], {"longest": 0, "mean": 1}, "trained_on"),
        (["trained_on"], {"longest": 3}, "no mean in trained_on"),
        (["versions"], {"keras": 3}, r"versions\.keras"),
        (["files"], {}, "no files"),
        (["files"], [], "a list, not an object in files"),
        (["files", "model.onnx"], "here", "files"),
        (["files", "model.onnx", "size"], -1, "no SHA-256 and size"),
        (["files", "model.onnx", "sha256"], "0" * 63, "no SHA-256 and size"),
        (["files", "model.onnx", "batch"], 7, "batch 7"),
        (["files", "model.onnx", "runtime"], None, "runtime"),
        (["files", "model.onnx", "probe"], {"shape": [1], "numbers": []}, r"shape \[1\]"),
        (["files", "model.onnx", "probe"], {"shape": [1, 5]}, "no numbers"),
        (["files", "openvino/model.bin", "of"], "lm.binary", "which is no model"),
        (["decoder", "lm_path"], "../lm.binary", "which is not in files"),
        (["decoder", "lm_path"], 7, "which is not in files"),
        (["decoder", "lexicon_path"], "/etc/passwd", "which is not in files"),
    ],
)
def test_each_wrong_value_is_named(folder, path, value, found):
    MADE.write(folder)
    changed(folder, *path, value=value)
    with pytest.raises(InputError, match=found) as refused:
        ExportedModel.read(folder)
    assert str(folder / DESCRIPTION) in str(refused.value)


@pytest.mark.parametrize(
    "name",
    ["../a", "/etc/passwd", "a/../../b", "a//b", "./a", "a/", "..", "", "C:\\a", "a\\..\\..\\b",
     "C:a", "a\0b", "a\nb"],
)  # fmt: skip
def test_names_that_lead_out_are_refused(folder, name):
    written = MADE.write(folder)
    file = written.files["model.onnx"].to_json()
    changed(folder, "files", name, value=file)
    with pytest.raises(InputError, match="the file name"):
        ExportedModel.read(folder)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": 1' + b"0" * 6000 + b"}", "is no number"),
        (b'{"format": 1, "frame_shift": 1e999}', "1e999 is no number"),
        (b"[]", "no format"),
        (b'{"task": "a NeMo config"}', "no format"),
        (b" " * (33 << 20), "34603008 bytes"),
    ],
)
def test_what_is_no_description_is_said_in_a_sentence(tmp_path, content, found):
    (tmp_path / DESCRIPTION).write_bytes(content)
    with pytest.raises(InputError, match=found) as refused:
        ExportedModel.read(tmp_path)
    assert len(refused.value.problems) == 1


def test_what_is_no_folder_is_said_too(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        ExportedModel.read(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Not a directory"):
        ExportedModel.read(tmp_path / "file")
    os.mkfifo(tmp_path / DESCRIPTION)
    with pytest.raises(InputError, match="no regular file"):
        ExportedModel.read(tmp_path)


def test_what_newer_writers_add_is_passed_over(folder):
    written = MADE.write(folder)
    for path, value in [
        (["license"], "Apache-2.0"),
        (["files", "lm.binary", "order"], 3),
        (["files", "speakers.onnx"], {**written.files["lm.binary"].to_json(), "kind": "speakers"}),
    ]:
        changed(folder, *path, value=value)
    read = ExportedModel.read(folder)
    assert replace(read, files=written.files) == written
    assert read.files["speakers.onnx"].kind == "speakers"


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_descriptions_are_read_or_refused(folder, count):
    MADE.write(folder)

    def read(path):
        described = ExportedModel.read(path.parent)
        described.decoder_paths(path.parent)
        described.checked(path.parent, list(described.files))

    was_read, refused = fuzz_file(read, folder / DESCRIPTION, 3, count)
    assert was_read and refused


def test_an_older_description_stays_if_the_new_one_cannot_be(folder):
    written = MADE.write(folder)
    write_whole(folder / "model.onnx", b"another")
    with pytest.raises(InputError):
        replace(written, frame_shift=-1.0).write(folder)
    assert ExportedModel.read(folder) == written
