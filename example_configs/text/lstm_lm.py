"""A small LSTM over the 5000 most frequent words, for rescoring n-best lists.

Command:
    python run.py --config_file=example_configs/text/lstm_lm.py --mode=train_eval

Its text is in runs/text: train.txt and held_out.txt, a sentence in each line (the commands are in
docs/language_models.md). The vocabulary is made of train.txt first.

Parameters: 1,556,360. Cost: 3000 steps, 1.7 epochs of 1.85 million words (a hundredth of what a
good model is trained on), 10 minutes of CPU time on an AMD EPYC (Zen 4) in float32. Result on
held-out text of the same books: perplexity 109.1 per word, where the 8.8 % of the words that are
not in the vocabulary count as one word, which is easily guessed.
"""

from open_seq2seq.data import TextDataLayer
from open_seq2seq.encoders import LSTMLMEncoder
from open_seq2seq.losses import CrossEntropyLoss
from open_seq2seq.models import NeuralLanguageModel
from open_seq2seq.optimizers.lr_policies import cosine_decay

base_model = NeuralLanguageModel

base_params = {
    "random_seed": 0,
    "logdir": "runs/lstm_lm",
    "batch_size_per_gpu": 64,
    "eval_batch_size_per_gpu": 64,
    "max_steps": 3000,
    "print_loss_steps": 100,
    "print_samples_steps": 500,
    "save_summaries_steps": 50,
    "save_checkpoint_steps": 500,
    "eval_steps": 500,
    "num_checkpoints": 2,
    "optimizer": "AdamW",
    "optimizer_params": {"beta2": 0.98, "weight_decay": 0.01},
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.002, "warmup_steps": 200, "min_lr_fraction": 0.01},
    "max_grad_norm": 1.0,
    "encoder": LSTMLMEncoder,
    "encoder_params": {
        "hidden_size": 192,
        "num_layers": 2,
        "dropout_keep_prob": 0.9,
    },
    "loss": CrossEntropyLoss,
    "data_layer": TextDataLayer,
    "data_layer_params": {
        "vocab_file": "runs/text/words5000.txt",
        "vocab_size": 5000,
        "lower_case": True,
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": ["runs/text/train.txt"],
        "max_length": 100,
    },
}

eval_params = {"data_layer_params": {"dataset_files": ["runs/text/held_out.txt"]}}
