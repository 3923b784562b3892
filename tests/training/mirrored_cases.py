"""Two devices against one; run by test_mirrored.py in a process that has two."""

import os
import shutil
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from open_seq2seq.checkpoints.variables import restore, restore_average, save_checkpoint
from open_seq2seq.data.batch import Batch, TextBatch
from open_seq2seq.distributed.devices import CPU_DEVICES, make_strategy, split_cpu
from open_seq2seq.distributed.mirrored import copies_on_devices
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.features.waveforms import Waveforms
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.native_build.cpu import onednn_limit
from open_seq2seq.ops import tensorflow_native
from open_seq2seq.optimizers import l2_regularizer, make_optimizer
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.training.step import StepOptions, TrainStep
from open_seq2seq.training.step.mirrored_step import MirroredTrainStep
from tests.encoders.architectures import layer, tdnn
from tests.encoders.encoder_checks import roundings
from tests.models import test_language_model as language_models
from tests.models.test_speech2text import PARAMS
from tests.rounding import apart, assert_within, bound

# Nothing before this may ask TensorFlow for its devices.
os.environ[CPU_DEVICES] = "2"
split_cpu()

RATE = 0.05
LARC = {"larc_eta": 0.01, "larc_mode": "clip", "min_update": 1e-7, "epsilon": 1e-7}
LAYERS = [layer("conv1d", 1, 5, 32, stride=2), layer("sep_conv1d", 1, 5, 32, residual=True)]
ROUNDING = {"rtol": 1e-5, "atol": 2e-6}


@pytest.fixture(scope="module")
def strategy():
    return make_strategy(["CPU:0", "CPU:1"])


def make(
    strategy,
    policy="float32",
    optimizer="Momentum",
    norm=None,
    keep=1.0,
    ema=False,
    loss=None,
    device_features=None,
    **opts,
):
    """A step on the devices of `strategy`, or on one; the same weights every time."""

    def parts():
        keras.utils.set_random_seed(7)
        layers = [{**each, "dropout_keep_prob": keep} for each in LAYERS]
        encoder = tdnn(layers, normalization=norm)
        params = {
            **PARAMS,
            "encoder_params": encoder,
            "loss_params": loss or {},
            "regularizer": l2_regularizer,
            "regularizer_params": {"scale": 0.01},
        }
        model = Speech2Text(Speech2Text.PARAMS.parse(params), 5, 4, policy)
        variables = model.trainable_variables
        average = WeightAverage(variables, 0.5) if ema else None
        return model, make_optimizer(optimizer), variables, StepOptions(**opts), average

    if strategy is None:
        return TrainStep(*parts(), device_features=device_features)
    with copies_on_devices(strategy):
        return MirroredTrainStep(*parts(), strategy, device_features)


def batch(seed, size=4, frames=24):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(frames // 2, frames + 1, size, dtype=np.int32)
    lengths[rng.integers(size)] = frames
    features = rng.standard_normal((size, frames, 5)).astype(np.float32)
    features *= (np.arange(frames) < lengths[:, None])[:, :, None]
    labels = rng.integers(0, 4, (size, 3), dtype=np.int32)
    return Batch(features, lengths, labels, rng.integers(0, 4, size, np.int32), None, 2.0)


def rows(of, chosen):
    return Batch(*(array[chosen] for array in of.arrays), None, 2.0)


def values(variables):
    return [np.array(v.value.numpy()) for v in variables]


def state(step):
    averages = step.average.averages if step.average else []
    return values([*step.model.variables, *step.optimizer.variables, *averages])


def close(found, expected, **tolerance):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **(tolerance or ROUNDING))


def check_copies(step):
    """All but the random generators are the same on both devices, to the bit."""
    averages = step.average.averages if step.average else []
    for variable in [*step.model.variables, *step.optimizer.variables, *averages]:
        if "seed_generator" not in variable.path:
            first, second = step.strategy.experimental_local_results(variable.value)
            assert {first.device[-1], second.device[-1]} == {"0", "1"}
            np.testing.assert_array_equal(first.numpy(), second.numpy())


def check_result(found, expected, logits=ROUNDING):
    close(found.losses[None], expected.losses[None], rtol=1e-5)
    assert found.terms.keys() == expected.terms.keys()
    for name, losses in expected.terms.items():
        np.testing.assert_allclose(found.terms[name], losses, rtol=1e-5)
    for name in ("loss", "gradient_norm"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4)
    close(found.totals, expected.totals, rtol=1e-5)
    close(found.logits, expected.logits[::2], **logits)
    np.testing.assert_array_equal(found.lengths, expected.lengths[::2])


