"""A small causal transformer over 2000 SentencePiece pieces, for rescoring n-best lists.

Command:
    python run.py --config_file=example_configs/text/transformer_lm.py --mode=train_eval

Its text is in runs/text: train.txt and held_out.txt, a sentence in each line (the commands are in
docs/language_models.md). The pieces are trained on train.txt first.

Parameters: 1,720,976. Cost: 2500 steps, 1.4 epochs of 1.85 million words (a hundredth of what a
good model is trained on), 14 minutes of CPU time on an AMD EPYC (Zen 4) in bfloat16. Result on
held-out text of the same books: perplexity 81.1 per piece, 480 per word; a 3-gram of the same
text has 261 per word.
"""

from open_seq2seq.data import TextDataLayer
from open_seq2seq.encoders import TransformerLMEncoder
from open_seq2seq.losses import CrossEntropyLoss
from open_seq2seq.models import NeuralLanguageModel
from open_seq2seq.optimizers.lr_policies import cosine_decay

base_model = NeuralLanguageModel

base_params = {
    "random_seed": 0,
    "logdir": "runs/transformer_lm",
    "batch_size_per_gpu": 64,
    "eval_batch_size_per_gpu": 64,
    "max_steps": 2500,
    "dtype": "auto",
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
    "encoder": TransformerLMEncoder,
    "encoder_params": {
        "hidden_size": 192,
        "num_layers": 3,
        "num_heads": 4,
        "filter_size": 768,
        "dropout_keep_prob": 0.9,
    },
    "loss": CrossEntropyLoss,
    "data_layer": TextDataLayer,
    "data_layer_params": {
        "vocab_file": "runs/text/pieces2000.model",
        "vocab_size": 2000,
        "bpe": True,
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
