// The network's symbols, as the characters that words are spelled with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ctc {

using Char = uint32_t;             // dense id of a character; kSpace first
constexpr Char kSpace = 0;
constexpr Char kNoChar = 0xFFFFFFFFu;

// The code points of UTF-8 text.
// Raises: Error at a byte that is not UTF-8.
std::vector<uint32_t> CodePoints(std::string_view text);

// Symbols are characters or SentencePiece pieces, where U+2581 is the space before a word. The
// blank is the class after the last symbol.
class Symbols {
 public:
  explicit Symbols(const std::vector<std::string>& symbols);
  // Symbols that words are spelled with as they are, such as phonemes: each is one character.
  // Args:
  //   separator: the symbol that stands between words; -1: there is none.
  static Symbols Whole(const std::vector<std::string>& symbols, int separator);

  int size() const { return static_cast<int>(chars_.size()); }
  int blank() const { return size(); }
  // Spelling of a symbol, spaces included.
  const std::vector<Char>& chars(int symbol) const { return chars_[symbol]; }
  // The symbol's only character, or kNoChar when it has several.
  Char single(int symbol) const { return single_[symbol]; }
  // Text as it appears in a hypothesis: U+2581 is a space.
  const std::string& text(int symbol) const { return texts_[symbol]; }
  bool is_space(int symbol) const { return single_[symbol] == kSpace; }
  // As the network's vocabulary has it.
  const std::string& name(int symbol) const { return names_[symbol]; }

  // Characters, the space included.
  int alphabet_size() const { return alphabet_size_; }
  // The id of a code point that some symbol spells, or kNoChar.
  Char Find(uint32_t code_point) const;
  // A word's spelling; false when some character is in no symbol.
  bool Spell(std::string_view word, std::vector<Char>* chars) const;

 private:
  Symbols() = default;

  std::vector<std::vector<Char>> chars_;
  std::vector<Char> single_;
  std::vector<std::string> texts_, names_;
  std::unordered_map<uint32_t, Char> ids_;
  int alphabet_size_ = 1;
};

}  // namespace ctc
