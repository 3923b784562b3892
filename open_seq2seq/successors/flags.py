"""Modes and flags of OpenSeq2Seq's run.py."""

from __future__ import annotations

from open_seq2seq.successors.row import Row, not_here, replaced, works

MODES: tuple[Row, ...] = (
    works("--mode=train --mode=eval --mode=train_eval --mode=infer"),
    replaced(
        "--mode=interactive_infer",
        "`open_seq2seq.Recognizer.load(config).transcribe([files or samples])` "
        "in Python; `interactive_infer_params` are merged as they were. On the command line: "
        "`python run.py --config_file=my.py --mode=infer --infer_files a.wav`.",
    ),
)

FLAGS: tuple[Row, ...] = (
    works("--config_file --config", "Other abbreviations of flags are not accepted."),
    works("--mode"),
    works(
        "--infer_output_file",
        "The ending is the format (docs/inference.md); what is there is not written over without "
        "`--overwrite`.",
    ),
    works("--continue_learning"),
    works("--no_dir_check", "Without the original's crash."),
    works("--benchmark --bench_steps"),
    works("--bench_start", "Without `--benchmark` too."),
    works("--debug_port", "TensorBoard's Debugger V2."),
    works("--enable_logs"),
    works("--use_xla_jit"),
    works(
        "--logdir --load_model --num_gpus --batch_size_per_gpu --num_epochs --max_steps --dtype "
        "--lr_policy_params/learning_rate --decoder_params/use_language_model",
        "Any parameter can be set, whether the config mentions it or not (docs/configs.md).",
    ),
    works(
        "--use_horovod", "`mpiexec` starts it; `make horovod` installs it (docs/distributed.md)."
    ),
    replaced(
        "--infer_dataset",
        "`--infer_params/data_layer_params/dataset_files=a.csv`, or `--infer_files a.wav b.wav`.",
    ),
    replaced("--automatic_loss_scaling", "`--loss_scaling=Backoff`"),
    not_here(
        "--use_trt --trt_precision_mode --trt_*",
        "TensorRT is not used; configs with its parameters run, with a note.",
    ),
)
