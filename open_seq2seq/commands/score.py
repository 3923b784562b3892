"""Scores of an acoustic model on stored features, beside reference scores: what OpenVINO's speech
sample did, with its flags.

    open-seq2seq score -m final.nnet -i feats.ark -o scores.ark
    open-seq2seq score -m final.mdl -i input=feats.scp,ivector=ivectors.scp \\
        -r output=reference.npz --max_error 1e-3 --avg_error 1e-4
    open-seq2seq score -m final.nnet -i feats.ark -r reference.ark -d GNA_SW_EXACT -qb 8
    open-seq2seq score -m final.nnet -i feats.ark -d GNA_AUTO -wg model.bin
    open-seq2seq score -rg model.bin -i feats.ark -o scores.npz

The model is a Kaldi file (nnet1, nnet2, nnet3), an OpenVINO IR, an ONNX, LiteRT or SavedModel
file, a log directory or an exported folder; its content tells which. Command lines of the sample
work as they are, in both forms of lists: a.ark,b.ark and layer=a.ark,layer2=b.ark. docs/kaldi.md
goes through all flags.

exit codes: 0 fine, 1 scores are not within --max_error or --avg_error, or it failed while running,
2 wrong usage or input, 130 interrupted
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import OpenSeq2SeqError


def make_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """The command line."""
    parser = command_parser(__doc__, prog, allow_abbrev=False)
    add = parser.add_argument_group("files").add_argument
    add("-m", "--model", metavar="MODEL", help="the model's file or folder")
    add("-rg", "--import_gna_model", metavar="FILE", help="a compiled model that -wg wrote")
    add("-i", "--input", metavar="FILES", help="features: .ark, .scp, .npz, or Kaldi's ark:... "
        "and scp:...")  # fmt: skip
    add("-o", "--output", metavar="FILES", help="scores: .ark, .npz, or ark,scp:a.ark,a.scp")
    add("-r", "--reference", metavar="FILES", help="scores to compare with")
    add("-wg", "--export_gna_model", metavar="FILE", help="write the compiled model, and end")
    add("-iname", "--input_layers", metavar="NAMES", help="the inputs that the files of -i are of")
    add("-oname", "--output_layers", metavar="NAMES", help="the outputs that those of -o and -r "
        "are of, inner layers too: layer:port")  # fmt: skip
    add("--allow_pipes", action="store_true", help="run the commands in specifiers and .scp files")
    add = parser.add_argument_group("what computes").add_argument
    add("-d", "--device", default="CPU", metavar="NAME", help="CPU, GPU, NPU, AUTO, HETERO:A,B; "
        "GNA_SW_EXACT, GNA_AUTO: GNA's integer arithmetic; GNA_SW_FP32 (CPU)")  # fmt: skip
    add("--runtime", choices=("openvino", "onnxruntime", "litert", "tensorflow", "numpy"),
        help="what runs the model (OpenVINO where it is installed)")  # fmt: skip
    add("--precision", choices=("f32", "bf16", "f16"), default="f32", help="of OpenVINO (f32)")
    add("-nthreads", "--threads", type=int, metavar="N", help="of the processor (all cores)")
    add("-bs", "--batch_size", type=int, metavar="N", help="utterances computed together (1)")
    add("--no_reset_state", action="store_true", help="the utterances are pieces of one stream")
    add("-layout", "--layout", metavar="[NC]", help="axes of the inputs: [NC] or in0[NC],in1[NTC]")
    add("-cw_l", "--context_window_left", type=int, default=0, metavar="N", help="copies of the "
        "first frame before an utterance; Kaldi models know theirs (0)")  # fmt: skip
    add("-cw_r", "--context_window_right", type=int, default=0, metavar="N", help="copies of the "
        "last one behind it (0)")  # fmt: skip
    add = parser.add_argument_group("Kaldi models").add_argument
    add("--feature_transform", metavar="FILE", help="an nnet1 file that goes before the network")
    add("--counts", "--class_frame_counts", metavar="FILE", help='counts of the classes, for '
        'priors; "": those of the model')  # fmt: skip
    add("--counts_rule", choices=("kaldi", "model_optimizer"), default="kaldi", help="for rare "
        "classes (kaldi)")  # fmt: skip
    add("--prior_scale", type=float, default=1.0, metavar="X", help="of the log priors (1)")
    add("--no_priors", action="store_true", help="subtract no priors, though the model has some")
    add("--remove_output_softmax", "--no_softmax", action="store_true", help="scores before the "
        "last softmax")  # fmt: skip
    add("--apply_log", action="store_true", help="scores are logarithms of the last softmax")
    add("--online_ivector_period", type=int, default=10, metavar="N", help="frames that a row of "
        "i-vectors is of, where an utterance has several (10)")  # fmt: skip
    add("--frames_per_chunk", type=int, default=50, metavar="N", help="frames scored with one such "
        "row, that of their middle (50)")  # fmt: skip
    add("--frame_subsampling_factor", type=int, metavar="N", help="frames for a row of scores "
        "(what the file of this name beside the model says)")  # fmt: skip
    add = parser.add_argument_group("integer arithmetic").add_argument
    add("-qb", "--quantization_bits", type=int, choices=(8, 16), default=16, help="of weights (16)")
    add("-sf", "--scale_factor", metavar="X", help="of the inputs: one, a,b or name=a (16384 over "
        "the first utterance's maximum)")  # fmt: skip
    add("-q", "--quantization", choices=("static", "user", "dynamic"), help="static: scale factor "
        "of the first utterance; user: of -sf; dynamic is gone")  # fmt: skip
    add("-pwl_me", type=float, default=1.0, metavar="PERCENT", help="largest error of the straight "
        "pieces of sigmoid and tanh, 0 to 100 (1)")  # fmt: skip
    add("--layer_report", action="store_true", help="each layer's error against float, saturations")
    add("-pc", "--performance_counter", action="store_true", help="time of each layer")
    add = parser.add_argument_group("verdict and messages").add_argument
    add("--max_error", type=float, metavar="X", help="exit code 1 if any score is further off")
    add("--avg_error", type=float, metavar="X", help="exit code 1 if the mean error is larger")
    add("--frame_shift", type=float, default=0.01, metavar="S", help="seconds between frames, for "
        "the real-time factor (0.01)")  # fmt: skip
    add("--quiet", action="store_true", help="only totals and warnings")
    add("--json", action="store_true", help="one JSON object on standard output instead of lines")
    _add_old(parser)
    return parser


def _add_old(parser: argparse.ArgumentParser) -> None:
    """Flags of the sample that have nothing to do here any more, or say why not."""
    add = parser.add_argument_group("of the old sample; accepted").add_argument
    add("-a", "--arch", choices=("CORE", "ATOM"), help="clock of GNA, for cycles: there are none")
    add("--exec_target", "-exec_target", metavar="NAME", help="GNA_TARGET_3_0: its buffers")
    add("-compile_target", "--compile_target", metavar="NAME", help="the same")
    add("-memory_reuse_off", "--memory_reuse_off", action="store_true", help="no effect")
    add("-log", "--log", metavar="LEVEL", help="no effect")
    add("-p", "--plugin", metavar="NAME", help="no effect")
    add("-l", "--cpu_extension", metavar="FILE", help="no effect")
    add("-we", "--export_embedded_gna_model", metavar="FILE", help="firmware images: not possible")
    add("-we_gen", "--embedded_gna_configuration", metavar="NAME", help="the same")


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = make_parser(prog)
    given = sys.argv[1:] if arguments is None else arguments
    flags = parser.parse_args(spelled(parser, given))
    if bool(flags.model) == bool(flags.import_gna_model):
        parser.error("one of -m (a model) and -rg (a compiled model) is needed, not both")
    if not flags.input and not flags.export_gna_model:
        parser.error("-i (features) is needed; only -wg does without")
    try:
        from open_seq2seq.commands.scoring.run import run

        return run(flags)
    except OpenSeq2SeqError as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def spelled(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """The arguments with flags as this parser has them: `--max-error`, `--bs` and `-i=x` too."""
    known = parser._option_string_actions
    result = []
    for one in arguments:
        name, equals, value = one.partition("=")
        if re.match(r"--?[A-Za-z]", name) and name not in known:
            forms = (name.replace("-", "_").replace("__", "--", 1), f"-{name.lstrip('-')}",
                     f"--{name.lstrip('-').replace('-', '_')}")  # fmt: skip
            name = next((form for form in forms if form in known), name)
        result.append(name + equals + value)
    return result
