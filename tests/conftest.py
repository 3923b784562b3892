"""Settings of the whole suite."""

import os

from hypothesis import settings

# Before TensorFlow is imported by any test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# A busy machine must not make a property fail for being slow.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
