"""Networks evaluated by NumPy: whole utterances, and streams that are fed piece by piece.

Both are the same computation: a whole utterance is a stream of one piece.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.network import Network, Node
from open_seq2seq.interop.kaldi.plan import Plan, Step
from open_seq2seq.interop.kaldi.sparse import ALL, Kept, kept_frames
from open_seq2seq.interop.kaldi.time_layers import Numbers, computed, lstm
from open_seq2seq.interop.kaldi.tracks import Track, Tracks, is_described


class Stream:
    """One utterance, in pieces.

    Args:
      plan: of the network.
      kept: the nodes of which some frames suffice: see `kept_frames`.
    """

    def __init__(self, plan: Plan, kept: Mapping[str, Kept]):
        self._plan, self._network, self._kept = plan, plan.network, kept
        self.reset()

    def reset(self) -> None:
        """Begins another utterance."""
        self._tracks = Tracks(self._plan, self._kept)
        self._lstms: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._frames = 0  # of features, so far
        self._scored = {one.name: 0 for one in self._network.outputs}
        self._last: np.ndarray | None = None

    # --- state

    @property
    def state(self) -> dict[str, np.ndarray]:
        """All that is kept between pieces: by node, the frames that are still looked at and the
        number of the first of them; of an LSTM `r` and `c`; counts of frames."""
        found = {"frames": np.array([self._frames, *self._scored.values()], np.int64)}
        for name, track in self._tracks.tracks.items():
            found[f"{name}/rows"] = track.rows
            first = self._tracks.firsts.get(name, 0)
            found[f"{name}/start"] = np.array([track.start, first, track.constant], np.int64)
        for name, (r, c) in self._lstms.items():
            found[f"{name}/r"], found[f"{name}/c"] = r, c
        if self._last is not None:
            found["last"] = self._last
        return {name: array.copy() for name, array in found.items()}

    @state.setter
    def state(self, state: Mapping[str, np.ndarray]) -> None:
        self.reset()
        self._frames, *scored = (int(one) for one in state["frames"])
        self._scored = dict(zip(self._scored, scored))
        self._last = state.get("last")
        for key, array in state.items():
            name, _, part = key.rpartition("/")
            if part == "rows":
                start, first, constant = (int(one) for one in state[f"{name}/start"])
                kept = self._kept.get(name, ALL)
                track = Track(array.shape[1], start, array.copy(), bool(constant), kept)
                self._tracks.tracks[name], self._tracks.firsts[name] = track, first
            elif part == "r":
                self._lstms[name] = (array.copy(), state[f"{name}/c"].copy())

    # --- frames

    def accept(self, inputs: Mapping[str, np.ndarray], last: bool = False) -> dict[str, np.ndarray]:
        """Takes frames, and gives the scores that can be computed now.

        Args:
          inputs: `[n, dim]` of each input, as many frames of each; inputs of the whole utterance
            (`Input.per_utterance`) `[dim]` or `[1, dim]`, with the first piece.
          last: whether it is the utterance's last piece.

        Returns:
          for each output `[m, dim]`, the next frames of it: every `frame_subsampling`-th one.

        Raises:
          InputError: an input is missing or has another dimension.
        """
        self._feed(inputs, last)
        for step in self._plan.steps:
            if step.direction:
                self._recur(step)
            elif not is_described(step.nodes[0]):
                self._compute(step.nodes[0])
        found = {}
        for output in self._network.outputs:
            found[output.name] = self._scores(output.name, output.node, output.dim)
        if not last:
            self._prune()
        return found

    def _feed(self, inputs: Mapping[str, np.ndarray], last: bool) -> None:
        network, tracks = self._network, self._tracks
        arrays = check_inputs(
            network, inputs, needs_constants=not self._frames and not tracks.tracks
        )
        for one in network.inputs:
            if one.name in arrays and one.per_utterance:
                tracks.tracks[one.name] = Track(one.dim, 0, arrays[one.name], constant=True)
                tracks.firsts[one.name] = 0
        left = network.left_context if network.pads_input else 0
        right = network.right_context if network.pads_input else 0
        for one in network.inputs:
            if one.per_utterance:
                continue
            rows = arrays[one.name]
            parts = [rows]
            known = tracks.tracks.get(one.name)
            if known is None and len(rows):
                known = tracks.tracks[one.name] = Track(one.dim, -left)
                tracks.firsts[one.name] = -left
                parts.insert(0, np.repeat(rows[:1], left, axis=0))
            if last and known is not None:
                newest = rows[-1:] if len(rows) else known.rows[-1:]
                parts.append(np.repeat(newest, right, axis=0))
            if known is not None:
                known.append(np.concatenate(parts))
        features = network.inputs[0].name
        self._frames += len(arrays[features])
        tracks.closed = last

    def _begin(self, node: Node, first: float) -> Track:
        track = self._tracks.tracks.get(node.name)
        if track is None:
            kept = self._kept.get(node.name, ALL)
            track = Track(node.dim, kept.place(int(first)), kept=kept)
            self._tracks.tracks[node.name], self._tracks.firsts[node.name] = track, track.end
        return track

    def _compute(self, node: Node) -> None:
        first, end = self._tracks.possible(node)
        if math.isinf(first) or not end > first:
            return
        track = self._begin(node, first)
        numbers = track.missing(int(end))
        if not len(numbers):
            return
        if isinstance(node.layer, L.Lstm):
            rows = self._lstm(node, node.layer, numbers)
        else:
            rows = computed(self._tracks, node, numbers)
        track.append(np.ascontiguousarray(rows, np.float32))

    def _lstm(self, node: Node, layer: L.Lstm, numbers: Numbers) -> np.ndarray:
        cell = len(layer.peephole_i)
        zero = np.zeros(len(layer.projection), np.float32), np.zeros(cell, np.float32)
        x = self._tracks.rows(node.inputs[0], numbers)
        if layer.backward:
            return lstm(layer, x[::-1], zero)[0][::-1]
        found, self._lstms[node.name] = lstm(layer, x, self._lstms.get(node.name, zero))
        return found

    def _recur(self, step: Step) -> None:
        """Frame by frame: each node of a recurrence once, then the next frame."""
        tracks = self._tracks
        own = [node for node in step.nodes if not is_described(node)]
        if step.direction < 0 and not tracks.closed:
            return
        spans = {node.name: tracks.possible(node) for node in own}
        spans = {name: span for name, span in spans.items() if not math.isinf(span[0])}
        own = [node for node in own if node.name in spans]
        if not own:
            return
        for node in own:  # where each begins is known before any of it is computed
            self._begin(node, spans[node.name][0])
        end = int(max(one for _, one in spans.values()))
        if step.direction < 0:
            self._recur_back(own, spans)
            return
        begin = min(tracks.tracks[node.name].end for node in own)
        for number in range(begin, end):
            for node in own:
                first, last = tracks.possible(node)
                if first <= number < last and tracks.tracks[node.name].end == number:
                    rows = computed(tracks, node, range(number, number + 1))
                    tracks.tracks[node.name].append(np.asarray(rows, np.float32))

    def _recur_back(self, own: list[Node], spans: Mapping[str, tuple[float, float]]) -> None:
        tracks = self._tracks
        end = int(max(one for _, one in spans.values()))
        begin = int(min(one for one, _ in spans.values()))
        for node in own:
            tracks.tracks[node.name].start = int(spans[node.name][1])
        for number in range(end - 1, begin - 1, -1):
            for node in own:
                first, last = spans[node.name]
                if first <= number < last:
                    rows = computed(tracks, node, range(number, number + 1))
                    track = tracks.tracks[node.name]
                    track.start = number
                    tracks.firsts[node.name] = number
                    track.rows = np.concatenate([rows, track.rows]) if len(track.rows) else rows

    def _scores(self, name: str, node: str, dim: int) -> np.ndarray:
        tracks, step = self._tracks, self._network.frame_subsampling
        first, end = tracks.span(node)
        scored = self._scored[name]
        available = min(end, self._frames)
        count = max(0, math.ceil(available / step)) if available > 0 and first <= scored else 0
        if count <= scored:
            return np.zeros((0, dim), np.float32)
        self._scored[name] = count
        return tracks.rows(node, np.arange(scored, count) * step).astype(np.float32)

    def _prune(self) -> None:
        """Forgets frames that nobody looks at any more."""
        plan, tracks = self._plan, self._tracks
        wanted: dict[str, float] = {}
        step = self._network.frame_subsampling
        for output in self._network.outputs:
            wanted[output.node] = self._scored[output.name] * step
        for one in reversed(plan.steps):
            for node in reversed(one.nodes):
                if node.name in tracks.tracks:
                    own: float = tracks.tracks[node.name].end
                elif is_described(node) or tracks.possible(node)[0] == -math.inf:
                    own = wanted.get(node.name, math.inf)  # looked up, as others look at it
                else:
                    own = -math.inf
                if one.direction:  # from its own past
                    own = min(own, self._newest(one))
                for name in node.inputs:
                    back = plan.lookback.get(name, 0)
                    wanted[name] = min(wanted.get(name, math.inf), own - back)
        for name, track in tracks.tracks.items():
            if not track.constant and len(track.rows):
                # The last one stays: what pads the end is a copy of it.
                track.prune(min(wanted.get(name, -math.inf), track.end - 1))

    def _newest(self, step: Step) -> float:
        tracks = self._tracks.tracks
        ends = [tracks[node.name].end for node in step.nodes if node.name in tracks]
        return min(ends, default=-math.inf)


class Evaluator:
    """Scores of utterances.

    Args:
      network: see `read_network`.
    """

    def __init__(self, network: Network):
        self.network = network
        self._plan = Plan.of(network)
        self._kept = kept_frames(self._plan)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A whole utterance; see `Stream.accept`."""
        return self.stream().accept(inputs, last=True)

    def stream(self) -> Stream:
        """An utterance that comes piece by piece, with state."""
        return Stream(self._plan, self._kept)


