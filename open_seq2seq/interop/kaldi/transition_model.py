"""Kaldi's transition model, which stands before the network in a `.mdl`: read, and gone past.

Fields: Kaldi's hmm/transition-model.cc and hmm/hmm-topology.cc (Apache-2.0).
"""

from __future__ import annotations

from open_seq2seq.interop.kaldi.fields import ModelReader


def skip_transition_model(reader: ModelReader) -> None:
    """Reads from `<TransitionModel>` to `</TransitionModel>`."""
    values = reader.values
    values.context = "the transition model"
    values.expect("<TransitionModel>")
    if values.binary:
        _topology(reader)
        rows = values.expect("<Triples>", "<Tuples>")
        count = values.integer("the number of rows")
        width = 3 if rows == "<Triples>" else 4
        if count < 0:
            reader.fail(f"{count} rows", "0 or more")
        values.source.skip(count * width * 5, f"{count} rows")  # each number has its size byte
        values.expect("</Triples>", "</Tuples>")
        values.expect("<LogProbs>")
        values.vector("the transitions' probabilities")
        values.expect("</LogProbs>")
        values.expect("</TransitionModel>")
    else:
        while values.token("</TransitionModel>") != "</TransitionModel>":
            pass
    values.context = ""


def _topology(reader: ModelReader) -> None:
    values = reader.values
    values.expect("<Topology>")
    values.int_vector("phones")
    values.int_vector("the phones' entries")
    entries = values.integer("the number of entries")
    has_self_loops = entries == -1
    if has_self_loops:
        entries = values.integer("the number of entries")
    for _ in range(entries):
        for _ in range(values.integer("the number of states")):
            values.integer("a class")
            if has_self_loops:
                values.integer("a class of a self-loop")
            for _ in range(values.integer("the number of transitions")):
                values.integer("a state")
                values.real("a probability")
    values.expect("</Topology>")
