"""A Conformer in PyTorch, from the papers' formulas: the contestant of `conformer.py`.

Attention is as PyTorch's implementations have it: products of all queries and positions, shifted
by one padded column, and a softmax of their sum with the content's scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conformer(nn.Module):
    """Encoder and head of a Conformer.

    Args:
      params: of this framework's `ConformerEncoder`: those that the benchmark sets.
      features: per frame.
      symbols: without the blank.
      drop: the rate of every dropout.
    """

    def __init__(self, params: Mapping[str, Any], features: int, symbols: int, drop: float):
        super().__init__()
        width, channels = params["hidden_size"], params["subsampling_channels"]
        separable = params["subsampling"] == "dw_striding"
        stages: list[nn.Module] = []
        for number in range(int(math.log2(params["subsampling_factor"]))):
            if separable and number:
                stages += [
                    nn.Conv2d(channels, channels, 3, 2, 1, groups=channels),
                    nn.Conv2d(channels, channels, 1),
                ]
            else:
                stages.append(nn.Conv2d(channels if number else 1, channels, 3, 2, 1))
            stages.append(nn.ReLU())
            features = (features - 1) // 2 + 1
        self.width, self.factor = width, params["subsampling_factor"]
        self.stages = nn.Sequential(*stages)
        self.input = nn.Linear(channels * features, width)
        self.dropout = nn.Dropout(drop)
        self.layers = nn.ModuleList(
            Layer(width, params["num_heads"], params["conv_kernel_size"], drop)
            for _ in range(params["num_layers"])
        )
        self.head = nn.Linear(width, symbols + 1)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, time, feature] -> logits [batch, time', symbols + 1] and their lengths."""
        image = self.stages(features[:, None])
        x = self.input(image.permute(0, 2, 1, 3).flatten(2)) * math.sqrt(self.width)
        for _ in range(int(math.log2(self.factor))):
            lengths = (lengths - 1) // 2 + 1
        x, frames = self.dropout(x), x.shape[1]
        past = torch.arange(frames)[None] >= lengths[:, None]
        positions = torch.arange(frames - 1, -frames, -1.0)[:, None]
        rates = torch.exp(torch.arange(0, self.width, 2.0) * (-math.log(10000.0) / self.width))
        waves = torch.stack([torch.sin(positions * rates), torch.cos(positions * rates)], -1)
        waves = waves.flatten(1)
        for layer in self.layers:
            x = layer(x, waves, past)
        return self.head(x), lengths


class Layer(nn.Module):
    """A Conformer's layer."""

    def __init__(self, width: int, heads: int, taps: int, drop: float):
        super().__init__()
        self.first, self.second = (
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 4 * width),
                nn.SiLU(),
                nn.Dropout(drop),
                nn.Linear(4 * width, width),
                nn.Dropout(drop),
            )
            for _ in range(2)
        )
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, drop)
        self.convolution_norm = nn.LayerNorm(width)
        self.gated = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, taps, padding=taps // 2, groups=width)
        self.batch_norm = nn.BatchNorm1d(width)
        self.pointwise = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor, waves: Tensor, past: Tensor) -> Tensor:
        """[batch, time, width] -> the same."""
        x = x + 0.5 * self.first(x)
        x = x + self.dropout(self.attention(self.attention_norm(x), waves, past))
        gated = functional.glu(self.gated(self.convolution_norm(x)), -1)
        gated = gated.masked_fill(past[..., None], 0.0).transpose(1, 2)
        filtered = functional.silu(self.batch_norm(self.depthwise(gated)))
        x = x + self.dropout(self.pointwise(filtered.transpose(1, 2)))
        return self.norm(x + 0.5 * self.second(x))


class Attention(nn.Module):
    """Self-attention with relative positions."""

    def __init__(self, width: int, heads: int, drop: float):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.products = nn.Linear(width, 3 * width)
        self.positions = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width)
        self.content_bias = nn.Parameter(torch.zeros(heads, 1, self.size))
        self.position_bias = nn.Parameter(torch.zeros(heads, 1, self.size))
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor, waves: Tensor, past: Tensor) -> Tensor:
        """[batch, time, width] -> the same."""
        batch, frames, width = x.shape
        products = self.products(x).view(batch, frames, 3, self.heads, self.size)
        queries, keys, values = products.permute(2, 0, 3, 1, 4)
        positions = self.positions(waves).view(-1, self.heads, self.size).permute(1, 2, 0)
        by_content = (queries + self.content_bias) @ keys.transpose(-1, -2)
        by_position = self._shifted((queries + self.position_bias) @ positions)
        scores = (by_content + by_position[..., :frames]) / math.sqrt(self.size)
        weights = scores.masked_fill(past[:, None, None], -10000.0).softmax(-1)
        mixed = self.dropout(weights) @ values
        return self.output(mixed.transpose(1, 2).reshape(batch, frames, width))

    @staticmethod
    def _shifted(scores: Tensor) -> Tensor:
        batch, heads, queries, places = scores.shape
        padded = functional.pad(scores, (1, 0)).view(batch, heads, places + 1, queries)
        return padded[:, :, 1:].reshape(batch, heads, queries, places)
