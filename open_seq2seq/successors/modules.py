"""OpenSeq2Seq's Python modules. What works does so in configs, under the old path."""

from __future__ import annotations

from open_seq2seq.successors.configs import LANGUAGE_MODELS
from open_seq2seq.successors.row import Row, not_here, replaced, works

_TASKS = "a part of another task than speech recognition with CTC."
_ATTENTION = "attention-based speech recognition; CTC is what is trained."

MODULES: tuple[Row, ...] = (
    works(
        "open_seq2seq.data open_seq2seq.data.speech2text open_seq2seq.data.speech2text.speech2text"
    ),
    works("open_seq2seq.encoders open_seq2seq.encoders.encoder"),
    works(
        "open_seq2seq.encoders.ds2_encoder open_seq2seq.encoders.tdnn_encoder "
        "open_seq2seq.encoders.w2l_encoder",
        "Wave2LetterEncoder is TDNNEncoder.",
    ),
    works(
        "open_seq2seq.decoders open_seq2seq.decoders.fc_decoders open_seq2seq.decoders.fc_decoder"
    ),
    works("open_seq2seq.losses open_seq2seq.losses.ctc_loss"),
    works("open_seq2seq.models open_seq2seq.models.speech2text"),
    works(
        "open_seq2seq.optimizers open_seq2seq.optimizers.lr_policies "
        "open_seq2seq.optimizers.novograd"
    ),
    replaced(
        "open_seq2seq.optimizers.optimizers",
        "`open_seq2seq.optimizers.factory`; gradients are clipped and scaled by "
        "`open_seq2seq.optimizers.clipping` and `open_seq2seq.optimizers.larc`.",
    ),
    replaced(
        "open_seq2seq.optimizers.automatic_loss_scaler open_seq2seq.optimizers.mp_wrapper",
        "`open_seq2seq.optimizers.loss_scaling`, by the parameters `dtype` and `loss_scaling`.",
    ),
    replaced(
        "open_seq2seq.data.data_layer",
        "no base class: `open_seq2seq.data.speech2text.speech2text.Speech2TextDataLayer` reads all "
        "that docs/data.md has.",
    ),
    replaced(
        "open_seq2seq.data.utils",
        "`open_seq2seq.data.text.load_vocabulary` reads vocabularies.",
    ),
    replaced(
        "open_seq2seq.data.speech2text.speech_utils open_seq2seq.data.speech_utils",
        "`open_seq2seq.features.extractor.FeatureExtractor` makes features, "
        "`open_seq2seq.data.audio.read_audio` reads recordings.",
    ),
    not_here(
        "open_seq2seq.data.speech2text.speech_commands* "
        "open_seq2seq.data.image2label.speech_commands*",
        "the classification of speech commands. A recogniser of few words is "
        "`example_configs/speech2text/digits_jasper_mini.py`.",
    ),
    replaced(
        "open_seq2seq.data.lm* open_seq2seq.encoders.lm_encoders open_seq2seq.decoders.lm_decoders "
        "open_seq2seq.models.lstm_lm",
        LANGUAGE_MODELS,
    ),
    not_here(
        "open_seq2seq.encoders.las_encoder open_seq2seq.decoders.las_decoder "
        "open_seq2seq.decoders.jca_decoder open_seq2seq.losses.jca_loss",
        _ATTENTION,
    ),
    replaced(
        "open_seq2seq.decoders.decoder",
        "no base class: `open_seq2seq.decoders.FullyConnectedCTCDecoder` is the decoder.",
    ),
    replaced("open_seq2seq.losses.loss", "no base class: `open_seq2seq.losses.CTCLoss`."),
    replaced(
        "open_seq2seq.models.model open_seq2seq.models.encoder_decoder",
        "no base class: `open_seq2seq.models.Speech2Text`. Encoders of your own: "
        "docs/adding_an_encoder.md.",
    ),
    replaced(
        "open_seq2seq.parts.cnns*",
        "`open_seq2seq.layers.convolution` and `open_seq2seq.layers.conv_block`.",
    ),
    replaced("open_seq2seq.parts.rnns*", "`open_seq2seq.layers.recurrent`."),
    not_here(
        "open_seq2seq.parts.transformer* open_seq2seq.parts.convs2s* open_seq2seq.parts.tacotron* "
        "open_seq2seq.parts.centaur* open_seq2seq.data.text2text* open_seq2seq.data.text2speech* "
        "open_seq2seq.data.image2label* open_seq2seq.models.text2text* "
        "open_seq2seq.models.text2speech* open_seq2seq.models.image2label "
        "open_seq2seq.encoders.rnn_encoders open_seq2seq.encoders.transformer_encoder "
        "open_seq2seq.encoders.transformer_encoders open_seq2seq.encoders.resnet_encoder "
        "open_seq2seq.encoders.resnet_blocks open_seq2seq.encoders.cnn_encoder "
        "open_seq2seq.encoders.convs2s_encoder open_seq2seq.encoders.tacotron2_encoder "
        "open_seq2seq.encoders.centaur_encoder open_seq2seq.encoders.wavenet_encoder "
        "open_seq2seq.decoders.rnn_decoders open_seq2seq.decoders.transformer_decoder "
        "open_seq2seq.decoders.transformer_decoders open_seq2seq.decoders.convs2s_decoder "
        "open_seq2seq.decoders.tacotron2_decoder open_seq2seq.decoders.centaur_decoder "
        "open_seq2seq.losses.sequence_loss open_seq2seq.losses.cross_entropy_loss "
        "open_seq2seq.losses.tacotron_loss open_seq2seq.losses.text2speech_loss "
        "open_seq2seq.losses.wavenet_loss open_seq2seq.losses.centaur_loss "
        "open_seq2seq.losses.mean_squared_error_loss",
        _TASKS,
    ),
    replaced(
        "open_seq2seq.parts",
        "the parts of encoders are in `open_seq2seq.encoders`; those of other tasks are not here.",
    ),
    replaced(
        "open_seq2seq.utils.funcs",
        "`python run.py`, or from Python `open_seq2seq.cli.main(arguments)`, trains, evaluates and "
        "transcribes.",
    ),
    not_here(
        "open_seq2seq.utils.hooks open_seq2seq.utils.helpers",
        "TensorFlow 1's sessions and their hooks. What is printed and saved while training is "
        "chosen by parameters (docs/training.md).",
    ),
    replaced(
        "open_seq2seq.utils.metrics",
        "`open_seq2seq.metrics.error_rate.count_errors` counts words and characters.",
    ),
    replaced(
        "open_seq2seq.utils.ctc_decoder open_seq2seq.utils.dump_to_time",
        "`open_seq2seq.decoders.greedy.greedy_decode` gives words with their times, "
        "`python scripts/dump_to_time.py --dumpfile=logits.pkl` writes them.",
    ),
    replaced(
        "open_seq2seq.utils.utils open_seq2seq.utils.model_builders open_seq2seq.utils "
        "get_interactive_infer_results get_base_config check_logdir create_logdir create_model",
        "`open_seq2seq.Recognizer.load(config).transcribe([files or samples])` "
        "stands for get_base_config, check_logdir, create_model and get_interactive_infer_results "
        "(docs/inference.md), `open_seq2seq.cli.main(arguments)` for run.py.",
    ),
    not_here("open_seq2seq.test_utils.*", "tests are in `tests/`."),
)
