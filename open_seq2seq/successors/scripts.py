"""OpenSeq2Seq's commands, scripts and whatever else its guide tells people to use."""

from __future__ import annotations

from open_seq2seq.successors.row import Row, not_here, replaced, works

_SYNTHESIS = (
    "no speech synthesiser of its own: `python scripts/create_synthetic_data.py train.csv "
    "--output=synthetic` makes synthetic speech with eSpeak NG (docs/synthetic_speech.md). A "
    "`synthetic_data.csv` with `{}` in its paths works as it is: `syn_enable` and `syn_subdirs`."
)
_BOOKS = (
    "long recordings are cut and transcribed by "
    "`python run.py --config_file=my.py --mode=infer --infer_files book.mp3 "
    "--infer_output_file=book.jsonl`, with the times of words (docs/inference.md); there is no "
    "language model for each chapter."
)
_OTHER_TASK = "it is of another task than speech recognition."

SCRIPTS: tuple[Row, ...] = (
    works("run.py", "`open-seq2seq`, where the package is installed, is the same command."),
    works("requirements.txt", "`pip install -r requirements.txt`; `make demo` makes `.venv` too."),
    works(
        "scripts/import_librivox.py",
        "FLAC files are used as they are, so `sox` is not needed (docs/corpora.md).",
    ),
    replaced("import_librivox.py", "`python scripts/import_librivox.py data/librispeech`"),
    works("scripts/install_kenlm.sh", "The tools go to `build/kenlm/bin`."),
    works("scripts/download_lm.sh", "`--list` names the models of OpenSLR; 4-gram is the default."),
    replaced("download_lm.sh", "`scripts/download_lm.sh`"),
    works(
        "scripts/build_lm.py",
        "`--n` is `--order` too. No trie is made, as none is needed.",
    ),
    replaced("build_lm.py", "`python scripts/build_lm.py train.csv --n 5`"),
    works("scripts/build_lm_text.py", "It is `scripts/build_lm.py`, which takes text too."),
    works(
        "scripts/build_6-gram_OpenSLR_lm.sh",
        "The result is `language_model/librispeech-lm-norm-lm.binary`.",
    ),
    works(
        "scripts/install_decoders.sh",
        "It is `python -m ctc_decoder_with_lm.build`, which `make demo` has done already.",
    ),
    replaced(
        "decoders/setup.sh decoders/setup.py",
        "`scripts/install_decoders.sh`; the package is `ctc_decoder_with_lm`.",
    ),
    works("scripts/ctc_decoders_test.py", "It runs the beam search's tests here."),
    works("scripts/decode.py", "Arguments and scores are the same; `--scoring` has other rules."),
    replaced(
        "ctc_decoder_with_lm/generate_trie generate_trie",
        "`python scripts/generate_trie.py alphabet.txt 3gram.binary words.txt trie.binary`; the "
        "decoder needs no trie.",
    ),
    replaced(
        "ctc_decoder_with_lm/BUILD ctc_decoder_with_lm/definitions.mk libctc_decoder_with_kenlm.so",
        "`python -m ctc_decoder_with_lm.build` builds the beam search; neither Bazel nor "
        "TensorFlow's sources are needed, and `decoder_library_path` has no effect.",
    ),
    replaced(
        "ctc_decoder_with_lm/ctc-test.py",
        "`python scripts/ctc_decoders_test.py`",
    ),
    replaced(
        "external_lm_rescore/process_beam_dump.py external_lm_rescore/run_lm_exp.sh "
        "external_lm_rescore/*",
        "`python scripts/rescore.py --beam_dump=BEAMS.txt --reference=CSV_FILE --openseq2seq "
        "--config_file=example_configs/text/transformer_lm.py --beam_dump_with_lm=OUT.txt`, with a "
        "language model that is trained here (docs/language_models.md). Pickled PyTorch models of "
        "Transformer-XL are not loaded.",
    ),
    works(
        "scripts/get_calibration_files.sh",
        "dev-clean comes as FLAC into `calibration/`; `calibration/target.json` is OpenSeq2Seq's "
        "own, from its repository, unless one is there (docs/inference.md).",
    ),
    works("scripts/calibrate_model.py", "It sets `infer_logits_to_pickle` itself."),
    works("scripts/dump_to_time.py", "The blank is the vocabulary's, not 28."),
    works(
        "scripts/change_sample_rate.py",
        "Not needed for training or inference: recordings of any rate are resampled when they are "
        "read.",
    ),
    works("scripts/run_all_tests.sh", "It is `make test`."),
    replaced(
        "scripts/nsr_create_syn_train_csv.py scripts/tacotron_gst_create_infer_csv.py "
        "scripts/tacotron_gst_create_syn_data.py scripts/tacotron_gst_combine_csv.py "
        "scripts/tacotron_save_spec.py scripts/wavenet_naive_infer.py",
        _SYNTHESIS,
    ),
    replaced(
        "scripts/create_lm_for_chapters.py scripts/infer_decoder.py "
        "scripts/generate_data_from_book.py",
        _BOOKS,
    ),
    replaced(
        "tokenizer_wrapper.py scripts/tokenizer_wrapper.py",
        "`sentencepiece.SentencePieceTrainer.train(input='text.txt', model_prefix='pieces', "
        "vocab_size=1000)` in Python makes a model for `bpe: True` (docs/data.md); language models "
        "make theirs themselves.",
    ),
    not_here(
        "scripts/get_en_de.sh scripts/get_wmt16_en_de.sh scripts/get_bigdata_en_de.sh "
        "scripts/get_*en*.sh scripts/create_toy_data.sh create_toy_data.sh",
        _OTHER_TASK,
    ),
    not_here(
        "speech_commands_preprocessing.py scripts/speech_commands_preprocessing.py",
        "speech commands are classified by OpenSeq2Seq's Image2Label models, which have no part "
        "here. A recogniser of few words is `example_configs/speech2text/digits_jasper_mini.py`.",
    ),
)

