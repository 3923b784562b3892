#include "gunzip.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include "error.h"

namespace ctc {
namespace {

constexpr int kMaxCodeBits = 15;
constexpr std::size_t kWindow = 32768;   // how far back a copy may reach
constexpr std::size_t kBuffer = 262144;  // written at once

[[noreturn]] void Damaged(const char* what) {
  throw Error(std::string("The gzip file is damaged: ") + what + ".");
}

// Bits of a byte sequence, the lowest of each byte first.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  // The next bits without consuming them; zeros follow the end.
  uint32_t Peek(int count) {
    while (filled_ < count) {
      const uint64_t next = at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_]) : 0;
      ++at_;
      held_ |= next << filled_;
      filled_ += 8;
    }
    return static_cast<uint32_t>(held_ & ((uint64_t{1} << count) - 1));
  }
  void Skip(int count) {
    held_ >>= count;
    filled_ -= count;
    if (at_ > bytes_.size() + static_cast<std::size_t>(filled_ / 8)) Damaged("its end is missing");
  }
  uint32_t Take(int count) {
    const uint32_t bits = Peek(count);
    Skip(count);
    return bits;
  }
  void ToByte() { Skip(filled_ % 8); }
  // Whole bytes; only after ToByte.
  std::size_t position() const { return at_ - static_cast<std::size_t>(filled_ / 8); }
  void Move(std::size_t position) {
    if (position > bytes_.size()) Damaged("its end is missing");
    at_ = position;
    held_ = 0;
    filled_ = 0;
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  uint64_t held_ = 0;
  int filled_ = 0;
};

// A prefix code, decoded by one look-up of as many bits as the longest code has.
class PrefixCode {
 public:
  explicit PrefixCode(const std::vector<uint8_t>& lengths) {
    std::array<int, kMaxCodeBits + 1> counts{};
    for (const uint8_t length : lengths) ++counts[length];
    counts[0] = 0;
    bits_ = kMaxCodeBits;
    while (bits_ > 1 && counts[bits_] == 0) --bits_;
    table_.assign(std::size_t{1} << bits_, Entry{0, 0});
    std::array<uint32_t, kMaxCodeBits + 2> next{};
    for (int length = 1; length <= kMaxCodeBits; ++length) {
      next[length + 1] = (next[length] + counts[length]) << 1;
      if (next[length] + counts[length] > (1u << length)) Damaged("a code is over-subscribed");
    }
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      const int length = lengths[symbol];
      if (length == 0) continue;
      uint32_t code = next[length]++, reversed = 0;
      for (int bit = 0; bit < length; ++bit, code >>= 1) reversed = reversed << 1 | (code & 1);
      for (uint32_t at = reversed; at < table_.size(); at += 1u << length) {
        table_[at] = {static_cast<uint16_t>(symbol), static_cast<uint16_t>(length)};
      }
    }
  }

  int Read(BitReader& reader) const {
    const Entry entry = table_[reader.Peek(bits_)];
    if (entry.length == 0) Damaged("a code is unknown");
    reader.Skip(entry.length);
    return entry.symbol;
  }

 private:
  struct Entry {
    uint16_t symbol, length;
  };
  std::vector<Entry> table_;
  int bits_;
};

class Output {
 public:
  explicit Output(const std::function<void(const uint8_t*, size_t)>& write) : write_(write) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
      crc_table_[byte] = value;
    }
    buffer_.resize(kWindow + kBuffer);
  }

  void Put(uint8_t byte) {
    if (end_ == buffer_.size()) Flush();
    buffer_[end_++] = byte;
  }
  void Repeat(std::size_t distance, int length) {
    if (distance > total_ + (end_ - kept_)) Damaged("a copy reaches before the start");
    for (; length > 0; --length) {
      if (end_ == buffer_.size()) Flush();
      buffer_[end_] = buffer_[end_ - distance];
      ++end_;
    }
  }
  // Writes what is new and keeps the window before it.
  void Flush() {
    for (std::size_t at = kept_; at < end_; ++at) {
      crc_ = crc_table_[(crc_ ^ buffer_[at]) & 255] ^ crc_ >> 8;
    }
    write_(buffer_.data() + kept_, end_ - kept_);
    total_ += end_ - kept_;
    const std::size_t window = end_ < kWindow ? end_ : kWindow;
    std::memmove(buffer_.data(), buffer_.data() + end_ - window, window);
    kept_ = end_ = window;
  }
  // Ends one member of the file: its checksum and size.
  void Finish(uint32_t crc, uint32_t size) {
    Flush();
    if (~crc_ != crc || static_cast<uint32_t>(total_) != size) Damaged("its checksum is wrong");
    crc_ = ~0u;
    total_ = kept_ = end_ = 0;
  }

 private:
  const std::function<void(const uint8_t*, size_t)>& write_;
  std::vector<uint8_t> buffer_;
  std::array<uint32_t, 256> crc_table_;
  uint32_t crc_ = ~0u;
  uint64_t total_ = 0;
  std::size_t kept_ = 0, end_ = 0;
};

