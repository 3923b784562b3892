# %% [markdown]
# # A Deep Speech user's way to a phone
#
# Fine-tune a model with a speaker's recordings, export it as LiteRT, call it by DeepSpeech's API, stream. Run it
# in the folder of the repository.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

import open_seq2seq.start  # noqa: F401  (quiet libraries, before they are imported)
from open_seq2seq import Recognizer
from open_seq2seq.cli import main

config = "example_data/digits/model/config.py"
work = Path("build/notebooks/phone")
digits = Path("example_data/digits").absolute()

# %% [markdown]
# The speaker: the 420 training recordings of theo, as a manifest of its own.

# %%
work.mkdir(parents=True, exist_ok=True)
train = pd.read_csv(digits / "train.csv")
of_theo = train[train.wav_filename.str.contains("_theo_")].copy()
of_theo["wav_filename"] = [str(digits / name) for name in of_theo.wav_filename]
of_theo.to_csv(work / "theo.csv", index=False)
len(of_theo)

# %% [markdown]
# `load_model` starts from another model's weights. The packaged config has a tenth of the first training's rate;
# fourteen steps are one epoch of the 420 recordings.

# %%
code = main(
    [
        "train",
        f"--config_file={config}",
        f"--logdir={work / 'run'}",
        "--no_dir_check",
        "--load_model=example_data/digits/model",
        f"--data_layer_params/dataset_files={work / 'theo.csv'}",
        "--max_steps=14",
    ]
)
code

# %% [markdown]
# One folder with the front-end inside, as ONNX for the server and LiteRT for the phone. Each file is run and compared
# with the trained model before it counts.

# %%
code = main(
    [
        "export",
        f"--config_file={config}",
        f"--logdir={work / 'run'}",
        "--formats",
        "onnx",
        "litert",
        f"--output={work / 'model'}",
        "--overwrite",
    ]
)
for file in sorted((work / "model").iterdir()):
    print(f"{file.name:20s} {file.stat().st_size / 2**20:6.2f} MiB")

# %% [markdown]
# LiteRT's runtime, as the phone has it, and ONNX Runtime say the same.

# %%
recording = digits / "recordings/7_theo_1.flac"
for runtime in ("litert", "onnxruntime"):
    exported = Recognizer.load(work / "model", runtime=runtime)
    (log_probs,) = exported.log_probs([recording])
    (result,) = exported.transcribe([recording])
    print(runtime, log_probs.shape, result.text)

# %% [markdown]
# DeepSpeech's calls over the same folder.

# %%
from open_seq2seq.compat.deepspeech import Model

model = Model(str(work / "model"))
samples, rate = soundfile.read(recording, dtype="int16")
assert rate == model.sampleRate()
print(model.stt(samples))

# %% [markdown]
# Live: pieces of a tenth of a second. This network needs the whole recording, so its stream is computed in windows;
# with `look_ahead` in the config a network streams by itself (docs/streaming.md). It learned single words, and so no
# spaces between them.

# %%
stream = model.createStream()
three = [
    soundfile.read(digits / f"recordings/{n}_theo_1.flac", dtype="int16")[0] for n in (7, 3, 1)
]
speech = np.concatenate([part for one in three for part in (one, np.zeros(rate // 2, np.int16))])
said = ""
for start in range(0, len(speech), rate // 10):
    stream.feedAudioContent(speech[start : start + rate // 10])
    if stream.intermediateDecode() != said:
        said = stream.intermediateDecode()
        print(f"{(start + rate // 10) / rate:5.1f} s  {said}")
print("final:  ", stream.finishStream())
