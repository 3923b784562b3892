#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "error.h"

namespace ctc {
namespace {

[[noreturn]] void Fail(const std::string& path, int error) {
  throw Error(path + ": " + std::strerror(error) + ".");
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  // A path with a zero byte would be cut there by the operating system.
  if (path.empty() || path.find('\0') != std::string::npos) throw Error("The path is no path.");
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) Fail(path, errno);
  struct stat status;
  const bool known = fstat(descriptor, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    close(descriptor);
    if (known && S_ISDIR(status.st_mode)) throw Error(path + ": a directory, expected a file.");
    throw Error(path + ": not an ordinary file.");
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    start_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (start_ == MAP_FAILED) {
      const int error = errno;
      start_ = nullptr;
      close(descriptor);
      Fail(path, error);
    }
  }
  close(descriptor);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (start_ != nullptr) munmap(start_, size_);
}

TemporaryFile::TemporaryFile() {
  const char* folder = std::getenv("TMPDIR");
  path_ = std::string(folder != nullptr && *folder ? folder : "/tmp") + "/language_model_XXXXXX";
  descriptor_ = mkstemp(path_.data());
  if (descriptor_ < 0) Fail(path_, errno);
}

TemporaryFile::~TemporaryFile() {
  close(descriptor_);
  unlink(path_.c_str());
}

void TemporaryFile::Append(const uint8_t* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(descriptor_, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail(path_, errno);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

}  // namespace ctc