_INTERACTIVE = (
    "`open_seq2seq.inference.recognizer.Recognizer.load(config).transcribe([files or samples])` in "
    "place of get_base_config, check_logdir, create_model, a session and "
    "get_interactive_infer_results; `.logits` in place of predictions with "
    "`infer_logits_to_pickle`."
)
_STREAMING = (
    "`open_seq2seq.inference.recognizer.Recognizer.load(config).stream()` in place of FrameASR: "
    "`accept(samples)` instead of `transcribe(frame)`, and `buffered_stream()` for models that "
    "need whole recordings (docs/streaming.md); `open-seq2seq listen` shows the microphone's text."
)

OTHERS: tuple[Row, ...] = (
    replaced("Interactive_Infer_example.ipynb Interactive_Infer.ipynb", _INTERACTIVE),
    replaced(
        "frame_asr.py frame_asr demo_streaming_asr.py Streaming-ASR.ipynb",
        _STREAMING,
    ),
    works(
        "open_seq2seq/test_utils/toy_speech_data/toy_data.csv "
        "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
        "Ten other recordings, as those of the original are not free.",
    ),
    replaced(
        "open_seq2seq/test_utils/toy_speech_data/toy_data-lm.binary "
        "open_seq2seq/test_utils/toy_speech_data/toy_data-lm.trie",
        "`python scripts/build_lm.py open_seq2seq/test_utils/toy_speech_data/toy_data.csv` makes "
        "the model; `trie_path` may be None.",
    ),
    replaced(
        "Dockerfile Dockerfile_public docker/* nvcr.io/nvidia/tensorflow",
        "`make demo` makes `.venv` with the tested versions on any machine with Python 3.10 to "
        "3.13; there is no container.",
    ),
    replaced(
        "scripts/jetson_install_dependencies.sh scripts/jetson_install_tensorflow.sh",
        "`pip install -e .`, which takes TensorFlow's package for the machine; not tried on a "
        "Jetson.",
    ),
    replaced(
        "model.ckpt",
        "`python scripts/import_openseq2seq_checkpoint.py --config_file=jasper10x5.py "
        "--checkpoint=jasper/model.ckpt-439200 --logdir=runs/jasper` (docs/transfer.md)",
    ),
)
