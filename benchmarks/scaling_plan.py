"""What 8, 64 and 512 GPUs would do for Jasper 10x5 and QuartzNet 15x5: a plan on paper.

Sizes and operations are counted from the configs. How fast one GPU is, is published; what a
network does is assumed; `scaling_model` does the rest. No GPU was used.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from benchmarks.scaling_model import (
    CYCLE,
    Link,
    Piece,
    Step,
    bytes_on_the_wire,
    step_of_workers,
    sum_seconds,
)

CONFIGS = Path(__file__).resolve().parents[1] / "example_configs/speech2text"
GPUS = (8, 64, 512)
GPUS_OF_A_NODE = 8
BATCH = 32
# LibriSpeech's README: 281,241 utterances in its three training sets, 960.9 hours.
UTTERANCES, HOURS = 281_241, 960.9
SECONDS_OF_AN_UTTERANCE = HOURS * 3600 / UTTERANCES

# Between GPUs of a node. Latencies: a step of a ring and of the network in NCCL's own model
# (`hwLat` in src/graph/tuning.cc: 3.4 and 14 us). Assumed: 200 GB/s, a third of the 600 GB/s that
# NVIDIA states for an A100 (both directions), and 80 % of a network's line rate.
NVLINK = Link(3.4e-6, 200e9)
NETWORK_LATENCY, ACHIEVED = 14e-6, 0.8
# Gbit/s of a node: one Ethernet or InfiniBand port, or a 200 Gbit/s one for each of 8 GPUs.
NETWORKS = (25, 100, 200, 1600)


class Net(NamedTuple):
    """A network as it is trained.

    Args:
      config: its file's name.
      rate: utterances per second of one A100 80 GB, in training.
      source: of `rate`.
      published: throughput of 8 of them by that of one, from the same table.
    """

    config: str
    rate: float
    source: str
    published: float


NETS = {
    "Jasper 10x5": Net(
        "jasper10x5_LibriSpeech_nvgrad",
        64.32,
        "mixed precision, batch 32",
        7.31,
    ),
    "QuartzNet 15x5": Net(
        "quartznet15x5_LibriSpeech",
        89.69,
        "batch 48, the faster of two precisions",
        7.18,
    ),
}
SOURCE = "NVIDIA/DeepLearningExamples, PyTorch/SpeechRecognition/{Jasper,QuartzNet}/README.md"


class Counts(NamedTuple):
    """What a config's network consists of.

    Args:
      variables: trained ones, in the order of the layers: multiplications of each for a frame of
        the output, and its elements.
      statistics: moving means and variances that workers average: how many, and their elements.
      frames: of the output, in a second of audio.
    """

    variables: list[tuple[int, int]]
    statistics: tuple[int, int]
    frames: float

    @property
    def parameters(self) -> int:
        """Elements of all gradients."""
        return sum(size for _, size in self.variables)

    @property
    def flops(self) -> float:
        """Of the forward pass over a second of audio: products and sums of the convolutions."""
        return 2 * self.frames * sum(products for products, _ in self.variables)

    def bytes(self, compressed: bool) -> int:
        """What a worker gives to be summed in a step; the statistics always as float32."""
        return (2 if compressed else 4) * self.parameters + 4 * self.statistics[1]


def count(config: str) -> Counts:
    """Builds the network of a config, without values, and counts."""
    import keras

    from open_seq2seq.config.loading import load_config

    loaded = load_config(CONFIGS / f"{config}.py")
    params = loaded.base_model.PARAMS.fill(loaded.merged("train"))
    data = params["data_layer_params"]
    with keras.StatelessScope(initialize_variables=False):
        model = loaded.base_model(params, data["num_audio_features"], 28)
        shapes = [tuple(v.shape) for v in model.trainable_variables]
        moving = [v.shape for v in model.non_trainable_variables if "moving_" in v.path]
        frames = 1 / data["window_stride"] / model.encoder.time_stride
    keras.utils.clear_session(free_memory=False)
    # A weight of a convolution is used once in each of its output frames, of which all layers have
    # as many: only the first one has a stride. Batch norm and activations are not counted.
    variables = [(math.prod(s) if len(s) > 1 else 0, math.prod(s)) for s in shapes]
    return Counts(variables, (len(moving), sum(math.prod(s) for s in moving)), frames)


def link_of(gpus: int, gigabits: float) -> Link:
    """Between neighbours of a ring through whole nodes, each of which it enters and leaves once."""
    nodes = gpus // GPUS_OF_A_NODE
    if nodes <= 1:
        return NVLINK
    latency = (nodes * NETWORK_LATENCY + (gpus - nodes) * NVLINK.latency) / gpus
    return Link(latency, min(NVLINK.bandwidth, ACHIEVED * gigabits * 1e9 / 8))


def planned(
    counts: Counts, rate: float, gpus: int, link: Link, compressed: bool, overlaps: bool = True
) -> Step:
    """A step of many GPUs.

    The backward pass takes twice the forward pass (two products for one), and each variable's part
    of it is that of its operations.

    Args:
      rate: utterances per second of one GPU.
    """
    seconds = BATCH / rate
    forward, backward = seconds / 3, seconds * 2 / 3
    products = sum(p for p, _ in counts.variables)
    width = 2 if compressed else 4
    pieces = [Piece(backward * p / products, width * n) for p, n in reversed(counts.variables)]
    # The statistics of the forward pass go with the first gradients.
    pieces[0] = pieces[0]._replace(size=pieces[0].size + 4 * counts.statistics[1])
    return step_of_workers(forward, pieces, gpus, link, overlaps=overlaps)


def print_plan() -> None:
    """All tables."""
    print(
        "\nOn paper: no GPU was used.\n"
        f"  published: utterances per second of one A100 80 GB, {SOURCE}\n"
        f"  assumed: utterances of {SECONDS_OF_AN_UTTERANCE:.1f} s (LibriSpeech's mean); NVLink "
        f"{NVLINK.bandwidth / 1e9:.0f} GB/s; {ACHIEVED:.0%} of a network's line rate;\n"
        f"    no stragglers, no waiting for data, compression costs nothing on a GPU\n"
        f"  from NCCL's own model: {NVLINK.latency * 1e6:.1f} us a hop in a node, "
        f"{NETWORK_LATENCY * 1e6:.0f} us between nodes; Horovod's cycle: {CYCLE * 1e3:.0f} ms"
    )
    for name, net in NETS.items():
        counts = count(net.config)
        _print_counts(name, net, counts)
        _print_steps(net, counts)
    _print_batches()


def _print_counts(name: str, net: Net, counts: Counts) -> None:
    training = 3 * counts.flops
    speed = net.rate * SECONDS_OF_AN_UTTERANCE
    layers = counts.statistics[0] // 2
    print(
        f"\n{name}: {counts.parameters:,} parameters in {len(counts.variables)} variables; "
        f"gradients {4 * counts.parameters / 1e6:.0f} MB, "
        f"statistics of batch norm {4 * counts.statistics[1] / 1e6:.1f} MB\n"
        f"  {counts.flops / 1e9:.2f} GFLOP forward for a second of audio, {training / 1e9:.1f} in "
        f"training; one GPU: {net.rate} utterances/s ({net.source}) = {speed:.0f} s/s = "
        f"{speed * training / 1e12:.1f} TFLOP/s"
    )
    for gpus in GPUS:
        link = link_of(gpus, NETWORKS[-1])
        took = 2 * layers * (CYCLE + sum_seconds(0, gpus, link))
        share = took / (took + BATCH / net.rate)
        print(
            f"  synchronised batch norm, {gpus} GPUs: {2 * layers} sums that all wait for, "
            f"{took * 1e3:.0f} ms, {share:.0%} of the step"
        )


def _print_steps(net: Net, counts: Counts) -> None:
    print(
        f"  step of one GPU, batch {BATCH}: {BATCH / net.rate * 1e3:.0f} ms (forward 1/3). "
        "MB: what each GPU sends\n"
        f"  {'':24}{'float32':^44}{'float16':^44}\n"
        f"  {'GPUs':>5} {'network':18}"
        + 2 * f"{'MB':>8}{'sums':>9}{'exposed':>10}{'efficiency':>11}{'':6}"
        + "float32, no overlap   float32, as published"
    )
    first = planned(counts, net.rate, GPUS[0], NVLINK, False).efficiency
    lost = net.published / 8 / first
    for gpus in GPUS:
        for gigabits in NETWORKS if gpus > GPUS_OF_A_NODE else NETWORKS[:1]:
            link = link_of(gpus, gigabits)
            text = f"{gigabits} Gbit/s a node" if gpus > GPUS_OF_A_NODE else "NVLink"
            line = f"  {gpus:5} {text:18}"
            for compressed in (False, True):
                step = planned(counts, net.rate, gpus, link, compressed)
                wire = bytes_on_the_wire(counts.bytes(compressed), gpus)
                line += (
                    f"{wire / 1e6:8.0f}{step.communication * 1e3:6.0f} ms{step.exposed * 1e3:7.1f} "
                    f"ms{step.efficiency:11.1%}{'':6}"
                )
            alone = planned(counts, net.rate, gpus, link, False, overlaps=False)
            # What 8 GPUs lose beyond the model, others lose as well.
            published = planned(counts, net.rate, gpus, link, False).efficiency * lost
            print(f"{line}{alone.efficiency:12.1%}{published:19.1%}")
    print(
        f"  published for 8 GPUs of one node: {net.published / 8:.1%}, the model says "
        f"{first:.1%}; the last column has this loss (data, stragglers) everywhere"
    )


def _print_batches() -> None:
    print(f"\nLibriSpeech, {UTTERANCES:,} utterances, {BATCH} a GPU:")
    print(f"  {'GPUs':>5}{'batch':>8}{'steps an epoch':>16}   learning rate: linear, sqrt")
    for gpus in GPUS:
        batch, factor = gpus * BATCH, gpus / GPUS[0]
        steps = math.ceil(UTTERANCES / batch)
        print(f"  {gpus:5}{batch:8,}{steps:16,}{'x':>16}{factor:.0f}, x{math.sqrt(factor):.2f}")
