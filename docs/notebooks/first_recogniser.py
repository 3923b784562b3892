# %% [markdown]
# # A first recogniser
#
# Two epochs of the packaged digits: train, evaluate, transcribe. Run it in the folder of the repository.
# The times are of two cores that were busy with other work.

# %%
from pathlib import Path

import open_seq2seq.start  # noqa: F401  (quiet libraries, before they are imported)
from open_seq2seq import Recognizer
from open_seq2seq.cli import main

config = "example_configs/speech2text/digits_jasper_mini.py"
logdir = Path("build/notebooks/first")

# %% [markdown]
# A manifest is a CSV of recordings and texts; the config names those of training and evaluation.

# %%
for line in Path("example_data/digits/train.csv").read_text().splitlines()[:4]:
    print(line)

# %% [markdown]
# What `python run.py --mode=train_eval ...` does. Any parameter can be overridden: `num_epochs` is 40 in the config.
# Two epochs are enough to see that it learns, not to be good.

# %%
code = main(
    [
        "train_eval",
        f"--config_file={config}",
        f"--logdir={logdir}",
        "--no_dir_check",
        "--num_epochs=2",
        "--loggers=['csv']",
        "--save_summaries_steps=20",
    ]
)
code

# %% [markdown]
# The curve, of the CSV logger. The share of blank frames falls when the network begins to say something.

# %%
import pandas as pd

rows = pd.read_csv(logdir / "metrics.csv")
curves = rows[rows.part == "train"].pivot(index="step", columns="name", values="value")
curves[["loss", "blank_share", "emitted_ratio"]].round(3)

# %% [markdown]
# The model in Python: `Recognizer` takes paths or samples. Beside the text it has words with times and confidences.

# %%
recognizer = Recognizer.load(config, [f"--logdir={logdir}"])
recordings = sorted(Path("example_data/digits/recordings").glob("*_theo_0.flac"))
for path, result in zip(recordings, recognizer.transcribe(recordings)):
    print(
        f"{path.name:16s} {result.text:8s} {[round(word.confidence, 2) for word in result.words]}"
    )

# %% [markdown]
# The packaged model had forty epochs of the same.

# %%
packaged = Recognizer.load("example_data/digits/model/config.py")
for path, result in zip(recordings, packaged.transcribe(recordings)):
    print(f"{path.name:16s} {result.text}")
