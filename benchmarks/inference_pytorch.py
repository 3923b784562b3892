"""The networks of `inference.py` as somebody would build them in PyTorch, from features on.

Batch normalizations are folded into the convolutions before them by PyTorch's own function, and
the one tap of a residual path into its product, so the networks are as fast as they can be
without another layout. They have no masks: one recording at a time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from open_seq2seq.ops.padding import padding_widths

Weights = Mapping[str, np.ndarray]


class PaddedConvolution(nn.Module):
    """A convolution with SAME padding, by itself where both sides have as many zeros.

    Args:
      kind: `nn.Conv1d` or `nn.Conv2d`.
      kernel: as PyTorch has it.
      stride, dilation: of each axis.
      groups: of the channels.
    """

    def __init__(
        self,
        kind: type[nn.Conv1d] | type[nn.Conv2d],
        kernel: np.ndarray,
        stride: Sequence[int],
        dilation: Sequence[int],
        groups: int = 1,
    ):
        super().__init__()
        outputs, inputs, *taps = kernel.shape
        sides = [padding_widths("SAME", *axis) for axis in zip(taps, stride, dilation)]
        is_even = all(left == right for left, right in sides)
        self.zeros = [] if is_even else [zero for side in reversed(sides) for zero in side]
        own = tuple(left for left, _ in sides) if is_even else 0
        self.convolution: Any = kind(
            inputs * groups, outputs, tuple(taps), tuple(stride), own, tuple(dilation), groups,
            bias=False,
        )  # fmt: skip
        self.convolution.weight.data = torch.tensor(np.ascontiguousarray(kernel))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(nn.functional.pad(x, self.zeros) if self.zeros else x)


class SubBlock(nn.Module):
    """A convolution, plain or separable, its residual path, and a ReLU.

    Args:
      layer: an entry of `convnet_layers`.
      weights: all of the network's.
      name: of the sub-block among them.
      has_residual: whether the block's input is added.
      epsilon: of batch normalization.
    """

    def __init__(
        self,
        layer: Mapping[str, Any],
        weights: Weights,
        name: str,
        has_residual: bool,
        epsilon: float,
    ):
        super().__init__()
        stride, dilation = layer["stride"], layer["dilation"] or [1]
        layers: list[nn.Module] = []
        if layer["type"] == "sep_conv1d":
            kernel = weights[f"{name}/depthwise_kernel"].transpose(1, 2, 0)
            layers.append(
                PaddedConvolution(nn.Conv1d, kernel, stride, dilation, groups=len(kernel))
            )
            kernel, stride, dilation = weights[f"{name}/pointwise_kernel"], [1], [1]
        else:
            kernel = weights[f"{name}/kernel"]
        last = PaddedConvolution(nn.Conv1d, kernel.transpose(2, 1, 0), stride, dilation)
        layers.append(folded(last, weights, f"{name}/bn", epsilon))
        self.path = nn.Sequential(*layers)
        self.residual: nn.Module | None = None
        if has_residual:
            kernel = residual_kernel(weights, name)
            residual = PaddedConvolution(nn.Conv1d, kernel.T[..., None], [1], [1])
            self.residual = folded(residual, weights, f"{name}/res_bn", epsilon)

    def forward(self, x: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        outputs = self.path(x)
        if self.residual is not None:
            outputs = outputs + self.residual(source)
        return torch.relu(outputs)


class TDNN(nn.Module):
    """Jasper and QuartzNet: features `[1, time, feature]` to log-probabilities."""

    def __init__(self, description: Mapping[str, Any], weights: Weights):
        super().__init__()
        params = description["params"]
        self.blocks = nn.ModuleList()
        for number, layer in enumerate(params["convnet_layers"], start=1):
            if layer["residual_dense"]:
                raise ValueError("dense residuals are in none of the benchmark's networks")
            self.blocks.append(
                nn.ModuleList(
                    SubBlock(
                        layer,
                        weights,
                        f"encoder/conv{number}{repeat}",
                        layer["residual"] and repeat == layer["repeat"],
                        params["bn_epsilon"],
                    )
                    for repeat in range(1, layer["repeat"] + 1)
                )
            )
        self.head = head(weights)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        x = features.transpose(1, 2)
        for block in self.blocks:
            source = x
            for sub_block in block:
                x = sub_block(x, source)
        return torch.log_softmax(self.head(x.transpose(1, 2)), -1)


class DeepSpeech2(nn.Module):
    """Convolutions over time and frequency, bidirectional LSTMs, a dense layer."""

    def __init__(self, description: Mapping[str, Any], weights: Weights):
        super().__init__()
        params = description["params"]
        convolutions: list[nn.Module] = []
        for number, layer in enumerate(params["conv_layers"], start=1):
            name = f"encoder/conv{number}"
            kernel = weights[f"{name}/kernel"].transpose(3, 2, 0, 1)
            one = PaddedConvolution(nn.Conv2d, kernel, layer["stride"], [1, 1])
            convolutions += [folded(one, weights, f"{name}/bn", params["bn_epsilon"]), nn.ReLU()]
        self.convolutions = nn.Sequential(*convolutions)
        inputs = weights["encoder/rnn_0/forward_kernel"].shape[0]
        self.recurrent = nn.LSTM(
            inputs, params["rnn_cell_dim"], params["num_rnn_layers"],
            batch_first=True, bidirectional=True,
        )  # fmt: skip
        self.recurrent.load_state_dict(lstm_state(weights, params["num_rnn_layers"]))
        self.dense = linear(weights, "encoder/fully_connected")
        self.head = head(weights)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        image = self.convolutions(features[:, None])  # [1, channel, time, frequency]
        rows = image.permute(0, 2, 3, 1).flatten(2)
        outputs, _ = self.recurrent(rows)
        return torch.log_softmax(self.head(torch.relu(self.dense(outputs))), -1)


def lstm_state(weights: Weights, layers: int) -> dict[str, torch.Tensor]:
    """The weights of `nn.LSTM`, whose gates are in the same order."""
    state = {}
    for layer in range(layers):
        for direction, end in (("forward", ""), ("backward", "_reverse")):
            name, own = f"encoder/rnn_{layer}/{direction}", f"l{layer}{end}"
            state[f"weight_ih_{own}"] = torch.tensor(weights[f"{name}_kernel"].T.copy())
            state[f"weight_hh_{own}"] = torch.tensor(weights[f"{name}_recurrent_kernel"].T.copy())
            bias = torch.tensor(weights[f"{name}_bias"])
            state[f"bias_ih_{own}"] = bias
            state[f"bias_hh_{own}"] = torch.zeros_like(bias)
    return state


def residual_kernel(weights: Weights, name: str) -> np.ndarray:
    """The kernel of one tap of a residual path, `[channel, output]`."""
    if f"{name}/res/kernel" in weights:
        return weights[f"{name}/res/kernel"][0]
    scale = weights[f"{name}/res/depthwise_kernel"].reshape(-1, 1)
    return scale * weights[f"{name}/res/pointwise_kernel"][0]


def folded(
    convolution: PaddedConvolution, weights: Weights, name: str, epsilon: float
) -> PaddedConvolution:
    """A convolution with the batch normalization after it."""
    own = convolution.convolution
    kind = nn.BatchNorm2d if isinstance(own, nn.Conv2d) else nn.BatchNorm1d
    norm = kind(own.out_channels, eps=epsilon).eval()
    norm.weight.data = torch.tensor(weights[f"{name}/gamma"])
    norm.bias.data = torch.tensor(weights[f"{name}/beta"])
    norm.running_mean = torch.tensor(weights[f"{name}/moving_mean"])
    norm.running_var = torch.tensor(weights[f"{name}/moving_variance"])
    convolution.convolution = fuse_conv_bn_eval(own.eval(), norm)
    return convolution


def linear(weights: Weights, name: str) -> nn.Linear:
    """A dense layer."""
    kernel = weights[f"{name}/kernel"]
    layer = nn.Linear(*kernel.shape)
    layer.weight.data = torch.tensor(kernel.T.copy())
    layer.bias.data = torch.tensor(weights[f"{name}/bias"])
    return layer


def head(weights: Weights) -> nn.Linear:
    """The dense layer to the symbols."""
    return linear(weights, "decoder/fully_connected")


NETWORKS: dict[str, type[nn.Module]] = {"TDNNEncoder": TDNN, "DeepSpeech2Encoder": DeepSpeech2}


def pytorch_network(folder: Path) -> nn.Module:
    """The network of a folder of `inference_models.prepare`."""
    description = json.loads((folder / "network.json").read_text())
    with np.load(folder / "weights.npz") as stored:
        weights = dict(stored)
    return NETWORKS[description["encoder"]](description, weights).eval()


def compiled(network: nn.Module) -> Any:
    """By `torch.compile`, for each length by itself, with its weights as constants."""
    import torch._inductor.config

    torch._inductor.config.freezing = True
    return torch.compile(network, dynamic=False)


def write_onnx(folder: Path) -> None:
    """Writes `pytorch.onnx`, which takes any number of frames."""
    description = json.loads((folder / "network.json").read_text())
    features = torch.zeros(1, 200, description["features"])
    with torch.inference_mode():
        torch.onnx.export(
            pytorch_network(folder),
            (features,),
            str(folder / "pytorch.onnx"),
            input_names=["features"],
            output_names=["log_probs"],
            dynamic_axes={"features": {1: "time"}, "log_probs": {1: "frames"}},
            opset_version=18,
            dynamo=False,  # the newer exporter needs another package
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes pytorch.onnx into a network's folder.")
    parser.add_argument("folder", type=Path)
    write_onnx(parser.parse_args().folder)


if __name__ == "__main__":
    main()
