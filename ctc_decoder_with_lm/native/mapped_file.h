// A file as bytes in memory, read by the operating system when they are looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ctc {

class MappedFile {
 public:
  MappedFile() = default;
  // Throws Error when the path is not that of a readable file.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept { *this = static_cast<MappedFile&&>(other); }
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

 private:
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

// A new file in TMPDIR, else /tmp, that is removed with this object.
class TemporaryFile {
 public:
  TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile();

  void Append(const uint8_t* data, std::size_t size);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace ctc
