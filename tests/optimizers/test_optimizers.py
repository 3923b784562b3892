"""Every optimizer against NumPy, golden values, and what training needs of its state."""

import keras
import numpy as np
import pytest
from keras import ops

import tests.optimizers.numpy_optimizers as reference
from open_seq2seq.errors import InputError
from open_seq2seq.optimizers import OPTIMIZERS, NovoGrad, make_optimizer

SHAPES = [(3, 4), (5,), (2, 3, 2)]
RATES = [0.1, 0.1, 0.05, 0.02, 0.02, 0.3]


def numbers(seed=0):
    """Weights, and gradients for each time, with very different scales for each variable."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    scales = [1.0, 30.0, 1e-2]
    gradients = [
        [(rng.normal(size=s) * k * (1 + time)).astype(np.float32) for s, k in zip(SHAPES, scales)]
        for time in range(len(RATES))
    ]
    return weights, gradients


def values(variables):
    return [ops.convert_to_numpy(v) for v in variables]


def train(optimizer, variables, gradients, rates):
    history = []
    for grads, rate in zip(gradients, rates, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([ops.convert_to_tensor(g) for g in grads], variables)
        history.append(values(variables))
    return history


NOVOGRAD = {
    "beta1": 0.9,
    "beta2": 0.5,
    "epsilon": 1e-8,
    "weight_decay": 0.01,
    "grad_averaging": False,
    "legacy_no_ema": False,
}
CASES = [
    ("SGD", {}, reference.sgd),
    ("Momentum", {}, reference.momentum(0.9)),
    ("Momentum", {"momentum": 0.7}, reference.momentum(0.7)),
    (
        "Momentum",
        {"momentum": 0.7, "use_nesterov": True},
        reference.momentum(0.7, use_nesterov=True),
    ),
    ("Adam", {}, reference.adam(0.9, 0.999, 1e-8)),
    (
        "Adam",
        {"beta1": 0.5, "beta2": 0.7, "epsilon": 0.1},
        reference.adam(0.5, 0.7, 0.1),
    ),
    ("AdamW", {}, reference.adam(0.9, 0.999, 1e-8, 0.01)),
    ("AdamW", {"weight_decay": 0.3}, reference.adam(0.9, 0.999, 1e-8, 0.3)),
    ("AdamW", {"weight_decay": 0.1, "beta1": 0.5}, reference.adam(0.5, 0.999, 1e-8, 0.1)),
    ("Adagrad", {}, reference.adagrad(0.1)),
    ("Adagrad", {"initial_accumulator_value": 0.5}, reference.adagrad(0.5)),
    ("RMSProp", {}, reference.rmsprop(0.9, 0.0, 1e-10, False)),
    ("RMSProp", {"epsilon": 1e-3}, reference.rmsprop(0.9, 0.0, 1e-3, False)),
    (
        "RMSProp",
        {"decay": 0.5, "momentum": 0.8, "epsilon": 1e-3, "centered": True},
        reference.rmsprop(0.5, 0.8, 1e-3, True),
    ),
    ("Ftrl", {}, reference.ftrl(0.0, 0.0, 0.1)),
    (
        "Ftrl",
        {"l1_regularization_strength": 0.5, "l2_regularization_strength": 0.2},
        reference.ftrl(0.5, 0.2, 0.1),
    ),
    ("NovoGrad", {}, reference.novograd(0.95, 0.98, 1e-8, 0.0, False, False)),
    *(
        ("NovoGrad", params, reference.novograd(**params))
        for params in (
            NOVOGRAD,
            NOVOGRAD | {"grad_averaging": True},
            NOVOGRAD | {"legacy_no_ema": True},
            NOVOGRAD | {"legacy_no_ema": True, "grad_averaging": True, "epsilon": 1.0},
        )
    ),
]


@pytest.mark.parametrize(("name", "params", "step"), CASES)
def test_against_numpy(name, params, step):
    weights, gradients = numbers()
    variables = [keras.Variable(w) for w in weights]
    history = train(make_optimizer(name, params), variables, gradients, RATES)
    for got, expected in zip(history, reference.run(step, weights, gradients, RATES), strict=True):
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("legacy", "expected"), [(True, (0.65808, 1.54037)), (False, (0.67049, 1.55692))]
)
def test_novograd_golden_values(legacy, expected):
    """The original's weights after three steps, and those of a true moving average."""
    variable = keras.Variable(np.array([1.0, 2.0], np.float32))
    optimizer = NovoGrad(0.1, beta1=0.9, beta2=0.5, weight_decay=0.01, legacy_no_ema=legacy)
    gradients = [[np.array([3.0, 4.0], np.float32) * factor] for factor in (1.0, 10.0, 0.1)]
    train(optimizer, [variable], gradients, [0.1] * 3)
    np.testing.assert_allclose(values([variable])[0], expected, atol=1e-5)


