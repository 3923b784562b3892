"""Every runtime gives what the network gives in NumPy, of any length, alone and in batches."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.exported import ExportedModel
from open_seq2seq.inference.runtimes import RUNTIMES, LoadedModel, loaded_model
from tests.exported_models import HOP, network, speech

PATH = "aa-bb--c.. a-cccc--bb" * 20


@pytest.fixture(scope="module", params=list(RUNTIMES))
def model(request, everything):
    return loaded(everything, request.param)


def loaded(folder, runtime, threads=1):
    described = ExportedModel.read(folder)
    (name,) = [name for name, one in described.files.items() if one.runtime == runtime]
    return LoadedModel(folder / name, runtime, threads)


def test_the_table_is_complete():
    for kind in RUNTIMES.values():
        assert kind.PACKAGE and isinstance(kind.EXTRA, str)


def test_any_length_is_exact(model):
    samples = speech(PATH, np.random.default_rng(0))
    # Odd, even and short ones, back and forth: shapes are not those of the call before.
    for count in (len(samples), HOP, len(samples) - 3, 7 * HOP + 1, 7 * HOP + 1, 2 * HOP, 30_001):
        found = model.log_probs(samples[:count])
        assert found.dtype == np.float32 and found.flags.owndata | (found.base is not None)
        np.testing.assert_allclose(found, network(samples[:count]), atol=1e-4)


def test_results_stay_what_they_are(model):
    """A runtime may not hand out the memory of its next result."""
    samples = speech(PATH)
    first = model.log_probs(samples[: 20 * HOP])
    kept = first.copy()
    model.log_probs(samples[20 * HOP : 40 * HOP])
    np.testing.assert_array_equal(first, kept)


def test_a_view_is_as_good_as_an_array(model):
    samples = speech(PATH, np.random.default_rng(1))
    both = np.stack([samples, samples], axis=1)
    np.testing.assert_array_equal(model.log_probs(both[:, 1]), model.log_probs(samples))


def test_batches_are_those_alone(model):
    samples = speech(PATH)[: 40 * HOP]
    counts = np.array([40 * HOP, 7 * HOP + 3], np.int32)
    log_probs, lengths = model.batch_log_probs(np.stack([samples, samples]), counts)
    assert lengths.tolist() == [40, 7]
    for one, count, length in zip(log_probs, counts, lengths):
        np.testing.assert_allclose(one[:length], network(samples[:count]), atol=1e-4)


def test_threads_share_a_model(model):
    """Eight callers with recordings of different lengths: each gets its own result."""
    paths = [PATH[: 20 + 7 * number] for number in range(8)]
    wrong = []

    def call(path):
        for _ in range(10):
            found = model.log_probs(speech(path))
            if found.shape[0] != len(path) or np.abs(found - network(speech(path))).max() > 1e-4:
                wrong.append(path)

    callers = [threading.Thread(target=call, args=[path]) for path in paths]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert not wrong


def test_a_failure_names_file_runtime_and_length(model, monkeypatch):
    monkeypatch.setattr(model, "_session", None)
    with pytest.raises(RunError, match=rf"{model.path} fails in {model.runtime} on 1 x 0"):
        model.log_probs(np.zeros(0, np.float32))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("content", [b"", b"no model", "half"])
def test_what_is_no_model_is_said(everything, tmp_path, runtime, content):
    described = ExportedModel.read(everything)
    (name,) = [name for name, one in described.files.items() if one.runtime == runtime]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    whole = (everything / name).read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(InputError, match=f"a file that {runtime} cannot load") as refused:
        LoadedModel(path, runtime)
    assert str(path) in str(refused.value) and len(str(refused.value)) < 1000


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_missing_package_is_named_with_what_installs_it(everything, monkeypatch, runtime):
    monkeypatch.setattr(loaded_model, "find_spec", lambda name: None)
    extra = RUNTIMES[runtime].EXTRA
    expected = f"pip install 'open-seq2seq\\[{extra}\\]'" if extra else "pip install 'open-seq2seq'"
    with pytest.raises(InputError, match=expected):
        loaded(everything, runtime)


def test_a_saved_model_that_touches_files_is_not_run(tmp_path):
    import tensorflow as tf

    target = tmp_path / "written"

    class Hostile(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.float32, "samples"),
                tf.TensorSpec([None], tf.int32, "num_samples"),
            ]
        )
        def serve(self, samples, num_samples):
            tf.io.write_file(str(target), "here")
            return {"log_probs": samples[:, :, None], "lengths": num_samples}

    module = Hostile()
    tf.saved_model.save(module, str(tmp_path / "model"), {"serving_default": module.serve})
    with pytest.raises(InputError, match="operations WriteFile"):
        LoadedModel(tmp_path / "model/saved_model.pb", "tensorflow")
    assert not target.exists()


SILENT = """
import sys
from pathlib import Path
from open_seq2seq.inference.runtimes import LoadedModel
import numpy as np
sent = []
sys.addaudithook(lambda event, arguments: sent.append(event) if event in (
    "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.posix_spawn", "os.fork"
) else None)
model = LoadedModel(Path(sys.argv[2]), sys.argv[1], 1)
model.log_probs(np.zeros(800, np.float32))
foreign = {"tensorflow", "keras", "pandas", "scipy", "openvino_telemetry"}
found = sorted({name.partition(".")[0] for name in sys.modules if sys.modules[name]} & foreign)
assert not found and not sent, (found, sent)
"""


@pytest.mark.parametrize("runtime", [one for one in RUNTIMES if one != "tensorflow"])
def test_a_process_imports_nothing_else_and_sends_nothing(everything, runtime):
    path = loaded(everything, runtime).path
    done = subprocess.run(
        [sys.executable, "-c", SILENT, runtime, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
