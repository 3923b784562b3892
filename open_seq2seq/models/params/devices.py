"""Parameters of the processes and devices that train together."""

from __future__ import annotations

from open_seq2seq.config.schema import Param

DEVICES = [
    Param(
        "use_horovod",
        bool,
        "Several processes, on one machine or many, train together: start them with mpiexec or "
        "horovodrun (docs/distributed.md). One that is started alone trains alone.",
        False,
    ),
    Param(
        "num_gpus",
        int,
        "Devices that this process trains on, each with batch_size_per_gpu utterances; fewer "
        "where the machine has fewer, which is said. No effect with several processes.",
        1,
        minimum=0,
    ),
    Param(
        "gpu_ids",
        list,
        "The GPUs to use, by number, instead of num_gpus.",
        None,
        item=Param("", int, ""),
    ),
    Param(
        "batch_norm_statistics",
        str,
        "Which utterances batch normalization takes mean and variance of while training: those "
        "of its own process and device (local), or those of all of them (synchronised).",
        "local",
        choices=("local", "synchronised"),
    ),
    Param(
        "gradient_compression",
        str,
        "How processes send gradients to each other: None: as float32; fp16: as float16, half "
        "the traffic, rounded.",
        None,
        choices=("fp16",),
    ),
    Param(
        "lr_scaling",
        str,
        "Multiplies the learning rate by the number of processes and devices (linear), or by "
        "its square root (sqrt); None: the rate is as it is given.",
        None,
        choices=("linear", "sqrt"),
    ),
    Param(
        "use_xla_jit",
        bool,
        "Lets XLA compile what it can of the training step, on a GPU.",
        False,
    ),
]
