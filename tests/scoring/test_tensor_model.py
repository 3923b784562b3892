import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.scoring.sessions.openvino import OpenVINOGraph, import_graph, read_graph
from open_seq2seq.scoring.tensor_model import Context, TensorModel
from tests.scoring import openvino_models as models

UTTERANCES = [np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32) for n in (9, 1, 21)]


def opened(model, **options):
    return TensorModel(OpenVINOGraph(model, "CPU"), **options)


def scores_of(model, utterances=UTTERANCES, name=None):
    port = model.inputs[0].name
    output = name or model.outputs[0].name
    return [one[output] for one in model.score([{port: x} for x in utterances], [output])]


@pytest.mark.parametrize("rows", [1, 8, -1])
def test_frames_of_a_graph_without_state_are_rows(rows):
    model = opened(models.frames_model(rows))
    assert (model.inputs[0].name, model.inputs[0].dim) == ("Parameter", 4)
    together = scores_of(model)
    for x, found in zip(UTTERANCES, together):
        assert np.abs(found - models.frames_by_hand(x)).max() < 1e-5
        assert np.array_equal(scores_of(model, [x])[0], found)


def test_rows_that_depend_on_each_other_stay_as_they_are():
    """Eight at a time, the last ones with zeros, as the sample did."""
    x = UTTERANCES[0]
    found = scores_of(opened(models.fixed_rows_model(8)), [x])[0]
    padded = np.concatenate([x, np.zeros((7, 4), np.float32)]).reshape(2, 8, 4)
    expected = (padded - padded.mean(axis=1, keepdims=True)).reshape(16, 4)[:9]
    assert np.abs(found - expected).max() < 1e-6


def test_state_lasts_for_an_utterance():
    model = opened(models.sum_model())
    for x, found in zip(UTTERANCES, scores_of(model)):
        assert np.abs(found - np.cumsum(x, axis=0)).max() < 1e-5


def test_state_goes_on_between_pieces_and_can_be_got_set_and_reset():
    model = opened(models.sum_model())
    x = UTTERANCES[2]
    model.reset_state()
    parts = [model.accept({"x": x[a:b]}, ["sum:0"])["sum:0"] for a, b in ((0, 5), (5, 6), (6, 21))]
    assert np.abs(np.concatenate(parts) - np.cumsum(x, axis=0)).max() < 1e-5
    (state,) = model.query_state()
    assert state.name == "id"
    assert np.abs(state.state - x.sum(axis=0)).max() < 1e-5
    state.state = np.full((1, 4), 3, np.float32)
    found = model.accept({"x": x[:1]}, ["sum:0"])["sum:0"]
    assert np.abs(found - (x[:1] + 3)).max() < 1e-6
    state.reset()
    assert (state.state == 0).all()


@pytest.mark.parametrize("left", [2, 5])
def test_context_fills_a_memory_and_moves_scores_back(left):
    """A longer left context than the model's is right too."""
    model = opened(models.splice_model(), context=Context(left, 1))
    for x, found in zip(UTTERANCES, scores_of(model)):
        assert found.shape == x.shape
        assert np.abs(found - models.splice_by_hand(x)).max() < 1e-6


def test_without_context_scores_are_late_as_they_were():
    x = UTTERANCES[2]
    found = scores_of(opened(models.splice_model()), [x])[0]
    assert np.abs(found[3:] - models.splice_by_hand(x)[2:-1]).max() < 1e-6


def test_context_for_a_graph_that_keeps_nothing_is_said():
    model = opened(models.frames_model(), context=Context(2, 1))
    assert "keeps no frames" in model.notes[0]
    x = UTTERANCES[0]
    assert np.abs(scores_of(model, [x])[0] - models.frames_by_hand(x)).max() < 1e-5


def test_whole_utterances_are_batched_with_their_lengths():
    model = opened(models.whole_model())
    together = scores_of(model, name="y:0")
    for x, found in zip(UTTERANCES, together):
        assert np.abs(found - (x - x[:1])).max() < 1e-6
        assert np.array_equal(found, scores_of(model, [x], "y:0")[0])


def test_inner_layers_are_outputs_by_name(tmp_path):
    import openvino as ov

    ov.save_model(models.frames_model(), tmp_path / "m.xml", compress_to_fp16=False)
    graph = read_graph(tmp_path / "m.xml", ["affinetransform/Fused_Add_:0"])
    model = TensorModel(OpenVINOGraph(graph, "CPU"))
    x = UTTERANCES[0]
    found = scores_of(model, [x], "affinetransform/Fused_Add_:0")[0]
    assert np.abs(found - (x @ models.WEIGHT.T + models.BIAS)).max() < 1e-5
    with pytest.raises(InputError, match="found nothere, expected one of Parameter"):
        read_graph(tmp_path / "m.xml", ["nothere"])


def test_a_compiled_model_is_imported_with_its_precision(tmp_path):
    graph = OpenVINOGraph(models.frames_model(-1), "CPU")
    assert graph.precision == "f32" and graph.about.endswith("on CPU")
    graph.export(tmp_path / "m.blob")
    found = import_graph(tmp_path / "m.blob", "CPU", "f32", None)
    assert found.precision == "f32"
    x = UTTERANCES[0]
    assert np.array_equal(
        scores_of(TensorModel(found), [x])[0], scores_of(TensorModel(graph), [x])[0]
    )
    (tmp_path / "x.blob").write_bytes(b"GNAM" + bytes(100))
    with pytest.raises(InputError, match="Files of the GNA plugin"):
        import_graph(tmp_path / "x.blob", "CPU", "f32", None)


def test_a_device_that_is_not_there_is_said():
    with pytest.raises(InputError, match="found no GPU that OpenVINO could use"):
        OpenVINOGraph(models.frames_model(), "GPU")


def test_a_model_that_keeps_frames_says_that_it_is_late():
    assert "-cw_l and -cw_r" in opened(models.splice_model()).notes[0]
    assert opened(models.splice_model(), context=Context(2, 1)).notes == []
    assert opened(models.sum_model()).notes == []
