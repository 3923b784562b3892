import numpy as np
import pytest

from open_seq2seq.data.speech2text.augmentation import Augmenter
from open_seq2seq.errors import InputError

# Table 1 of arXiv:1904.08779: F, number of bands, T, p, number of spans; for 80 features.
PUBLISHED = {
    "LB": (27, 1, 100, 1.0, 1),
    "LD": (27, 2, 100, 1.0, 2),
    "SM": (15, 2, 70, 0.2, 2),
    "SS": (27, 2, 70, 0.2, 2),
}


def runs(hidden):
    """Lengths of the runs of True in a vector."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def draws(policy, frames, num_features=80, count=300):
    """Hidden bands `[count, feature]` and spans `[count, time]` of many draws."""
    augmenter = Augmenter({"spec_augment": policy}, 16000)
    features = np.ones((frames, num_features), np.float32)
    rng = np.random.default_rng(0)
    masked = np.stack([augmenter.spectrogram(features, rng) for _ in range(count)])
    assert (features == 1).all()
    return (masked == 0).all(axis=1), (masked == 0).all(axis=2)


@pytest.mark.parametrize("policy", PUBLISHED)
@pytest.mark.parametrize("frames", [150, 1200])
def test_published_policies(policy, frames):
    width, bands, frames_width, share, spans = PUBLISHED[policy]
    hidden_bands, hidden_spans = draws(policy, frames)
    greatest_span = min(frames_width, int(share * frames))
    # Several masks may touch, so the total is what is bounded; single ones reach the width.
    assert hidden_bands.sum(axis=1).max() <= bands * width
    assert hidden_spans.sum(axis=1).max() <= spans * greatest_span
    assert max(len(runs(row)) for row in hidden_bands) == bands
    assert max(len(runs(row)) for row in hidden_spans) == spans
    assert max(max(runs(row), default=0) for row in hidden_bands) >= 0.9 * width
    assert max(max(runs(row), default=0) for row in hidden_spans) >= 0.9 * greatest_span


@pytest.mark.parametrize("frames", [60, 300, 2000])
def test_adaptive_policy_follows_the_length(frames):
    bands, spans = draws("LibriFullAdapt", frames)
    assert max(len(runs(row)) for row in spans) <= min(20, int(0.04 * frames))
    assert spans.sum(axis=1).max() <= min(20, int(0.04 * frames)) * int(0.04 * frames)
    assert spans.any()
    assert bands.sum(axis=1).max() <= 54


def test_bands_are_scaled_to_the_number_of_features():
    bands, _ = draws("LB", 400, num_features=40)
    assert bands.sum(axis=1).max() == round(27 * 40 / 80)


def test_share_of_the_recording_without_a_policy():
    augmenter = Augmenter(
        {"n_time_mask": 1, "width_time_mask": 50, "max_time_mask_share": 0.1}, 16000
    )
    features, rng = np.ones((200, 4), np.float32), np.random.default_rng(1)
    hidden = [(augmenter.spectrogram(features, rng) == 0).all(1).sum() for _ in range(300)]
    assert max(hidden) == 20


def test_a_policy_and_single_masks_exclude_each_other():
    with pytest.raises(InputError) as caught:
        Augmenter({"spec_augment": "LD", "n_time_mask": 1, "width_freq_mask": 3}, 16000)
    places = {problem.where for problem in caught.value.problems}
    assert places == {"augmentation/n_time_mask", "augmentation/width_freq_mask"}


def test_an_unknown_policy_is_named():
    with pytest.raises(InputError, match="LibriFullAdapt"):
        Augmenter({"spec_augment": "LibriFullAdap"}, 16000)
