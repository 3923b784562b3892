"""The parameters that only the front-end of NeMo has."""

from __future__ import annotations

from open_seq2seq.config.schema import Param

EDGES = ("zeros", "reflected")
FRAME_COUNTS = ("whole_hops", "begun_hops", "centred")
LOG_GUARDS = ("add", "clamp")
# 2^-24, which NeMo adds to energies before their logarithm.
LOG_GUARD_VALUE = 2.0**-24

NEMO_PARAMS = [
    Param(
        "edges",
        str,
        "What the STFT sees outside a recording: zeros (NeMo from 2.5.0 on) or the signal "
        "reflected (before). nemo only.",
        default="zeros",
        choices=EDGES,
    ),
    Param(
        "frame_count",
        str,
        "Frames of n samples and a hop of h: whole_hops is n // h (NeMo from 2.5.0 on), centred "
        "n // h + 1 (1.0 to 2.4), begun_hops n / h rounded up (before 1.0). nemo only.",
        default="whole_hops",
        choices=FRAME_COUNTS,
    ),
    Param(
        "pre_emphasis",
        (float, type(None)),
        "The share of the sample before that is subtracted from each; None: none. nemo only.",
        default=0.97,
    ),
    Param(
        "magnitude_power",
        float,
        "Which power of the spectrum's magnitude the mel filters sum, 1 or 2. nemo only.",
        default=2.0,
        choices=(1.0, 2.0),
    ),
    Param(
        "take_log",
        bool,
        "Whether the features are logarithms of the energies. nemo only.",
        default=True,
    ),
    Param(
        "log_guard",
        str,
        "How the logarithm is kept from zero: add log_guard_value to an energy, or clamp it to at "
        "least that. nemo only.",
        default="add",
        choices=LOG_GUARDS,
    ),
    Param(
        "log_guard_value",
        float,
        "The energy of log_guard; NeMo's is 2^-24. nemo only.",
        default=LOG_GUARD_VALUE,
        minimum=0.0,
    ),
    Param(
        "filters_file",
        (str, type(None)),
        "An .npz file of `filters` [bin, feature] and, unless it is rectangular, `window` "
        "[sample]: those of a model that was trained elsewhere, instead of Slaney's mel filters "
        "from 0 Hz to half the sample rate and the window that `window` names. nemo only.",
        default=None,
    ),
]
