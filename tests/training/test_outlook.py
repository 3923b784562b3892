"""Whether a run ended too early: the rule, and what is said of going on."""

import math
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.optimizers.lr_policies import cosine_decay, fixed_lr, poly_decay
from open_seq2seq.runs.events import read_events
from open_seq2seq.training.outlook import Longer, command, outlook, still_falls

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("losses", "falls"),
    [
        ([], False),
        ([5.0], False),  # nothing to compare with
        ([5.0, 4.0], True),
        ([5.0, 4.9], False),  # 2 %
        ([9, 5, 3, 2.5, 2.2, 2.0, 1.8, 1.7], True),
        ([9, 5, 3, 2.5, 2.2, 2.0, 1.99, 1.98], False),
        ([9, 5, 3, 2, 2.2, 2.5, 2.6, 2.4], False),  # overfitted, however it falls at the end
        ([9, 5, 3, 2.5, 2.2, 2.0, 1.7, 1.96], False),  # it rose again
        ([INF, NAN, 3.0, 2.0], True),
        ([INF, INF, INF, 2.0], False),
        ([3.0, 2.0, 1.0, NAN], False),
    ],
)
def test_the_rule(losses, falls):
    assert still_falls(losses) is falls


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=40), st.floats(0.1, 10))
def test_the_rule_is_of_ratios_and_of_the_end(losses, factor):
    last, before = losses[-1], losses[: -max(len(losses) // 4, 1)]
    found = still_falls(losses)
    if last > min(before):
        assert not found
    if last < 0.96 * min(before):
        assert found
    doubled = [2 * loss for loss in losses]  # exact in binary
    assert still_falls(doubled) is found
    assert still_falls([last * factor] * len(losses)) is False


def longer(policy, last_step=1000, length=("num_epochs", 10), **params):
    rate = {"learning_rate": 0.01, **params}
    given = {"lr_policy": policy, "lr_policy_params": rate, "num_epochs": None, "max_steps": None}
    return Longer({**given, length[0]: length[1]}, last_step, 100)


def numbers(text):
    return [float(number) for number in re.findall(r"\d[\d.]*(?:e-\d+)?(?=[, .]|$)", text)]


def test_a_decay_to_the_end_begins_again():
    run = longer(cosine_decay)
    assert run.length == ("num_epochs", 15) and run.decay_steps is None
    # At two thirds of the longer decay a quarter of the rate is left.
    assert "the learning rate begins again at 0.0025, after 2.5e-08" in run.rates()
    assert "begins again at 0.0033" in longer(poly_decay, power=1.0).rates()
    assert "begins again at 0.0011" in longer(poly_decay, power=2.0).rates()
    steps = longer(cosine_decay, length=("max_steps", 1000), warmup_steps=100)
    assert steps.length == ("max_steps", 1500)
    expected = 0.01 * (1 + math.cos(math.pi * 900 / 1400)) / 2
    assert f"begins again at {expected:.2g}" in steps.rates()


def test_a_decay_of_its_own_that_is_over_is_lengthened():
    run = longer(poly_decay, decay_steps=900, begin_decay_at=100, min_lr=1e-5)
    assert run.decay_steps == 1400
    text = run.rates()
    assert "With its decay_steps alone the rate would stay at 1e-05." in text
    assert f"begins again at {1e-5 + (0.01 - 1e-5) * 500 / 1400:.2g}" in text
    line = command(["--config_file=a.py", "--lr_policy_params/decay_steps=900"], run)
    assert line == (
        "python run.py --config_file=a.py --continue_learning --num_epochs=15 "
        "--lr_policy_params/decay_steps=1400"
    )
    # One that is not over goes on as it is.
    run = longer(poly_decay, decay_steps=3000)
    assert run.decay_steps is None and run.rates() == (
        "The learning rate goes on from 0.0067 to 0.005."
    )


def test_a_constant_rate_stays():
    assert longer(fixed_lr).rates() == "The learning rate stays at 0.01."
    pieces = longer("piecewise_constant", boundaries=[3, 12], decay_rates=[0.5, 0.1])
    assert pieces.rates() == "The learning rate goes on from 0.005 to 0.001."


def test_the_command_has_what_the_run_had():
    arguments = ["--config_file", "my config.py", "--mode=train_eval", "--num_epochs", "10",
                 "--train_params/num_epochs=10", "--load_model=runs/a", "--no_dir_check",
                 "--logdir=runs/b", "--checkpoint", "runs/c", "--skip_bad_rows"]  # fmt: skip
    assert command(arguments, longer(fixed_lr), ["open-seq2seq"]) == (
        "open-seq2seq --config_file 'my config.py' --mode=train_eval --logdir=runs/b "
        "--skip_bad_rows --continue_learning --num_epochs=15"
    )


def test_nothing_is_said_where_there_is_nothing_to_gain():
    falling = [{"step": 10 * i, "loss": 10.0 - i, "wer": 0.5} for i in range(9)]
    said = outlook(falling, longer(fixed_lr), [])
    assert said[0].startswith("The evaluation loss was still falling: 2 now, 4 at step 60.")
    perfect = [{**row, "wer": 0.0} for row in falling]
    assert outlook(perfect, longer(fixed_lr), []) == []
    assert outlook(falling[::-1], longer(fixed_lr), []) == []
    assert outlook([], longer(fixed_lr), []) == []


def test_a_run_says_how_it_goes_on_and_goes_on_so(corpus, run):
    config = corpus / "config.py"
    code, out, _ = run("--mode=train_eval", "--max_steps=12", "--eval_steps=3",
                       "--save_summaries_steps=1")  # fmt: skip
    assert code == 0
    lines = [line.removeprefix("*** ").strip() for line in out.splitlines()]
    (place,) = (i for i, line in enumerate(lines) if "was still falling" in line)
    words = shlex.split(lines[place + 1])
    assert words[:3] == ["python", "run.py", f"--config_file={config}"]
    first, ended, last = map(float, re.search(
        r"begins again at (\S+), after (\S+) at this end, and falls to (\S+)\.$", lines[place + 2]
    ).groups())  # fmt: skip

    code, out, err = run(*words[3:])
    assert code == 0, err
    assert "Resuming training from" in out and "Finished training: 6 steps" in out
    rates = dict(read_events(corpus / "run", ("learning_rate",))["learning_rate"])
    assert sorted(rates) == list(range(1, 19))
    assert rates[12] == pytest.approx(ended, rel=0.05)
    assert rates[13] == pytest.approx(first, rel=0.05)
    assert rates[18] == pytest.approx(last, rel=0.05)
