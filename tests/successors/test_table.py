"""The table of what became of OpenSeq2Seq's names, held against what is there."""

import importlib
import re
import runpy
import shlex
from pathlib import Path

import pytest

from open_seq2seq.commands.registry import COMMANDS
from open_seq2seq.commands.run import MODES as MODES_HERE
from open_seq2seq.commands.run import make_parser
from open_seq2seq.config.loading import check_config_file, load_config
from open_seq2seq.config.overrides import apply_overrides, split_arguments
from open_seq2seq.errors import InputError
from open_seq2seq.models import Speech2Text
from open_seq2seq.successors import NOT_HERE, PAGE, TABLES, WORKS, hint
from open_seq2seq.successors.configs import CONFIGS
from open_seq2seq.successors.flags import FLAGS, MODES
from open_seq2seq.successors.modules import MODULES
from open_seq2seq.successors.scripts import SCRIPTS

ROOT = Path(__file__).parents[2]
ROWS = [row for rows in TABLES.values() for row in rows]


def names(rows, works):
    """Names without patterns, of the rows that work or of the others."""
    return [n for row in rows for n in row.old if "*" not in n and (row.here == WORKS) == works]


def ids(rows):
    return [row.old[0] for row in rows]


def test_the_page_is_current():
    page = runpy.run_path(str(ROOT / "scripts/make_openseq2seq_page.py"))["page"]()
    assert (ROOT / PAGE).read_text() == page, "run `make docs`"
    for row in ROWS:
        assert row.now or row.here == WORKS
        assert all(name.rpartition("/")[2].rpartition(".")[2] in page for name in row.old)


def test_no_name_has_two_answers():
    every = [name for row in ROWS for name in row.old]
    assert len(every) == len(set(every)) > 150


@pytest.mark.parametrize("row", [r for r in ROWS if r.now], ids=lambda row: row.old[0])
def test_what_a_row_names_is_there(row):
    spoken = row.now.replace("`", "")
    for path in re.findall(r"\b(?:scripts|example_configs|docs|tests)/[\w/-]*\.\w+", spoken):
        assert (ROOT / path).is_file(), path
    for name in re.findall(r"\bopen_seq2seq\.[\w.]*\w", spoken):
        part, thing = name, None
        while thing is None:  # the longest module in front of the names that it has
            try:
                thing = importlib.import_module(part)
            except ModuleNotFoundError:
                part = part.rpartition(".")[0]
        for attribute in filter(None, name.removeprefix(part).split(".")):
            thing = getattr(thing, attribute)
    for command in re.findall(r"`python ((?:run|scripts/)[^`]*)`", row.now):
        script, *arguments = shlex.split(command)
        if script == "run.py":
            if arguments:
                flags, rest = make_parser().parse_known_args(arguments)
                assert "my" in flags.config_file or (ROOT / flags.config_file).is_file()
                split_arguments(rest)
            continue
        (module,) = {one.module for one in COMMANDS.values() if one.door == script} or {None}
        path = f"open_seq2seq/commands/{module.replace('.', '/')}.py" if module else script
        source = (ROOT / path).read_text()
        if "import_openseq2seq_checkpoint" not in script and "runpy" not in source:
            for argument in arguments:
                flag = argument.partition("=")[0]
                assert not flag.startswith("--") or f'"{flag}"' in source, (script, flag)


@pytest.mark.parametrize("name", names(SCRIPTS, works=True))
def test_scripts_that_work_are_there(name):
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("name", names([*SCRIPTS, *CONFIGS], works=False))
def test_what_does_not_work_is_no_file_that_hides_it(name):
    path = ROOT / name
    if path.is_file():  # a door: it answers
        assert f'answer("{name}")' in path.read_text()
    assert hint(name)
    if "/" in name:
        assert hint(f"/elsewhere/{name}") == hint(name)


@pytest.mark.parametrize("name", names(CONFIGS, works=True))
def test_configs_that_work_load(name):
    assert load_config(ROOT / name).base_model is Speech2Text
    assert not hint(name)


@pytest.mark.parametrize("name", names(CONFIGS, works=False))
def test_a_config_that_is_not_here_is_answered_with_its_row(name, tmp_path):
    for path in (ROOT / name, tmp_path / Path(name).name):
        with pytest.raises(InputError) as raised:
            check_config_file(path)
        assert hint(name) in str(raised.value) and PAGE in str(raised.value)


def test_a_folder_of_another_task_is_known_and_a_typing_error_is_not_it():
    for name in ("lstmlm/lstm-wkt103-mixed.py", "lm/mine.py"):
        with pytest.raises(InputError, match=r"--config_file=example_configs/text/lstm_lm\.py"):
            check_config_file(f"example_configs/{name}")
    with pytest.raises(InputError, match=r"Did you mean .*jasper10x5_LibriSpeech_nvgrad\.py\?"):
        check_config_file(ROOT / "example_configs/speech2text/jasper10x5_LibriSpech_nvgrad.py")


