"""Where a training's figures, pictures and sounds go: `loggers` in a config.

`Logger` is what each backend is for the trainer; `make_loggers` makes those that a config names.
"""

from open_seq2seq.training.loggers.factory import check_loggers, make_loggers
from open_seq2seq.training.loggers.logger import EVAL, TRAIN, Logger

__all__ = ["EVAL", "TRAIN", "Logger", "check_loggers", "make_loggers"]
