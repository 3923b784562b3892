from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.text import load_vocabulary

VOCABULARY = "open_seq2seq/test_utils/toy_speech_data/vocab.txt"


def test_files_of_the_package_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_vocabulary(VOCABULARY, bpe=False).size == 28
    rows = read_manifests(["open_seq2seq/test_utils/toy_speech_data/toy_data.csv"], True)
    assert len(rows) == 10
    # A file of that name below the working directory comes first.
    mine = tmp_path / VOCABULARY
    mine.parent.mkdir(parents=True)
    mine.write_text("a\nb\n")
    assert load_vocabulary(VOCABULARY, bpe=False).size == 2