def imported(tmp_path, name):
    path = tmp_path / "config.py"
    path.write_text(f"import {name}\nbase_params = {{}}\nbase_model = object\n")
    return load_config(path)


@pytest.mark.parametrize("name", names(MODULES, works=True))
def test_modules_that_work_can_be_imported_by_a_config(name, tmp_path):
    assert imported(tmp_path, name)


def test_the_components_of_the_modules_that_work(tmp_path):
    """Each name under the path of any release, in one config."""
    paths = {
        "data.speech2text": "Speech2TextDataLayer",
        "data.speech2text.speech2text": "Speech2TextDataLayer",
        "data": "Speech2TextDataLayer",
        "encoders.ds2_encoder": "DeepSpeech2Encoder",
        "encoders.tdnn_encoder": "TDNNEncoder",
        "encoders.w2l_encoder": "Wave2LetterEncoder",
        "decoders.fc_decoders": "FullyConnectedCTCDecoder",
        "decoders.fc_decoder": "FullyConnectedCTCDecoder",
        "losses.ctc_loss": "CTCLoss",
        "models.speech2text": "Speech2Text",
        "optimizers.novograd": "NovoGrad",
        "optimizers.lr_policies": "poly_decay",
    }
    lines = [f"from open_seq2seq.{path} import {name}" for path, name in paths.items()]
    lines += [f"base_params = {{'all': [{', '.join(paths.values())}]}}", "base_model = Speech2Text"]
    (tmp_path / "config.py").write_text("\n".join(lines))
    found = [one.__name__ for one in load_config(tmp_path / "config.py").base_params["all"]]
    assert found == ["TDNNEncoder" if n == "Wave2LetterEncoder" else n for n in paths.values()]


@pytest.mark.parametrize("name", [n for n in names(MODULES, works=False) if "." in n])
def test_other_modules_are_answered_in_configs_and_in_programs(name, tmp_path):
    with pytest.raises(InputError) as raised:
        imported(tmp_path, name)
    text = str(raised.value)
    assert hint(name) in text or "is a config for " in text
    with pytest.raises(ModuleNotFoundError, match="It is OpenSeq2Seq's") as error:
        importlib.import_module(name)
    assert error.value.name and name.startswith(error.value.name)


def test_a_moved_module_is_answered_in_programs():
    with pytest.raises(ModuleNotFoundError, match=r"its names are in open_seq2seq\.encoders"):
        importlib.import_module("open_seq2seq.encoders.tdnn_encoder")
    with pytest.raises(ModuleNotFoundError) as error:
        importlib.import_module("open_seq2seq.encoders.tdn")
    assert "OpenSeq2Seq's" not in str(error.value)


def test_flags_that_work_are_flags_or_parameters():
    parser = make_parser()
    known = {flag for action in parser._actions for flag in action.option_strings}
    params = {"encoder": "TDNNEncoder", "decoder": "FullyConnectedCTCDecoder"}
    for flag in set(names(FLAGS, works=True)) - known:
        changed = apply_overrides(params, split_arguments([f"{flag}=1"]), Speech2Text.PARAMS, "")
        assert changed is params
    assert set(MODES_HERE) == {flag.partition("=")[2] for row in MODES for flag in row.old}


@pytest.mark.parametrize(
    "flag", [n for r in FLAGS if r.here not in (WORKS, NOT_HERE) for n in r.old]
)
def test_a_flag_that_is_not_here_is_answered_with_its_row(flag):
    with pytest.raises(InputError) as raised:
        apply_overrides({}, split_arguments([f"{flag}=x"]), Speech2Text.PARAMS, "infer")
    assert hint(flag) in str(raised.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("train-eval", "train_eval"), ("test", "eval"), ("Infer", "infer"), ("inference", "infer"),
     ("interactive", "interactive_infer"), ("trian", "train")],
)  # fmt: skip
def test_another_word_for_a_mode(typed, meant, capsys):
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(["--config_file=x", f"--mode={typed}"])
    assert ended.value.code == 2 and f"Did you mean {meant}?" in capsys.readouterr().err


def test_one_file_is_a_list_of_one():
    name = "--infer_params/data_layer_params/dataset_files=a.csv"
    params = {"data_layer": "Speech2TextDataLayer"}
    apply_overrides(params, split_arguments([name]), Speech2Text.PARAMS, "infer")
    assert params["data_layer_params"]["dataset_files"] == ["a.csv"]
