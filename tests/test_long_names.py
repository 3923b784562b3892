"""Names longer than a file system takes are files that are not there."""

import pytest

from open_seq2seq.checkpoints.lock import held
from open_seq2seq.config.loading import load_config
from open_seq2seq.corpora.importers.entries import existing_folder
from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.text import load_vocabulary
from open_seq2seq.errors import OpenSeq2SeqError
from open_seq2seq.interop.openseq2seq.tensorflow1_checkpoint import find_checkpoint
from open_seq2seq.language_models.nbest import read_nbest
from open_seq2seq.runs.summary import read_curve, trained_summary
from open_seq2seq.stored_logits.calibration import read_alignments
from open_seq2seq.stored_logits.hot_words import read_hot_words
from open_seq2seq.stored_logits.logits_file import read_logits
from open_seq2seq.training.transfer import named_checkpoint


def hold(path):
    with held(path):
        pass


READERS = {
    "config": load_config,
    "corpus": lambda path: existing_folder(path, "a folder"),
    "recording": lambda path: read_audio(path, 8000),
    "manifest": lambda path: read_manifests([str(path)], True),
    "package's file": lambda path: load_vocabulary(f"open_seq2seq/{path.name}", bpe=False),
    "vocabulary": lambda path: load_vocabulary(str(path), bpe=False),
    "alignments": lambda path: read_alignments(str(path)),
    "hot words": lambda path: read_hot_words(str(path)),
    "logits": read_logits,
    "old checkpoint": find_checkpoint,
    "n-best lists": lambda path: read_nbest(str(path)),
    "summary": trained_summary,
    "evaluations": read_curve,
    "log directory": hold,
    "checkpoint": lambda path: named_checkpoint(str(path), True, "--checkpoint"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_name_that_no_file_can_have(tmp_path, name):
    with pytest.raises(OpenSeq2SeqError) as caught:
        READERS[name](tmp_path / ("a" * 300))
    assert "a" * 300 in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_package_s_file_that_cannot_be():
    name = "open_seq2seq/" + "a" * 300
    assert config_path(name) == name