def test_novograd_starts_its_average_at_the_first_gradient_that_is_not_zero():
    variables = [keras.Variable(np.ones(2, np.float32)) for _ in range(2)]
    optimizer = NovoGrad(0.1, beta1=0.0, beta2=0.9)
    gradient = np.array([3.0, 4.0], np.float32)
    train(optimizer, variables, [[np.zeros(2, np.float32), gradient], [gradient] * 2], [0.1, 0.1])
    np.testing.assert_allclose(values(variables)[0], 1.0 - 0.1 * gradient / 5.0, rtol=1e-6)
    np.testing.assert_allclose(values(variables)[1], 1.0 - 0.2 * gradient / 5.0, rtol=1e-6)


def test_novograd_can_exclude_variables_from_the_decay():
    variables = [keras.Variable(np.ones(2, np.float32), name=name) for name in ("kernel", "bias")]
    optimizer = NovoGrad(1.0, weight_decay=0.25)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    train(optimizer, variables, [[np.zeros(2, np.float32)] * 2], [1.0])
    kernel, bias = values(variables)
    np.testing.assert_array_equal(kernel, [0.75, 0.75])
    np.testing.assert_array_equal(bias, [1.0, 1.0])


def test_novograd_ignores_the_scale_of_a_layers_gradient():
    """What the normalisation is for: any constant factor gives the same path."""
    weights, gradients = numbers()
    scaled = [[1000.0 * g for g in grads] for grads in gradients]
    paths = []
    for grads in (gradients, scaled):
        variables = [keras.Variable(w) for w in weights]
        paths.append(train(NovoGrad(0.1, epsilon=0.0), variables, grads, RATES)[-1])
    for a, b in zip(*paths, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
class TestEveryOptimizer:
    def test_saved_state_continues_exactly(self, name):
        """Restored into a new optimizer, the path is the same to the last bit."""
        weights, gradients = numbers()
        variables = [keras.Variable(w) for w in weights]
        optimizer = make_optimizer(name)
        train(optimizer, variables, gradients[:3], RATES[:3])
        saved = values(variables), values(optimizer.variables)
        expected = train(optimizer, variables, gradients[3:], RATES[3:])

        variables = [keras.Variable(w) for w in saved[0]]
        restored = make_optimizer(name)
        restored.build(variables)
        assert len(restored.variables) == len(saved[1])
        for variable, value in zip(restored.variables, saved[1], strict=True):
            variable.assign(value)
        for got, want in zip(
            train(restored, variables, gradients[3:], RATES[3:]), expected, strict=True
        ):
            for a, b in zip(got, want, strict=True):
                np.testing.assert_array_equal(a, b)
        assert int(restored.iterations) == len(RATES)

    def test_variable_names_are_unique(self, name):
        """A checkpoint finds them by name."""
        optimizer = make_optimizer(name)
        optimizer.build([keras.Variable(np.zeros(2), name=f"weight_{i}") for i in range(3)])
        paths = [variable.path for variable in optimizer.variables]
        assert len(set(paths)) == len(paths)

    def test_config_round_trip(self, name):
        optimizer = make_optimizer(name)
        config = optimizer.get_config()
        assert type(optimizer).from_config(config).get_config() == config

    def test_moves_downhill(self, name):
        variable = keras.Variable(np.array([1.0, -2.0], np.float32))
        optimizer = make_optimizer(name)
        for _ in range(30):
            optimizer.learning_rate = 0.05
            optimizer.apply([ops.convert_to_tensor(values([variable])[0])], [variable])
        assert np.linalg.norm(values([variable])[0]) < np.sqrt(5.0)

    def test_state_is_float32_under_mixed_precision(self, name):
        layer = keras.layers.Dense(3, dtype="mixed_bfloat16")
        layer.build((None, 4))
        optimizer = make_optimizer(name)
        optimizer.build(layer.trainable_variables)
        kinds = {keras.backend.standardize_dtype(v.dtype) for v in optimizer.variables[1:]}
        assert kinds == {"float32"}

    def test_schema_describes_the_parameters(self, name):
        for param in OPTIMIZERS[name].PARAMS.params:
            assert param.help.endswith(".")
            make_optimizer(name, {param.name: param.default})


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a TensorFlow graph")
@pytest.mark.parametrize("name", ["Momentum", "NovoGrad"])
def test_a_graph_makes_the_same_steps(name):
    """Inside a condition too, as training skips the update of a non-finite gradient."""
    import tensorflow as tf

    weights, gradients = numbers()
    variables = [keras.Variable(w) for w in weights]
    expected = train(make_optimizer(name), variables, gradients, RATES)[-1]

    variables = [keras.Variable(w) for w in weights]
    optimizer = make_optimizer(name)
    optimizer.build(variables)

    @tf.function
    def step(good, *grads):
        def update():
            optimizer.apply(grads, variables)
            return True

        return tf.cond(good, update, lambda: False)

    for grads, rate in zip(gradients, RATES, strict=True):
        optimizer.learning_rate = rate
        tensors = [tf.constant(g) for g in grads]
        step(tf.constant(True), *tensors)
        step(tf.constant(False), *tensors)
    for a, b in zip(values(variables), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


class TestMakeOptimizer:
    def test_unknown_name(self):
        with pytest.raises(InputError, match="Did you mean NovoGrad"):
            make_optimizer("novograd")

    @pytest.mark.parametrize("optimizer", [dict, 3, None])
    def test_not_an_optimizer(self, optimizer):
        with pytest.raises(InputError, match="a Keras optimizer class or one of Adagrad"):
            make_optimizer(optimizer)

    def test_all_wrong_parameters_at_once(self):
        with pytest.raises(InputError) as error:
            make_optimizer("NovoGrad", {"beta_1": 0.9, "beta2": 2.0, "weight_decay": "0.1"})
        text = str(error.value)
        assert "optimizer_params/beta_1" in text
        assert "Did you mean beta1?" in text
        assert "optimizer_params/beta2: found 2.0" in text
        assert "optimizer_params/weight_decay" in text

    def test_an_int_is_a_float(self):
        assert make_optimizer("Momentum", {"momentum": 0}).momentum == 0.0

    def test_class_of_this_package(self):
        assert make_optimizer(NovoGrad, {"weight_decay": 0.001}).weight_decay == 0.001

    def test_class_of_keras(self):
        optimizer = make_optimizer(keras.optimizers.Lion, {"beta_1": 0.8})
        assert isinstance(optimizer, keras.optimizers.Lion)
        assert optimizer.beta_1 == 0.8

    def test_wrong_parameter_of_a_keras_class(self):
        with pytest.raises(InputError, match="beta1"):
            make_optimizer(keras.optimizers.Lion, {"beta1": 0.8})
