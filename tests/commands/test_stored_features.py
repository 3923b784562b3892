"""Training, evaluation and inference on stored features, down to Kaldi's archives of scores."""

import csv

import numpy as np
import pytest

from open_seq2seq.commands.decode import main as decode
from open_seq2seq.data.audio import read_audio
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.kaldi_io import ArkWriter, read_table
from tests.training.conftest import RATE


@pytest.fixture
def stored(corpus):
    """The corpus's features as a data folder of Kaldi's, and the arguments that name it."""
    computed = FeatureExtractor(
        {"input_type": "logfbank", "backend": "librosa", "num_audio_features": 20, "num_fft": 256,
         "sample_freq": RATE}
    )  # fmt: skip
    with (
        open(corpus / "data.csv") as manifest,
        open(corpus / "text", "w") as texts,
        ArkWriter(corpus / "feats.ark", corpus / "feats.scp") as writer,
    ):
        for row in csv.DictReader(manifest):
            samples = read_audio(corpus / row["wav_filename"], RATE)
            key = row["wav_filename"].removesuffix(".wav")
            writer.write(key, computed.unnormalised(samples)[0])
            texts.write(f"{key} {row['transcript']}\n")
    return [
        "--data_layer_params/input_type=stored",
        f"--data_layer_params/dataset_files=['{corpus}/feats.scp']",
        "--data_layer_params/augmentation=None",
    ]


@pytest.mark.slow
def test_from_stored_features_to_scores(corpus, stored, run):
    code, _, error = run("--mode=train", "--max_steps=4", "--save_checkpoint_steps=4", *stored)
    assert code == 0, error
    code, out, error = run("--mode=eval", *stored)
    assert code == 0 and "WER" in out, error
    scores = corpus / "scores.ark"
    code, _, error = run("--mode=infer", f"--infer_output_file={scores}", *stored)
    assert code == 2 and "infer_logits_to_pickle" in error
    logits = "--decoder_params/infer_logits_to_pickle=True"
    code, _, error = run("--mode=infer", f"--infer_output_file={scores}", logits, *stored)
    assert code == 0, error
    found = dict(read_table(scores.with_suffix(".scp")))
    assert list(found) == [str(number) for number in range(18)]
    for rows in found.values():
        np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1, rtol=1e-5)
        assert rows.shape[1] == 5  # four symbols and the blank
    texts = corpus / "texts.csv"
    arguments = [f"--logits={scores}", f"--vocab={corpus}/vocab.txt", "--mode=infer"]
    assert decode([*arguments, f"--infer_output_file={texts}"]) == 0
    assert len(texts.read_text().splitlines()) == 19
