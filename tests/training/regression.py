"""A linear regression in a speech model's clothes: its gradients are known in closed form."""

import keras
import numpy as np
from keras import ops

from open_seq2seq.data.speech2text.speech2text import Batch
from open_seq2seq.losses import BatchLosses, CTCLoss
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.training.step import StepOptions, TrainStep

INPUTS, FRAMES = 3, 5


class SquaredError:
    """The mean square of the logits, which are differences here, for each utterance."""

    mean, count = CTCLoss().mean, CTCLoss().count

    def __call__(self, logits, lengths, labels, label_lengths):
        return ops.mean(ops.square(logits[:, :, 0]), axis=1)


class Regression(keras.Model):
    """The last feature is the target, a linear function of the others the prediction."""

    inputs_spec = ((None, None, INPUTS + 1), "float32")

    def __init__(self, policy="float32", regularizer=None):
        super().__init__(dtype=policy, autocast=False)
        self.dense = keras.layers.Dense(1, dtype=policy, kernel_regularizer=regularizer)
        self.dense.build((None, None, INPUTS))
        self.loss_fn = SquaredError()
        self.built = True

    def call(self, features, lengths, training=False):
        predicted = self.dense(features[:, :, :-1])
        return ops.cast(predicted, "float32") - ops.cast(features[:, :, -1:], "float32"), lengths

    def compute_losses(self, features, lengths, labels, label_lengths, training=False):
        logits, lengths = self(features, lengths, training=training)
        losses = self.loss_fn(logits, lengths, labels, label_lengths)
        return BatchLosses(losses, logits, lengths)


def make_batch(seed, size=4, noise=1.0, solution=(0.5, -1.0, 2.0, 0.25)):
    """Inputs, and targets of a linear function with noise."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(size, FRAMES, INPUTS))
    target = inputs @ solution[:-1] + solution[-1] + noise * rng.normal(size=(size, FRAMES))
    features = np.concatenate([inputs, target[..., None]], -1).astype(np.float32)
    return as_batch(features)


def as_batch(features):
    size = len(features)
    lengths, nothing = np.full(size, FRAMES, np.int32), np.zeros((size, 1), np.int32)
    return Batch(features, lengths, nothing, np.zeros(size, np.int32), np.arange(size), 1.0)


def gradient(weights, batch):
    """Kernel and bias gradients of the mean loss, in float64."""
    kernel, bias = weights
    inputs = batch.features[..., :-1].astype(np.float64).reshape(-1, INPUTS)
    target = batch.features[..., -1:].astype(np.float64).reshape(-1, 1)
    error = 2 * (inputs @ kernel + bias - target) / len(inputs)
    return [inputs.T @ error, error.sum(0)]


def make_step(policy="float32", optimizer="SGD", ema_decay=None, regularizer=None, **options):
    """A compiled step; the model's weights do not depend on anything but the code here."""
    model = Regression(policy, regularizer)
    model.dense.kernel.assign(np.array([[1.0], [0.5], [-0.5]], np.float32))
    model.dense.bias.assign(np.array([0.1], np.float32))
    average = None if ema_decay is None else WeightAverage(model.trainable_variables, ema_decay)
    variables = model.trainable_variables
    return TrainStep(model, make_optimizer(optimizer), variables, StepOptions(**options), average)


def weights_of(step):
    return [np.array(ops.convert_to_numpy(v.value), np.float64) for v in step.variables]