# Also fewer rows than devices, and an odd row.
SIZES = (4, 1, 3)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            {"optimizer": "NovoGrad", "max_grad_norm": 0.5, "norm": "layer_norm"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "optimizer": "AdamW",
                "larc": LARC,
                "keep_gradients": True,
                "ema": True,
                "scales_loss": True,
            },
            marks=pytest.mark.slow,
        ),
        {
            "norm": "batch_norm",
            "sync_batch_norm": True,
            "optimizer": "NovoGrad",
            "loss": {"intermediate_layers": [1]},
        },
    ],
    ids=lambda options: " ".join(options),
)
def test_two_devices_are_one(strategy, options):
    step, alone = make(strategy, **options), make(None, **options)
    # Adam moves every weight by about the rate, also where the gradient is mostly rounding.
    adam = options.get("optimizer", "").startswith("Adam")
    rounding = {"rtol": 1e-5, "atol": 1e-3 * RATE} if adam else ROUNDING
    # A logit is a sum over the 32 channels of the last layer.
    logits = {**rounding, "atol": 32 * rounding["atol"]} if adam else ROUNDING
    close(state(step), state(alone), rtol=0)
    for number, size in enumerate(SIZES):
        given = batch(number, size), RATE, 128.0, 0.5
        found, expected = step(*given, stop=number == 1), alone(*given, stop=number == 1)
        check_result(found, expected, logits)
        close([found.update.gradient_norm], [expected.update.gradient_norm], rtol=1e-4)
        if options.get("larc"):
            close(found.update.larc, expected.update.larc, rtol=1e-4)
            close(found.update.gradients, expected.update.gradients, **rounding)
        close(state(step), state(alone), **rounding)
        check_copies(step)
    assert step._train_graph.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_features_of_their_own_rows(strategy):
    extract = FeatureExtractor(
        {"num_audio_features": 5, "input_type": "logfbank", "backend": "librosa"}
    )
    device = DeviceFeatures(extract)
    step, alone = (make(one, device_features=device) for one in (strategy, None))
    for number, size in enumerate(SIZES):
        given = batch(number, size)
        rng = np.random.default_rng(number)
        counts = np.array([extract.most_samples(int(n)) for n in given.feature_lengths], np.int32)
        samples = rng.normal(0, 0.3, (size, counts.max())).astype(np.float32)
        kept = rng.random((size, 24)) < 0.9, rng.random((size, 5)) < 0.9
        given.features = Waveforms(samples, counts, *kept)
        check_result(step(given, RATE), alone(given, RATE))
        close(state(step), state(alone))
        check_copies(step)


@pytest.mark.slow
def test_accumulated(strategy):
    options = {"norm": "batch_norm", "sync_batch_norm": True, "iter_size": 3, "max_grad_norm": 0.5}
    step, alone = make(strategy, **options), make(None, **options)
    for number, size in enumerate((4, 1, 3, 2, 5)):
        given = batch(number, size), RATE, 1.0, 0.0, number in (2, 4)
        found, expected = step(*given), alone(*given)
        close(found.losses[None], expected.losses[None], rtol=1e-5)
        close(found.totals, expected.totals, rtol=1e-5)
        assert (found.update is None) == (expected.update is None)
        if found.update:
            norms = found.update.gradient_norm, expected.update.gradient_norm
            np.testing.assert_allclose(*norms, rtol=1e-4)
        close(state(step), state(alone))
        check_copies(step)
    assert step._accumulate_graph.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_a_language_model(strategy):
    """The embedding's gradient is sparse; what is counted are tokens."""

    def parts():
        encoder = {**language_models.PARAMS["encoder_params"], "dropout_keep_prob": 1.0}
        model = language_models.make(encoder_params=encoder)
        optimizer = make_optimizer("Momentum")
        return model, optimizer, model.trainable_variables, StepOptions(max_grad_norm=1.0), None

    with copies_on_devices(strategy):
        step = MirroredTrainStep(*parts(), strategy)
    alone = TrainStep(*parts())
    rng = np.random.default_rng(6)
    for lengths in ([6, 2, 4], [5]):
        shape = len(lengths), max(lengths)
        tokens, targets = rng.integers(0, language_models.VOCABULARY, (2, *shape), dtype=np.int32)
        given = TextBatch(tokens, targets, np.array(lengths, np.int32), None), RATE
        check_result(step(*given), alone(*given))
        close(state(step), state(alone))
        check_copies(step)


