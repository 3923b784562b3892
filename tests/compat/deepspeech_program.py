"""A program as people wrote them for DeepSpeech: a WAV file in, text, times or a stream out.

Only the import differs from one of theirs (`from deepspeech import Model`).
"""

import argparse
import json
import wave

import numpy as np

from open_seq2seq.compat.deepspeech import Model, version


def samples_of(path, wanted_rate):
    with wave.open(path, "rb") as recording:
        rate = recording.getframerate()
        if rate != wanted_rate:
            raise SystemExit(f"{path} has {rate} Hz, the model wants {wanted_rate}")
        return np.frombuffer(recording.readframes(recording.getnframes()), np.int16)


def words_of(transcript):
    """Words with their starts, from DeepSpeech's characters."""
    words, text, start = [], "", 0.0
    for token in transcript.tokens:
        if token.text == " ":
            words += [{"word": text, "start": round(start, 4)}] if text else []
            text = ""
            continue
        if not text:
            start = token.start_time
        text += token.text
    return words + ([{"word": text, "start": round(start, 4)}] if text else [])


def as_json(metadata):
    return json.dumps(
        {
            "transcripts": [
                {"confidence": one.confidence, "words": words_of(one)}
                for one in metadata.transcripts
            ]
        }
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Recognises speech with DeepSpeech's API")
    parser.add_argument("--model", required=True)
    parser.add_argument("--scorer")
    parser.add_argument("--audio", required=True)
    parser.add_argument("--beam_width", type=int)
    parser.add_argument("--lm_alpha", type=float)
    parser.add_argument("--lm_beta", type=float)
    parser.add_argument("--version", action="version", version=f"DeepSpeech {version()}")
    parser.add_argument("--extended", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--candidate_transcripts", type=int, default=3)
    parser.add_argument("--hot_words")
    parser.add_argument("--stream", type=int, help="samples that are fed at once")
    args = parser.parse_args(arguments)

    ds = Model(args.model)
    if args.beam_width:
        ds.setBeamWidth(args.beam_width)
    if args.scorer:
        ds.enableExternalScorer(args.scorer)
        if args.lm_alpha and args.lm_beta:
            ds.setScorerAlphaBeta(args.lm_alpha, args.lm_beta)
    if args.hot_words:
        for pair in args.hot_words.split(","):
            word, boost = pair.split(":")
            ds.addHotWord(word, float(boost))

    audio = samples_of(args.audio, ds.sampleRate())
    if args.stream:
        stream = ds.createStream()
        for first in range(0, len(audio), args.stream):
            stream.feedAudioContent(audio[first : first + args.stream])
            print("...", stream.intermediateDecode())
        print(stream.finishStream())
    elif args.extended:
        best = ds.sttWithMetadata(audio, 1).transcripts[0]
        print("".join(token.text for token in best.tokens))
    elif args.json:
        print(as_json(ds.sttWithMetadata(audio, args.candidate_transcripts)))
    else:
        print(ds.stt(audio))


if __name__ == "__main__":
    main()