def check_inputs(
    network: Network, inputs: Mapping[str, np.ndarray], needs_constants: bool = True
) -> dict[str, np.ndarray]:
    """Inputs as `[n, dim]` float32 arrays.

    Raises:
      InputError: one is missing, unknown, or has another dimension.
    """
    found, problems = {}, []
    for one in network.inputs:
        count = "1" if one.per_utterance else "frames"
        expected = f"[{count}, {one.dim}]"
        if one.name not in inputs:
            if needs_constants or not one.per_utterance:
                remedy = "The model needs this input."
                problems.append(Problem(one.name, "nothing", expected, remedy))
            continue
        array = np.asarray(inputs[one.name], np.float32)
        array = array[None] if array.ndim == 1 and one.per_utterance else array
        if array.ndim != 2 or array.shape[1] != one.dim or (one.per_utterance and len(array) != 1):
            problems.append(Problem(one.name, f"the shape {list(array.shape)}", expected))
        found[one.name] = array
    names = [one.name for one in network.inputs]
    for name in inputs:
        if name not in names:
            problems.append(Problem(name, "an input of this name", ", ".join(names)))
    frames = [one.name for one in network.inputs if not one.per_utterance and one.name in found]
    lengths = {len(found[name]) for name in frames}
    if not problems and len(lengths) > 1:
        counts = " and ".join(map(str, sorted(lengths)))
        problems.append(Problem("frames", counts, "as many of each input"))
    if problems:
        raise InputError("The features are not those of the model:", problems)
    return found
