"""How words are spelled in symbols of a network: lexicons for the decoder, transcripts to train on.

`spelling.py` says what a source of spellings is; `cmudict.py` (CMUdict), `espeak.py` (eSpeak NG
through phonemizer), `letters.py` and `lexicon_file.py` are sources; `make.py` asks several;
`words.py` finds the words; `transcripts.py` writes manifests of symbols.
"""
