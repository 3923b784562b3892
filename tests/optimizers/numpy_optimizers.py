"""The optimizers in NumPy, written from their formulas, in float64."""

import numpy as np


def run(step, weights, gradients, rates):
    """Applies `step(w, g, rate, t, state) -> w` for each time and variable.

    Args:
      weights: a list of arrays, one for each variable.
      gradients: for each time a list like `weights`.
      rates: the learning rate of each time.

    Returns: the weights after each time.
    """
    weights = [np.asarray(w, np.float64) for w in weights]
    states = [{} for _ in weights]
    history = []
    for time, (grads, rate) in enumerate(zip(gradients, rates, strict=True)):
        weights = [
            step(w, np.asarray(g, np.float64), rate, time, state)
            for w, g, state in zip(weights, grads, states, strict=True)
        ]
        history.append(weights)
    return history


def sgd(w, g, rate, time, state):
    return w - rate * g


def momentum(momentum, use_nesterov=False):
    def step(w, g, rate, time, state):
        a = state["a"] = momentum * state.get("a", 0.0) + g
        return w - rate * ((g + momentum * a) if use_nesterov else a)

    return step


def adam(beta1, beta2, epsilon, weight_decay=0.0):
    def step(w, g, rate, time, state):
        m = state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
        v = state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g**2
        alpha = rate * np.sqrt(1 - beta2 ** (time + 1)) / (1 - beta1 ** (time + 1))
        return w - rate * weight_decay * w - alpha * m / (np.sqrt(v) + epsilon)

    return step


def adagrad(initial_accumulator_value):
    def step(w, g, rate, time, state):
        a = state["a"] = state.get("a", initial_accumulator_value) + g**2
        return w - rate * g / np.sqrt(a)

    return step


def rmsprop(decay, momentum, epsilon, centered):
    def step(w, g, rate, time, state):
        s = state["s"] = decay * state.get("s", 0.0) + (1 - decay) * g**2
        mean = state["mean"] = decay * state.get("mean", 0.0) + (1 - decay) * g
        variance = s - mean**2 if centered else s
        m = momentum * state.get("m", 0.0) + rate * g / np.sqrt(variance + epsilon)
        state["m"] = m
        return w - m

    return step


def ftrl(l1, l2, initial_accumulator_value):
    def step(w, g, rate, time, state):
        n = state.get("n", initial_accumulator_value)
        state["n"] = n + g**2
        sigma = (np.sqrt(state["n"]) - np.sqrt(n)) / rate
        z = state["z"] = state.get("z", 0.0) + g - sigma * w
        shrunk = np.sign(z) * l1 - z
        return np.where(np.abs(z) <= l1, 0.0, shrunk / (np.sqrt(state["n"]) / rate + 2 * l2))

    return step


def novograd(beta1, beta2, epsilon, weight_decay, grad_averaging, legacy_no_ema):
    def step(w, g, rate, time, state):
        norm = np.sum(g**2)
        first = "v" not in state or legacy_no_ema
        v = state["v"] = norm if first else beta2 * state["v"] + (1 - beta2) * norm
        d = g / np.sqrt(v + epsilon) + weight_decay * w
        if grad_averaging:
            d = (1 - beta1) * d
        m = state["m"] = beta1 * state.get("m", 0.0) + d
        return w - rate * m

    return step
