#include "arpa.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>

#include "error.h"
#include "language_model.h"

namespace ctc {
namespace {

constexpr std::size_t kQuoted = 60;  // characters of a line that an error shows

[[noreturn]] void Fail(uint64_t line, const std::string& what) {
  throw Error("ARPA file, line " + std::to_string(line) + ": " + what);
}

std::string Quoted(std::string_view line) {
  return "\"" + std::string(line.substr(0, kQuoted)) + (line.size() > kQuoted ? "...\"" : "\"");
}

bool IsBlank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](unsigned char c) { return std::isspace(c); });
}

// Cuts the first line off the text, its end included.
std::string_view NextLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

void CheckArpa(std::string_view text) {
  const uint64_t size = text.size();
  uint64_t number = 0;
  std::string_view line;
  do {
    if (text.empty()) throw Error("The file is neither a KenLM binary nor an ARPA file.");
    line = NextLine(text);
    ++number;
  } while (IsBlank(line) || line[0] == '#');
  if (line != "\\data\\") {
    throw Error("The file is neither a KenLM binary nor an ARPA file, of which line " +
                std::to_string(number) + " would be \\data\\ instead of " + Quoted(line) + ".");
  }
  int order = 0;
  uint64_t bytes = 0;
  while (!text.empty() && !IsBlank(line = NextLine(text))) {
    ++number;
    ++order;
    const std::string expected = "ngram " + std::to_string(order) + "=";
    uint64_t count = 0;
    const char* end = line.data() + line.size();
    const char* start = line.data() + std::min(expected.size(), line.size());
    const auto [stop, error] = std::from_chars(start, end, count);
    if (line.substr(0, expected.size()) != expected || error != std::errc() || stop == start) {
      Fail(number, "found " + Quoted(line) + ", expected \"" + expected + "\" and a number.");
    }
    if (order > LanguageModel::kMaxOrder) {
      Fail(number, "n-grams of order " + std::to_string(order) + "; at most " +
                       std::to_string(LanguageModel::kMaxOrder) + " can be read.");
    }
    // A digit, `order` words of one letter, what separates them, and the end of the line.
    bytes += std::min(count, size) * (2 * static_cast<uint64_t>(order) + 2);
    if (bytes > size) {
      Fail(number, std::to_string(count) + " n-grams of order " + std::to_string(order) +
                       " are declared, which a file of " + std::to_string(size) +
                       " bytes cannot hold; its end may be missing.");
    }
  }
  if (order < 2) {
    Fail(number, "only unigrams are declared, at least bigrams are needed.");
  }
}

std::string ArpaComplaint(std::string_view text, const std::string& complaint) {
  // KenLM's place in its sources comes first; then what is wrong, and how many bytes were read.
  std::string what = complaint;
  const std::size_t thrown = what.find(" threw "), named = what.find(".\n");
  if (thrown != std::string::npos && named != std::string::npos) what = what.substr(named + 2);
  uint64_t offset = text.size();
  for (const std::string mark : {" Byte: ", " at byte "}) {
    const std::size_t at = what.rfind(mark);
    if (at == std::string::npos) continue;
    const char* digits = what.data() + at + mark.size();
    std::from_chars(digits, what.data() + what.size(), offset);
    what.resize(at);
  }
  // Advice about KenLM's own programs and options.
  for (const char* advice : {".  This is a bug in", " and the model is configured"}) {
    what = what.substr(0, what.find(advice));
  }
  const std::string_view read = text.substr(0, std::min<uint64_t>(offset, text.size()));
  const auto lines = 1 + std::count(read.begin(), read.end(), '\n');
  return "ARPA file, near line " + std::to_string(lines) + ": " + what + ".";
}

}  // namespace ctc
