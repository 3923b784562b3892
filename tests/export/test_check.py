"""How far an exported model may be off."""

import types

import numpy as np

from open_seq2seq.export.check import TOLERANCE, references

RATE = 8000
ERRORS = {1.0: 1e-4, 0.97: 8e-4, 0.89: 1e-3, 0.81: 2e-4, 0.69: 3e-5}


class Model:
    """Whose rounding is another one at each level; what it says is the level."""

    extractor = types.SimpleNamespace(options=types.SimpleNamespace(sample_freq=RATE))

    def log_probs(self, samples, exact=False):
        level = min(ERRORS, key=lambda level: abs(level - samples[0]))
        return np.full((1, 3), -1.0 if exact else -1.0 + ERRORS[level], np.float32)


def test_rounding_of_a_few_frames_is_the_largest_at_several_levels():
    """Of a single frame it may be small by chance, in the trained model or in the exported one."""
    decoder = types.SimpleNamespace(
        decode=lambda logits, lengths: [types.SimpleNamespace(text="a")] * len(logits)
    )
    found = references(Model(), decoder, np.ones(RATE, np.float32))
    for one in found:
        short = len(one.samples) <= RATE
        expected = max(ERRORS.values()) if short else ERRORS[1.0]
        np.testing.assert_allclose(one.rounding, expected, atol=1e-6)
        np.testing.assert_allclose(one.tolerance, max(TOLERANCE, 2 * expected), atol=2e-6)
    assert sum(len(one.samples) <= RATE for one in found) >= 3
