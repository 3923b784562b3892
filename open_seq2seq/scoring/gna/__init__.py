"""The integer arithmetic of Intel's GNA and of OpenVINO's plugin for it, computed on any processor.

OpenVINO removed the plugin in 2024. The rules are those of its last version (2023.3) and of the
accelerator's own library; docs/kaldi.md lists them. Networks of `interop.kaldi` are quantised and
evaluated in whole numbers: int16 activations, int8 or int16 weights, int32 sums that saturate, and
functions made of straight pieces.
"""
