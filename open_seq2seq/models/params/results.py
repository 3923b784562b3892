"""Parameters of what a training leaves behind: checkpoints and summaries."""

from __future__ import annotations

from open_seq2seq.config.schema import Param

SUMMARIES = (
    "learning_rate",
    "gradients",
    "gradient_norm",
    "global_gradient_norm",
    "variables",
    "variable_norm",
    "larc_summaries",
    "loss_scale",
    "samples",
)
LOGGERS = ("tensorboard", "csv", "wandb", "mlflow")


def result_params(metrics: tuple[str, ...]) -> list[Param]:
    """Checkpoints that are kept, and what loggers get.

    Args:
      metrics: what may make a checkpoint the best, the default first.
    """
    return [
        Param(
            "num_checkpoints",
            int,
            "Newest checkpoints that are kept; as many best ones.",
            5,
            minimum=1,
        ),
        Param(
            "best_checkpoint_metric",
            str,
            "What makes a checkpoint the best.",
            metrics[0],
            choices=metrics,
        ),
        Param(
            "restore_best_checkpoint", bool, "Evaluates the best checkpoint, not the newest.", False
        ),
        Param(
            "summaries",
            list,
            "What loggers get besides loss, WER and speed.",
            ["learning_rate", "global_gradient_norm"],
            item=Param("", str, "", choices=SUMMARIES),
        ),
        Param(
            "loggers",
            list,
            "Where figures, pictures and sounds of a training go; wandb and mlflow are extras.",
            ["tensorboard"],
            item=Param("", str, "", choices=LOGGERS),
        ),
    ]