@pytest.mark.skipif(onednn_limit() is not None, reason="TensorFlow has no bfloat16 here")
class TestMixedPrecision:
    @pytest.mark.slow
    def test_as_one_device_that_accumulates_the_halves(self, strategy):
        """The kernels of this CPU, if it has some, with local batch statistics."""
        options = {"policy": "mixed_bfloat16", "norm": "batch_norm", "optimizer": "NovoGrad"}
        assert tensorflow_native.takes_normalization(tf.zeros((1, 1, 32), tf.bfloat16)) == (
            tensorflow_native.operations() is not None
        )
        step, alone = make(strategy, **options), make(None, **options, iter_size=2)
        # As in tests/distributed: of the way that each weight has come.
        relative = apart(2 * roundings(alone.model.encoder, "bfloat16") + 1, "bfloat16")
        before, way = values(alone.variables), [0.0] * len(alone.variables)
        for number in range(4):
            whole = batch(number)
            result = step(whole, RATE)
            alone(rows(whole, slice(0, None, 2)), RATE, update=False)
            expected = alone(rows(whole, slice(1, None, 2)), RATE)
            norms = result.gradient_norm, expected.update.gradient_norm
            np.testing.assert_allclose(*norms, rtol=relative)
            now = values(step.variables), values(alone.variables)
            for index, (found, reference) in enumerate(zip(*now)):
                way[index] += np.abs(reference - before[index]).max()
                assert_within(found, reference, relative * way[index])
            before = now[1]
        check_copies(step)

    @pytest.mark.slow
    def test_as_the_whole_batch(self, strategy):
        """Not further from it than bfloat16 is from float32."""
        options = {"norm": "batch_norm", "sync_batch_norm": True, "keep_gradients": True}
        step = make(strategy, "mixed_bfloat16", **options)
        alone, exact = make(None, "mixed_bfloat16", **options), make(None, **options)
        distances = []
        for number in range(12):
            given = batch(number, SIZES[number % 3]), 0.0
            found, expected, exactly = [
                np.concatenate([np.ravel(g) for g in each(*given).update.gradients])
                for each in (step, alone, exact)
            ]
            pairs = (expected, exactly), (found, expected), (found, exactly)
            distances.append([np.linalg.norm(one - other) for one, other in pairs])
            relative = bound(2 * roundings(alone.model.encoder, "bfloat16") + 1, "bfloat16")
            assert distances[-1][0] < relative * np.linalg.norm(exactly)
        # Over many batches: in one, a ReLU may be on this side of 0 or on that. Two of the three
        # are off by about as much; from one to the other is at most the sum.
        rounding, *found = np.linalg.norm(distances, axis=0)
        assert rounding > 0 and max(found) < 2 * rounding


@pytest.mark.slow
def test_local_statistics_are_averaged(strategy):
    step, whole = make(strategy, norm="batch_norm"), batch(0)
    step(whole, 0.0)
    halves = []
    for half in (0, 1):
        alone = make(None, norm="batch_norm")
        alone(rows(whole, slice(half, None, 2)), 0.0)
        halves.append(values(alone.model.non_trainable_variables))
    assert any(not np.allclose(one, other) for one, other in zip(*halves))
    mean = [(one + other) / 2 for one, other in zip(*halves)]
    close(values(step.model.non_trainable_variables), mean)
    check_copies(step)


class TestNotFinite:
    @pytest.mark.slow
    def test_a_gradient_changes_nothing(self, strategy):
        step = make(strategy, norm="layer_norm", ema=True, optimizer="Adam")
        step(batch(0), RATE, ema_decay=0.5)
        before, weights = state(step), values(step.variables)
        for row in (0, 1):  # each time only one device has it
            bad = batch(1)
            bad.features[row] = np.float32(3e38)
            assert not np.isfinite(step(bad, RATE, ema_decay=0.5).gradient_norm)
            close(state(step), before, rtol=0)
        assert np.isfinite(step(batch(2), RATE, ema_decay=0.5).gradient_norm)
        assert not np.allclose(values(step.variables)[0], weights[0])
        check_copies(step)

    @pytest.mark.slow
    def test_a_gradient_is_left_out_of_its_group(self, strategy):
        options = {"norm": "layer_norm", "iter_size": 2}
        step, alone = make(strategy, **options), make(None, **options)
        bad = batch(1)
        bad.features[1] = np.float32(3e38)
        for each in (step, alone):
            assert not np.isfinite(each(bad, RATE, update=False).gradient_norm)
            each(batch(0), RATE)
        close(state(step), state(alone))
        check_copies(step)

    def test_a_loss_is_left_out(self, strategy):
        """And named at its row; a device none of whose losses is finite has no part."""
        step, alone = make(strategy), make(None)
        for number, bad in enumerate(([1], [1, 3], [0, 1, 2, 3])):
            given = batch(number)
            given.label_lengths[bad], given.labels[bad] = 3, 1
            given.feature_lengths[bad] = 2
            found, expected = step(given, RATE), alone(given, RATE)
            assert list(np.flatnonzero(np.isinf(found.losses))) == bad
            assert found.totals.bad == len(bad)
            close(found.losses[None], expected.losses[None], rtol=1e-5)
            close(found.totals, expected.totals, rtol=1e-5)
            close(state(step), state(alone))
        check_copies(step)


