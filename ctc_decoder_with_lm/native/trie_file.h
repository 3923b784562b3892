// OpenSeq2Seq's trie files, as its generate_trie writes them.
#pragma once

#include <string>

#include "lexicon.h"
#include "symbols.h"

namespace ctc {

// Text: magic number, version, size of the alphabet; then the nodes in pre-order, each with the
// number of words below, the index of the worst one and its unigram score (log10), followed by
// one entry for each symbol of the alphabet, which is -1 where there is no child.
//
// Returns: a trie without words, whose nodes have the file's scores.
// Raises: Error naming the file and what is wrong.
Lexicon ReadTrieFile(const std::string& path, const Symbols& symbols);

}  // namespace ctc
