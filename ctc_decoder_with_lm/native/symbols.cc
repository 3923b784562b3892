#include "symbols.h"

#include "error.h"

namespace ctc {
namespace {

constexpr uint32_t kPieceSpace = 0x2581;

}  // namespace

std::vector<uint32_t> CodePoints(std::string_view text) {
  std::vector<uint32_t> points;
  points.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const unsigned char lead = text[i];
    const int length = lead < 0x80 ? 1 : (lead >> 5) == 6 ? 2 : (lead >> 4) == 14 ? 3 : (lead >> 3) == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) {
      throw Error("Not UTF-8: byte " + std::to_string(i + 1) + " of \"" + std::string(text) + "\".");
    }
    uint32_t point = length == 1 ? lead : lead & (0x7F >> length);
    for (int k = 1; k < length; ++k) {
      const unsigned char next = text[i + k];
      if ((next >> 6) != 2) {
        throw Error("Not UTF-8: byte " + std::to_string(i + k + 1) + " of \"" + std::string(text) + "\".");
      }
      point = (point << 6) | (next & 0x3F);
    }
    points.push_back(point);
    i += length;
  }
  return points;
}

Symbols::Symbols(const std::vector<std::string>& symbols) : names_(symbols) {
  if (symbols.empty()) throw Error("The vocabulary has no symbols.");
  ids_[' '] = kSpace;
  for (size_t index = 0; index < symbols.size(); ++index) {
    const std::string& symbol = symbols[index];
    if (symbol.empty()) throw Error("Symbol " + std::to_string(index) + " of the vocabulary is empty.");
    std::vector<Char> chars;
    for (uint32_t point : CodePoints(symbol)) {
      if (point == kPieceSpace) point = ' ';
      auto [entry, added] = ids_.emplace(point, static_cast<Char>(alphabet_size_));
      alphabet_size_ += added;
      chars.push_back(entry->second);
    }
    std::string text = symbol;
    for (size_t at; (at = text.find("\xE2\x96\x81")) != std::string::npos;) text.replace(at, 3, " ");
    single_.push_back(chars.size() == 1 ? chars[0] : kNoChar);
    chars_.push_back(std::move(chars));
    texts_.push_back(std::move(text));
  }
}

Symbols Symbols::Whole(const std::vector<std::string>& symbols, int separator) {
  if (symbols.empty()) throw Error("The vocabulary has no symbols.");
  Symbols made;
  made.names_ = made.texts_ = symbols;
  for (int symbol = 0; symbol < static_cast<int>(symbols.size()); ++symbol) {
    made.single_.push_back(symbol == separator ? kSpace : static_cast<Char>(symbol + 1));
    made.chars_.push_back({made.single_.back()});
  }
  made.alphabet_size_ = static_cast<int>(symbols.size()) + 1;
  return made;
}

Char Symbols::Find(uint32_t code_point) const {
  auto found = ids_.find(code_point);
  return found == ids_.end() ? kNoChar : found->second;
}

bool Symbols::Spell(std::string_view word, std::vector<Char>* chars) const {
  chars->clear();
  for (uint32_t point : CodePoints(word)) {
    const Char id = Find(point);
    if (id == kNoChar || id == kSpace) return false;
    chars->push_back(id);
  }
  return !chars->empty();
}

}  // namespace ctc
