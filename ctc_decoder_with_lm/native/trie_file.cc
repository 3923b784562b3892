#include "trie_file.h"

#include <cstdio>
#include <memory>

#include "error.h"

namespace ctc {
namespace {

constexpr long kMagic = 0x54524945;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

class Reader {
 public:
  Reader(const std::string& path, const Symbols& symbols)
      : path_(path), symbols_(symbols), file_(std::fopen(path.c_str(), "r")) {
    if (!file_) Fail("it cannot be opened");
  }

  std::vector<SpelledWord> Read() {
    if (Number() != kMagic) Fail("it does not begin with a trie's magic number " + std::to_string(kMagic));
    if (Number() != 1) Fail("its version is not 1");
    const long size = Number();
    if (size != symbols_.size()) {
      Fail("it is for an alphabet of " + std::to_string(size) + " symbols; the vocabulary has " +
           std::to_string(symbols_.size()));
    }
    const long first = Number();
    if (first != -1) Node(first);
    return std::move(prefixes_);
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw Error("Trie file " + path_ + ": " + what + ".");
  }
  long Number() {
    long value;
    if (std::fscanf(file_.get(), "%ld", &value) != 1) Fail("it ends too early or holds no number");
    return value;
  }
  // A node whose first number has been read. Its prefix enters the list with its score.
  void Node(long count) {
    (void)count;
    if (prefix_.size() > 1000) Fail("it is nested deeper than any word");
    Number();
    float score;
    if (std::fscanf(file_.get(), "%f", &score) != 1) Fail("it ends too early or holds no number");
    if (!prefix_.empty()) prefixes_.push_back({prefix_, 0, score});
    for (int symbol = 0; symbol < symbols_.size(); ++symbol) {
      const long next = Number();
      if (next == -1) continue;
      if (symbols_.single(symbol) == kNoChar) Fail("the vocabulary's symbols are not characters");
      prefix_.push_back(symbols_.single(symbol));
      Node(next);
      prefix_.pop_back();
    }
  }

  std::string path_;
  const Symbols& symbols_;
  std::unique_ptr<std::FILE, FileCloser> file_;
  std::vector<Char> prefix_;
  std::vector<SpelledWord> prefixes_;
};

}  // namespace

Lexicon ReadTrieFile(const std::string& path, const Symbols& symbols) {
  // A node's own score is the worst below it, so the worst over its prefixes is that score again.
  return Lexicon(Reader(path, symbols).Read(), symbols.alphabet_size());
}

}  // namespace ctc
