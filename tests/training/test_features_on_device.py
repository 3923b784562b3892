"""A step that computes features against one that is given them, and resuming, bit for bit."""

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.training.step import StepOptions, TrainStep
from tests.encoders.architectures import layer, tdnn
from tests.models.test_speech2text import PARAMS

RATE = 0.05
DATA = {
    "sample_freq": 8000,
    "input_type": "logfbank",
    "num_audio_features": 20,
    "norm_per_feature": True,
    "dither": 1e-3,
    "augmentation": {"speed_perturbation_ratio": 0.1, "spec_augment": "SM"},
}


def make(corpus, on_device, policy, **more):
    """A data layer and a step on its batches; the same weights every time."""
    files = {"vocab_file": f"{corpus}/vocab.txt", "dataset_files": [f"{corpus}/data.csv"]}
    params = {**DATA, **files, **more.pop("data"), "features_on_device": on_device}
    data = Speech2TextDataLayer(params, mode="train", batch_size=4, seed=1)
    keras.utils.set_random_seed(5)
    encoder = tdnn([layer("conv1d", 1, 5, 16, stride=2)], normalization="batch_norm")
    filled = Speech2Text.PARAMS.parse({**PARAMS, "encoder_params": encoder})
    model = Speech2Text(filled, data.num_features, data.vocabulary.size, policy)
    features = DeviceFeatures(data.extractor) if on_device else None
    options = StepOptions(max_grad_norm=1.0, **more)
    optimizer = make_optimizer("Momentum")
    variables = model.trainable_variables
    return data, TrainStep(model, optimizer, variables, options, device_features=features)


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"backend": "librosa"}},
        {"data": {"backend": "psf"}, "iter_size": 2},
        {"data": {"backend": "librosa", "input_type": "mfcc"}, "policy": "mixed_bfloat16"},
    ],
    ids=["librosa", "psf, accumulated", "bfloat16"],
)
def test_the_step_is_that_of_features(corpus, options):
    options = {"policy": "float32", **options}
    (data, step), (given, expected) = (make(corpus, on, **dict(options)) for on in (True, False))
    rounding = 1e-4 if options["policy"] == "float32" else 2e-2
    pairs = list(zip(data.batches(), given.batches(), strict=True))
    assert len(pairs) > 3
    for number, (batch, of_features) in enumerate(pairs):
        update = number % 2 == 1
        found, right = step(batch, RATE, update=update), expected(of_features, RATE, update=update)
        for name in ("loss", "losses", "logits"):
            np.testing.assert_allclose(
                *(np.asarray(getattr(one, name)) for one in (found, right)),
                rtol=rounding,
                atol=10 * rounding,
                err_msg=name,
            )
    weights, others = (
        [np.array(ops.convert_to_numpy(v.value)) for v in one.variables] for one in (step, expected)
    )
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=rounding, atol=10 * rounding * RATE)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="a precision of JAX")
def test_no_product_of_the_features_is_rounded(corpus):
    """A GPU would: float32's products have 10 bits there unless a graph says otherwise."""
    import jax

    data, step = make(corpus, True, "float32", data={"backend": "librosa", "input_type": "mfcc"})
    waveforms = next(data.batches()).features
    graph = str(jax.make_jaxpr(lambda given: step._with_features([given])[0])(waveforms))
    products = graph.count("dot_general[")
    assert products == graph.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") > 3


@pytest.mark.slow
def test_resuming_is_exact(corpus, run):
    """Dither, masks and speed of a position in an epoch are the same, whenever it is entered."""
    common = ("--mode=train", "--data_layer_params/features_on_device=True",
              "--data_layer_params/dither=0.001", "--data_layer_params/norm_per_feature=True",
              "--data_layer_params/feature_norm=fixed",
              "--lr_policy_params/decay_steps=20")  # fmt: skip
    for logdir, steps in (("whole", 12), ("parts", 7), ("parts", 12)):
        more = ("--continue_learning",) if steps == 12 and logdir == "parts" else ()
        code, _, err = run(*common, f"--max_steps={steps}", f"--logdir={corpus}/{logdir}", *more)
        assert code == 0, err
    for name in ("model.safetensors", "optimizer.safetensors"):
        expected, found = (
            load_file(corpus / f"{one}/ckpt-12/{name}") for one in ("whole", "parts")
        )
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value, err_msg=key)


def test_evaluation_takes_what_training_makes(corpus, run):
    """Training with features on the device, and the evaluation of its checkpoint without."""
    on = "--train_params/data_layer_params/features_on_device=True"
    code, out, err = run("--mode=train_eval", on)
    assert code == 0 and "WER" in out, err
    assert run("--mode=eval")[0] == 0


def test_it_is_refused_before_training(corpus, run):
    on = "--train_params/data_layer_params/features_on_device=True"
    code, _, err = run("--mode=train", on, "--data_layer_params/cache_features=True")
    assert code == 2 and "cache_features" in err and "features_on_device" in err
    assert not (corpus / "run/ckpt-4").exists()
