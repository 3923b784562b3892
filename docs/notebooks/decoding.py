# %% [markdown]
# # Decoding and language models
#
# What the network says in each frame, what greedy search makes of it, and what beam search, a language model and
# hot words change. Run it in the folder of the repository; beam search needs `python -m ctc_decoder_with_lm.build`.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

import open_seq2seq.start  # noqa: F401  (quiet libraries, before they are imported)
from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel
from open_seq2seq import Recognizer
from open_seq2seq.metrics.error_rate import count_errors

work = Path("build/notebooks/decoding")
work.mkdir(parents=True, exist_ok=True)
recognizer = Recognizer.load("example_data/digits/model/config.py")

# %% [markdown]
# The first recording of each digit by each speaker of the test data, under noise that makes it hard.

# %%
test = pd.read_csv("example_data/digits/test.csv")
test = test[test.wav_filename.str.endswith("_0.flac")]
draws = np.random.default_rng(0)
noisy = []
for name in test.wav_filename:
    samples, rate = soundfile.read(f"example_data/digits/{name}", dtype="float32")
    noisy.append(samples + draws.normal(0, 0.03, len(samples)).astype(np.float32))
logits = recognizer.logits(noisy, rate)
len(logits), logits[0].shape

# %% [markdown]
# Greedy search takes each frame's likeliest symbol. Here are the frames of some recordings: mostly blank (`-`),
# with letters as peaks; then what becomes of them, and what had been said.

# %%
symbols = [*recognizer.vocabulary.symbols, "-"]
greedy = [result.text for result in recognizer.transcribe(noisy, rate)]
for row in range(0, len(test), 10):
    path = "".join(symbols[best] for best in logits[row].argmax(axis=1))
    print(f"{path:64.64s} {greedy[row]!r:10} {test.transcript.iloc[row]}")

# %% [markdown]
# Beam search without a language model sums over all alignments of a text, and keeps the best texts: here those of the
# first recording that greedy search gets wrong.

# %%
wrong = next(row for row, said in enumerate(test.transcript) if greedy[row] != said)
decoder = BeamSearchDecoder(symbols[:-1], step_size=recognizer.frame_shift)
print("said:", test.transcript.iloc[wrong])
for hypothesis in decoder.decode(logits[wrong], beam_width=50, nbest=5).nbest:
    print(f"{hypothesis.score:8.2f}  {hypothesis.text!r}")

# %% [markdown]
# A language model in ARPA's format. This one knows ten words, each as likely after any other; a real one is built of
# text by `open-seq2seq lm build` (docs/language_models.md).

# %%
words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
pairs = [(first, second) for first in ["<s>", *words] for second in words]
arpa = ["\\data\\", f"ngram 1={len(words) + 3}", f"ngram 2={len(pairs)}", "", "\\1-grams:"]
arpa += ["-99\t<s>\t0", "-1.5\t</s>", "-3\t<unk>", *(f"-1.05\t{word}\t0" for word in words)]
arpa += ["", "\\2-grams:", *(f"-1.05\t{first} {second}" for first, second in pairs)]
(work / "digits.arpa").write_text("\n".join([*arpa, "", "\\end\\", ""]))
model = LanguageModel(str(work / "digits.arpa"))
decoder = BeamSearchDecoder(symbols[:-1], model, step_size=recognizer.frame_shift)

# %% [markdown]
# What alpha, the model's weight, is worth: words that are wrong. With little weight a text that is no word wins; the
# weight is tuned on data that is kept for it (docs/decoding.md), not on the test data as here.

# %%
said = list(test.transcript)
print(f"greedy     {count_errors(said, greedy).words.rate:6.1%}")
for alpha in (0.0, 0.5, 1.0, 2.0, 4.0):
    found = decoder.decode_batch(logits, alpha=alpha, beta=0.0, beam_width=100)
    rate_of_errors = count_errors(said, [result.text for result in found]).words.rate
    print(f"alpha {alpha:4.1f} {rate_of_errors:6.1%}")

# %% [markdown]
# Words have times and confidences; a hot word is preferred, here the one that was said.

# %%
for hot_words in ({}, {"zero": 8.0}):
    found = decoder.decode(logits[wrong], alpha=2.0, beam_width=100, hot_words=hot_words)
    for word in found.words:
        print(
            f"{word.start:5.2f} to {word.end:5.2f} s  {word.text:6s} {word.confidence:.2f} {hot_words}"
        )
