#include "alphabet.h"

#include <algorithm>
#include <fstream>

#include "error.h"

namespace ctc {
namespace {

constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";

}  // namespace

std::vector<std::string> ReadAlphabet(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path + ": this alphabet file cannot be opened.");
  std::vector<std::string> lines;
  bool first = true;
  for (std::string line; std::getline(file, line); first = false) {
    if (first && line.rfind(kByteOrderMark, 0) == 0) line.erase(0, 3);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  if (file.bad()) throw Error(path + ": this alphabet file cannot be read.");
  const bool commented = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line == "\\#" || (line[0] == '#' && line.size() > 1);
  });
  std::vector<std::string> labels;
  for (const std::string& line : lines) {
    if (commented && line[0] == '#') continue;
    labels.push_back(commented && line == "\\#" ? "#" : line);
  }
  if (labels.empty()) {
    throw Error(path + ": an alphabet file has one label in each line; there is none.");
  }
  return labels;
}

}  // namespace ctc
