"""Parameters of how long a training is, and what happens in it every so many steps."""

from __future__ import annotations

from open_seq2seq.config.schema import Param


def schedule_params(rows: str) -> list[Param]:
    """Batches, epochs and steps.

    Args:
      rows: what a batch consists of.
    """
    return [
        Param("batch_size_per_gpu", int, f"{rows} in a batch.", minimum=1),
        Param(
            "eval_batch_size_per_gpu",
            int,
            f"{rows} in a batch of evaluation and inference; None: as in training.",
            None,
            minimum=1,
        ),
        Param("num_epochs", int, "Passes over the training data.", None, minimum=1),
        Param("max_steps", int, "Steps of training, instead of num_epochs.", None, minimum=1),
        Param(
            "iter_size",
            int,
            "Batches whose gradients are averaged for one step; max_steps and all that happens "
            "every so many steps counts the steps.",
            1,
            minimum=1,
        ),
        Param("random_seed", int, "Seeds everything random.", 0, minimum=0),
        _steps("eval_steps", "Evaluates, in mode train_eval,"),
        _steps("save_checkpoint_steps", "Saves a checkpoint"),
        _steps("save_summaries_steps", "Tells the loggers"),
        _steps("print_loss_steps", "Prints the training loss"),
        _steps("print_samples_steps", "Prints a transcribed training sample"),
        _steps("print_bench_info_steps", "Prints steps/s and audio seconds/s"),
        Param("bench_start", int, "The first step that is timed.", 10, minimum=0),
    ]


def _steps(name: str, what: str) -> Param:
    return Param(name, int, f"{what} every so many steps; None or 0: never.", None, minimum=0)
