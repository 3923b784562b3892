"""What `train_epoch.py` prints."""

from __future__ import annotations

from typing import Any

# The most of an epoch that may be outside the step, and the most floors that a step may take.
OUTSIDE_AIM, FLOOR_AIM = 0.10, 2.0
# Large squares before and after the epoch differ less than that on an idle machine.
STEADY = 0.10


def print_tables(found: dict[str, Any]) -> None:
    """Prints what `train_epoch.measure` found, with what `about` says."""
    _print_about(found)
    _print_epochs(found)
    _print_loop(found)
    _print_loader(found)
    _print_floor(found)
    _print_plain(found)


def _print_about(found: dict[str, Any]) -> None:
    machine, packages = found["hardware"], found["packages"]
    kernels = "used" if found["native_kernels"] else "not used"
    print(f"{machine['processor']}, {machine['cores']} cores, bfloat16: {machine['bfloat16']}; "
          f"{', '.join(machine['gpus']) or 'no GPU'}; {machine['platform']}")  # fmt: skip
    names = ("python", "tensorflow-cpu", "tensorflow", "keras", "numpy", "librosa")
    versions = ", ".join(f"{name} {packages[name]}" for name in names if name in packages)
    print(f"{versions}; C++ kernels: {kernels}")
    print(found["command"])
    print(
        f"{found['encoder']}, {found['parameters']:,} parameters, {found['precision']}; batches of "
        f"{found['batch']}; {found['steps']} batches of {found['shapes']} shapes (one step of each "
        "before, not timed: it compiles)"
    )
    if found["load_before"] > 0.5 or found["square_spread"] > STEADY:
        print(
            f"WARNING: the machine was busy (load {found['load_before']:.1f} at the start; large "
            f"squares differ by {found['square_spread']:.0%}): these figures don't count."
        )


def _print_epochs(found: dict[str, Any]) -> None:
    print(f"\nSpeed: {found['audio_per_second']:.1f} seconds of audio per second "
          f"({found['audio_seconds']:.0f} s in {found['wall_seconds']:.2f} s)")  # fmt: skip
    if len(found["epochs"]) > 1:
        for number, epoch in enumerate(found["epochs"]):
            speed = epoch["audio_per_second"]
            print(f"  epoch {number}: {epoch['wall']:8.2f} s {speed:8.1f} s audio/s")


def _print_loop(found: dict[str, Any]) -> None:
    wall, steps = found["wall_seconds"], found["steps"]
    alone = found["step_alone_seconds"]
    print(f"\n{'Training loop, wall time':38}{'s':>9}{'share':>9}{'ms a batch':>12}")
    for name, seconds in found["loop"].items():
        print(_line(name, seconds, wall, steps))
    print(_line("all", wall, wall, steps))
    print(_line("steps without the loader beside them", alone, wall, steps)
          + f"   ({found['steps_repeated']} repeated)")  # fmt: skip
    print(f"outside the step: {found['outside_of_loop']:.1%} of the loop's time; with what the "
          f"loader slows the steps by: {found['outside_with_loader']:.1%} (aim: at most "
          f"{OUTSIDE_AIM:.0%})")  # fmt: skip


def _line(name: str, seconds: float, of: float, steps: int) -> str:
    return f"  {name:36}{seconds:9.3f}{seconds / of:9.1%}{1e3 * seconds / steps:12.2f}"


def _print_loader(found: dict[str, Any]) -> None:
    spent, audio = found["loader"], found["audio_seconds"]
    total, all_ = sum(spent.values()), found["processor_seconds"]
    workers = found["workers"]
    threads = "one for each core" if workers is None else workers
    print(f"\n{f'Loader, processor time (threads: {threads})':38}{'s':>9}{'share':>9}"
          f"{'ms / s audio':>14}")  # fmt: skip
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        share = seconds / total
        print(f"  {name:36}{seconds:9.3f}{share:9.1%}{1e3 * seconds / audio:14.3f}")
    print(f"  {'all':36}{total:9.3f}{1:9.1%}{1e3 * total / audio:14.3f}   {total / all_:.1%} of "
          f"this process's {all_:.2f} s")  # fmt: skip


def _print_floor(found: dict[str, Any]) -> None:
    flops = found["matrix_flops"]
    total = sum(flops.values())
    parts = ", ".join(f"{dtype} {part / 1e9:.4g}" for dtype, part in flops.items())
    print(f"\nFloor: {total / 1e9:.4g} GFLOP of matrix products ({parts}) on "
          f"{found['padded_frames']} padded frames; depthwise kernels, not in the floor: "
          f"{found['depthwise_flops'] / 1e9:.4g} GFLOP")  # fmt: skip
    step, alone = found["step_seconds"], found["step_alone_seconds"]
    squares = ", ".join(
        f"{dtype} {rate / 1e9:.0f}" for dtype, rate in found["square_rates"].items()
    )
    floor, lowest = found["floor_seconds"], found["square_floor_seconds"]
    names = {
        f"products of the model's shapes ({total / floor / 1e9:.0f} GFLOP/s)": floor,
        f"products as large squares ({squares} GFLOP/s)": lowest,
    }
    print(f"{'':66}{'s':>9}{'step':>8}{'alone':>8}")
    for name, seconds in names.items():
        print(f"  {name:64}{seconds:9.3f}{step / seconds:8.2f}{alone / seconds:8.2f}")
    kind = "dense encoders" if found["dense"] else "dense encoders, not for this one"
    print(f"the step takes {alone / floor:.2f} floors (aim: at most {FLOOR_AIM:g}, for {kind})")


def _print_plain(found: dict[str, Any]) -> None:
    audio, ours = found["plain_audio_seconds"], found["plain"]["this framework"]
    print(f"\n{found['plain_batches']} batches from the middle, and the same by a loop with "
          "librosa and Keras's own layers")  # fmt: skip
    print(f"{'':26}{'audio s/s':>11}{'wall':>10}{'ratio':>8}{'steps':>10}{'processor':>12}"
          f"{'ratio':>8}")  # fmt: skip
    for name, times in found["plain"].items():
        wall, processor = times["wall"], times["processor"]
        print(
            f"  {name:24}{audio / wall:11.1f}{wall:8.2f} s{wall / ours['wall']:8.2f}"
            f"{times['steps']:8.2f} s{processor:10.2f} s{processor / ours['processor']:8.2f}"
        )
    if found["plain_missing"]:
        print(f"  {found['plain_missing']}")
