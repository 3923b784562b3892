"""When a run says that the C++ kernels would make it faster."""

import keras
import pytest
import tensorflow as tf

from open_seq2seq.ops import native


@pytest.mark.parametrize(
    ("supported", "built", "gpus", "backend", "missing"),
    [
        (True, False, [], "tensorflow", True),
        (True, True, [], "tensorflow", False),
        (False, False, [], "tensorflow", False),
        (True, False, ["GPU:0"], "tensorflow", False),  # it computes there
        (True, False, [], "jax", False),  # they are TensorFlow's
    ],
)
def test_what_would_not_help_is_not_missed(
    monkeypatch, tmp_path, supported, built, gpus, backend, missing
):
    library = tmp_path / "library.so"
    if built:
        library.touch()
    monkeypatch.setattr(native, "supported", lambda: supported)
    monkeypatch.setattr(native, "library_path", lambda: library)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    assert native.missing() is missing
