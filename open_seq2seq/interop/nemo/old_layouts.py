"""Files of NeMo 0.8 to 0.11 and of NVIDIA's DeepLearningExamples, as NeMo 1.0 would have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from open_seq2seq.interop.nemo.archive import EXPECTED, Archive
from open_seq2seq.interop.nemo.conv_asr_encoder import BlockNames
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.interop.nemo.section import Section
from open_seq2seq.interop.nemo.source import Source, Tensors, read_nemo, state_dict
from open_seq2seq.interop.nemo.torch_file import open_torch_file
from open_seq2seq.interop.nemo.yaml_text import MOST_BYTES, parse_yaml

_ENCODER, _HEAD = "JasperEncoder", "JasperDecoderForCTC"
_PREPROCESSOR = "AudioToMelSpectrogramPreprocessor"
_MODULE = "module.yaml"
SUFFIXES = (".nemo", ".pt", ".pth", ".ckpt")


def read_model(path: Path, config: Path | None = None) -> Source:
    """A model, in whichever layout.

    Args:
      path: a `.nemo` file, `JasperEncoder-STEP-<n>.pt` with its decoder beside it, or a checkpoint
        of DeepLearningExamples.
      config: the YAML that belongs to a `.pt` file.

    Raises:
      InputError: the file can't be read, or its config is missing.
    """
    if path.suffix in (".pt", ".pth") or _is_torch_file(path):
        if config is None:
            expected = "the YAML that the model was trained with"
            raise refusal("--config", "nothing", expected, f"Name it: {path.name} has none inside.")
        return _read_pt(path, config)
    if path.suffix == ".ckpt":
        remedy = "Save the model with NeMo's save_to: a .nemo file."
        raise refusal(str(path), "a checkpoint of training", "a .nemo file", remedy)
    archive = Archive(path)
    module = archive.named(_MODULE)
    return read_nemo(path) if module is None else _read_module_archive(archive, module)


def _is_torch_file(path: Path) -> bool:
    """Whether its content is weights of PyTorch's, not an archive of NeMo's."""
    try:
        with open(path, "rb") as file:
            return path.suffix != ".ckpt" and file.read(4).startswith((b"PK\x03\x04", b"\x80\x02"))
    except OSError:  # which the archive's reader says better
        return False


def _read_module_archive(archive: Archive, module: str) -> Source:
    """`.nemo` of 0.11: a YAML and a file of weights for each module."""
    config = parse_yaml(archive.read(module, MOST_BYTES), f"{archive.path}, {module}")
    tensors: dict[str, Any] = {}
    parts = ((_ENCODER, "encoder."), (_HEAD, "decoder."), (_PREPROCESSOR, "preprocessor."))
    for kind, prefix in parts:
        name = next((one for one in archive.names if Path(one).name.startswith(f"{kind}")), None)
        if name is None and prefix != "preprocessor.":
            raise refusal(f"{archive.path}, {kind}.pt", "no such member", EXPECTED)
        if name is not None:
            opened = open_torch_file(archive.stream(name), f"{archive.path}, {name}")
            tensors |= _prefixed(state_dict(opened, opened.content), prefix)
    return _old_source(archive.path, config, tensors, "a .nemo of NeMo 0.11")


def _read_pt(path: Path, config_path: Path) -> Source:
    try:
        config = parse_yaml(config_path.read_bytes(), str(config_path))
        stream = open(path, "rb")  # noqa: SIM115 (open as long as numbers are read)
    except OSError as error:
        found = error.strerror or str(error)
        raise refusal(str(error.filename), found, "a file to read") from error
    opened = open_torch_file(stream, str(path))
    content = opened.content
    if isinstance(content, dict) and ("ema_state_dict" in content or "optimizer" in content):
        weights = content.get("ema_state_dict") or content.get("state_dict")
        which = "averaged weights" if content.get("ema_state_dict") else "weights"
        return _deep_learning_examples(path, config, state_dict(opened, weights), which)
    tensors = _prefixed(state_dict(opened, content), "encoder.")
    decoder = path.with_name(path.name.replace(_ENCODER, _HEAD))
    if decoder == path or not decoder.is_file():
        expected = "JasperEncoder-STEP-<n>.pt beside JasperDecoderForCTC-STEP-<n>.pt"
        raise refusal(str(path), "no file of its decoder", expected)
    head = open_torch_file(open(decoder, "rb"), str(decoder))  # noqa: SIM115
    tensors |= _prefixed(state_dict(head, head.content), "decoder.")
    return _old_source(path, config, tensors, "modules of NeMo 0.8 to 0.11")


def _prefixed(tensors: Tensors, prefix: str) -> dict[str, Any]:
    return {f"{prefix}{name}": read for name, read in tensors.items()}


def _find(config: Any, *names: str) -> Mapping[str, Any] | None:
    """The first dictionary of one of these names, however deep."""
    if not isinstance(config, Mapping):
        return None
    for name in names:
        if isinstance(config.get(name), Mapping):
            return config[name]
    inside = (_find(value, *names) for value in config.values())
    return next((found for found in inside if found is not None), None)


def _labels(config: Any) -> list[str] | None:
    if not isinstance(config, Mapping):
        return None
    for name in ("labels", "vocabulary"):
        if isinstance(config.get(name), list):
            return config[name]
    inside = (_labels(value) for value in config.values())
    return next((found for found in inside if found is not None), None)


def _old_source(path: Path, config: dict[str, Any], tensors: Tensors, what: str) -> Source:
    encoder = _find(config, _ENCODER, "encoder_params", "encoder")
    head = _find(config, _HEAD, "decoder_params", "decoder") or {}
    preprocessor = _find(config, _PREPROCESSOR, "preprocessor_params", "preprocessor")
    if encoder is None or preprocessor is None:
        found = "no section " + (_ENCODER if encoder is None else _PREPROCESSOR)
        raise refusal(str(path), found, "the config of such a model")
    head = {key: value for key, value in head.items() if key not in ("vocabulary",)}
    made = {
        "sample_rate": config.get("sample_rate", preprocessor.get("sample_rate", 16000)),
        "labels": _labels(config),
        "preprocessor": dict(preprocessor),
        "encoder": {k: v for k, v in encoder.items() if k != "_target_"},
        "decoder": {"_target_": _HEAD, **head},
    }
    # 0.8 has its convolutions in `conv`, and their weights in the masked ones themselves.
    has_masks = any(".mconv." in name for name in tensors)
    inside = any(re.search(r"conv\.\d+\.conv\.weight$", name) for name in tensors)
    names = BlockNames(
        layers="mconv" if has_masks else "conv", convolution=".conv" if inside else ""
    )
    era = ("0.x", f"these are {what}")
    return Source(path, Section(made, path.name), tensors, names=names, era=era)


def _deep_learning_examples(
    path: Path, config: dict[str, Any], tensors: Tensors, which: str
) -> Source:
    """A checkpoint of DeepLearningExamples' Jasper or QuartzNet; its front-end has a guard of its
    own."""
    network = _find(config, "quartznet", "jasper") or config
    encoder, head = network.get("encoder"), network.get("decoder") or {}
    features = _find(config, "filterbank_features", "input_val")
    labels = _labels(config)
    if not isinstance(encoder, Mapping) or features is None or labels is None:
        expected = "a config of DeepLearningExamples: labels, filterbank_features, encoder"
        raise refusal(str(path), "another config", expected)
    features = _find(features, "filterbank_features") or features
    blocks = [
        {**block, "kernel": block.get("kernel_size", block.get("kernel"))}
        for block in encoder.get("blocks", encoder.get("jasper", []))
        if isinstance(block, Mapping)
    ]
    for block in blocks:
        block.pop("kernel_size", None)
    renamed = {
        name.replace("decoder.layers.", "decoder.decoder_layers."): read
        for name, read in tensors.items()
    }
    spliced = features.get("frame_splicing", 1)
    made = {
        "sample_rate": features.get("sample_rate", 16000),
        "labels": labels,
        "preprocessor": {
            "sample_rate": features.get("sample_rate", 16000),
            "window_size": features.get("window_size", 0.02),
            "window_stride": features.get("window_stride", 0.01),
            "window": features.get("window", "hamming"),
            "normalize": features.get("normalize", "per_feature"),
            "n_fft": features.get("n_fft"),
            "features": features.get("n_filt", features.get("features", 64)),
            "frame_splicing": spliced,
            "dither": features.get("dither", 1e-5),
            "preemph": features.get("preemph", 0.97),
            "pad_to": features.get("pad_align", features.get("pad_to", 16)),
        },
        "encoder": {
            "feat_in": encoder.get("in_feats", encoder.get("feat_in")),
            "frame_splicing": encoder.get("frame_splicing", spliced),
            "activation": encoder.get("activation", "relu"),
            "conv_mask": encoder.get("use_conv_masks", encoder.get("conv_mask", True)),
            "jasper": blocks,
        },
        "decoder": {"feat_in": head.get("in_feats", head.get("feat_in"))},
    }
    made["decoder"] = {k: v for k, v in made["decoder"].items() if v is not None}
    made["encoder"] = {k: v for k, v in made["encoder"].items() if v is not None}
    made["decoder"]["_target_"] = _HEAD
    layers = "mconv" if any(".mconv." in name for name in tensors) else "conv"
    names = BlockNames("encoder.layers.", layers, "")
    era = ("0.x", "it is a model of DeepLearningExamples, which counts frames so")
    notes = [f"its {which} are taken; the guard of its logarithm is ln(x + 1e-20)"]
    front_end: dict[str, object] = {"log_guard": "add", "log_guard_value": 1e-20}
    return Source(path, Section(made, path.name), renamed, None, names, front_end, era, notes)
