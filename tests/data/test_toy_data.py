"""The packaged toy corpus is what its README says."""

from pathlib import Path

import open_seq2seq
from open_seq2seq.data.audio import audio_info, read_audio
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.text import load_vocabulary

FOLDER = Path(open_seq2seq.__file__).parent / "test_utils" / "toy_speech_data"


def test_ten_utterances_of_ten_speakers():
    rows = read_manifests([str(FOLDER / "toy_data.csv")], need_transcript=True)
    speakers = {Path(row.path).name.split("-")[0] for row in rows}
    assert len(rows) == len(speakers) == 10
    assert sum(len(row.transcript.split()) for row in rows) == 139
    listed = {Path(row.path).name for row in rows}
    assert listed == {path.name for path in (FOLDER / "recordings").iterdir()}
    vocabulary = load_vocabulary(str(FOLDER / "vocab.txt"), bpe=False)
    seconds = 0.0
    for row in rows:
        assert vocabulary.unknown(row.transcript) == []
        samples = read_audio(row.path, 16000)
        assert abs(samples).max() > 0.05
        assert len(samples) / 16000 == audio_info(row.path).duration
        seconds += len(samples) / 16000
    assert 50 < seconds < 51