constexpr uint16_t kLengthBase[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr uint8_t kLengthBits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                   2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr uint16_t kDistanceBase[] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,
                                      33,  49,  65,  97,  129, 193,  257,  385,  513,  769,
                                      1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
// The order in which the lengths of the code of code lengths are stored.
constexpr uint8_t kLengthsOrder[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

void Compressed(BitReader& reader, const PrefixCode& literals, const PrefixCode& distances,
                Output& output) {
  while (true) {
    const int symbol = literals.Read(reader);
    if (symbol < 256) {
      output.Put(static_cast<uint8_t>(symbol));
      continue;
    }
    if (symbol == 256) return;
    if (symbol > 285) Damaged("a length is unknown");
    const int length =
        kLengthBase[symbol - 257] + static_cast<int>(reader.Take(kLengthBits[symbol - 257]));
    const int distance = distances.Read(reader);
    if (distance > 29) Damaged("a distance is unknown");
    const int extra = distance < 2 ? 0 : distance / 2 - 1;
    output.Repeat(kDistanceBase[distance] + reader.Take(extra), length);
  }
}

void Fixed(BitReader& reader, Output& output) {
  std::vector<uint8_t> literals(288, 8);
  std::memset(literals.data() + 144, 9, 112);
  std::memset(literals.data() + 256, 7, 24);
  Compressed(reader, PrefixCode(literals), PrefixCode(std::vector<uint8_t>(30, 5)), output);
}

void Dynamic(BitReader& reader, Output& output) {
  const std::size_t literals = reader.Take(5) + 257, distances = reader.Take(5) + 1;
  const int stored = static_cast<int>(reader.Take(4)) + 4;
  std::vector<uint8_t> lengths(19, 0);
  for (int at = 0; at < stored; ++at) {
    lengths[kLengthsOrder[at]] = static_cast<uint8_t>(reader.Take(3));
  }
  const PrefixCode code(lengths);
  lengths.clear();
  while (lengths.size() < literals + distances) {
    const int symbol = code.Read(reader);
    if (symbol < 16) {
      lengths.push_back(static_cast<uint8_t>(symbol));
    } else if (symbol == 16) {
      if (lengths.empty()) Damaged("a length is repeated before the first");
      const uint8_t last = lengths.back();
      lengths.insert(lengths.end(), 3 + reader.Take(2), last);
    } else {
      lengths.insert(lengths.end(), symbol == 17 ? 3 + reader.Take(3) : 11 + reader.Take(7), 0);
    }
  }
  if (lengths.size() != literals + distances) Damaged("there are too many lengths");
  const auto border = lengths.begin() + static_cast<std::ptrdiff_t>(literals);
  Compressed(reader, PrefixCode({lengths.begin(), border}), PrefixCode({border, lengths.end()}),
             output);
}

void Stored(BitReader& reader, Output& output) {
  reader.ToByte();
  const uint32_t size = reader.Take(16), check = reader.Take(16);
  if ((size ^ 0xFFFF) != check) Damaged("a stored block has a wrong size");
  const std::size_t start = reader.position();
  reader.Move(start + size);
  for (const char byte : reader.bytes().substr(start, size)) output.Put(static_cast<uint8_t>(byte));
}

void SkipHeader(BitReader& reader) {
  reader.Skip(0);
  reader.Take(16);
  if (reader.Take(8) != 8) Damaged("its method of compression is unknown");
  const uint32_t flags = reader.Take(8);
  for (int field = 0; field < 3; ++field) reader.Take(16);
  if (flags & 4) {
    const std::size_t size = reader.Take(16);
    reader.Move(reader.position() + size);
  }
  for (const uint32_t name : {8u, 16u}) {
    while ((flags & name) && reader.Take(8) != 0) {
    }
  }
  if (flags & 2) reader.Take(16);
}

}  // namespace

bool IsGzip(std::string_view bytes) { return bytes.substr(0, 2) == "\x1f\x8b"; }

void Gunzip(std::string_view bytes, const std::function<void(const uint8_t*, size_t)>& write) {
  Output output(write);
  BitReader reader(bytes);
  while (IsGzip(bytes.substr(reader.position()))) {
    SkipHeader(reader);
    bool last = false;
    while (!last) {
      last = reader.Take(1) != 0;
      switch (reader.Take(2)) {
        case 0: Stored(reader, output); break;
        case 1: Fixed(reader, output); break;
        case 2: Dynamic(reader, output); break;
        default: Damaged("a block is of an unknown kind");
      }
    }
    reader.ToByte();
    const uint32_t crc = reader.Take(32), size = reader.Take(32);
    output.Finish(crc, size);
    reader.Move(reader.position());
  }
}

}  // namespace ctc