@pytest.mark.slow
def test_each_device_has_its_own_dropout(strategy):
    """A batch whose two rows are the same, one for each device."""
    one = batch(0, size=1)
    twice = rows(one, [0, 0])
    losses = np.array(make(strategy, keep=0.5)(twice, RATE).losses)
    assert losses[0] != losses[1]
    alone = make(None, keep=0.5)
    np.testing.assert_allclose(losses[0], alone(one, RATE).losses[0], rtol=1e-5)


@pytest.mark.slow
def test_checkpoints_and_evaluation(strategy, tmp_path):
    """Going on from a checkpoint is as never having stopped; one device can read it too."""
    options = {"norm": "batch_norm", "keep": 0.7, "optimizer": "NovoGrad", "ema": True}
    step = make(strategy, **options)
    for number in range(2):
        step(batch(number), RATE, ema_decay=0.5)
    path = save_checkpoint(tmp_path, step.model, step.optimizer, {"step": 2}, step.average)
    copies = [make(strategy, **options), make(None, **options)]
    for copy in copies:
        restore(path, copy.model, copy.optimizer)
        assert restore_average(path, copy.average)
        close(state(copy), state(step), rtol=0)
        evaluated = EvaluationStep(copy.model).logits_and_losses(batch(5))
        close(evaluated, EvaluationStep(step.model).logits_and_losses(batch(5)))
        with copy.average.swapped_in():
            averaged = EvaluationStep(copy.model).losses(batch(5))
        assert not np.allclose(averaged, evaluated[2], rtol=1e-3)
    for each in (step, copies[0]):
        each(batch(2, size=3), RATE, ema_decay=0.5)
        check_copies(each)
    close(state(copies[0]), state(step), rtol=0)


@pytest.mark.slow
def test_every_device_computes_its_own_losses(strategy):
    step = make(strategy)
    operations = step._train_graph.get_concrete_function().graph.get_operations()
    devices = [o.device for o in operations if o.type == "CTCLoss"]
    assert sorted(device[-5:] for device in devices) == ["CPU:0", "CPU:1"]


@pytest.mark.slow
def test_devices_work_side_by_side(strategy):
    """Each loss waits until the other one is about to be computed."""
    barrier = threading.Barrier(2, timeout=600)

    class Waiting(CTCLoss):
        def __call__(self, logits, *rest):
            def wait(logits):
                barrier.wait()
                return logits

            # Stateful functions would be called one after another.
            waited = tf.numpy_function(wait, [logits], tf.float32, stateful=False)
            return super().__call__(tf.ensure_shape(waited, logits.shape) * 0 + logits, *rest)

    step = make(strategy)
    step.model.loss_fn = Waiting()
    assert np.isfinite(step(batch(0), RATE).losses).all()


def files_of(checkpoint):
    """The arrays of a checkpoint by file and name."""
    files = checkpoint.glob("*.safetensors")
    return {(file.name, name): a for file in files for name, a in load_file(file).items()}


def test_run_py(run, corpus):
    """18 utterances: the last batch of each epoch of 8 has 2, one for each device."""
    common = ("--mode=train_eval", "--num_gpus=2", "--ema_decay=0.9", "--max_steps=4")
    common += ("--save_checkpoint_steps=3", "--eval_steps=2", "--print_loss_steps=2")
    common += ("--print_samples_steps=2",)
    code, out, err = run(*common, f"--logdir={corpus}/whole")
    assert code == 0, err
    assert "in one process on" not in out and "Sample prediction" in out

    # Going on is as never having stopped.
    shutil.copytree(corpus / "whole/ckpt-3", corpus / "again/ckpt-3")
    code, _, err = run(*common, "--continue_learning", f"--logdir={corpus}/again")
    assert code == 0, err
    whole, again = (files_of(corpus / name / "ckpt-4") for name in ("whole", "again"))
    assert {file for file, _ in whole} == {
        "model.safetensors", "optimizer.safetensors", "ema.safetensors"
    }  # fmt: skip
    for name, found in again.items():
        np.testing.assert_array_equal(found, whole[name], err_msg=name)


@pytest.mark.slow
def test_run_py_as_one_device_with_the_whole_batch(run, corpus):
    # Each device has dropout of its own.
    common = ("--mode=train", "--encoder_params/dropout_keep_prob=1.0", "--max_steps=4")
    common += ("--batch_norm_statistics=synchronised",)
    for name, devices in (("two", "--num_gpus=2"), ("one", "--batch_size_per_gpu=8")):
        code, _, err = run(*common, f"--logdir={corpus}/{name}", devices)
        assert code == 0, err
    two, one = (files_of(corpus / name / "ckpt-4") for name in ("two", "one"))
    for name, found in two.items():
        if "random_state" not in name[1]:
            np.testing.assert_allclose(found, one[name], rtol=1e-4, atol=1e-5, err_msg=name)
