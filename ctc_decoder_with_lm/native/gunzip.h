// Reads gzip files (RFC 1951 and 1952), so that no library is needed for ARPA files in .gz.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace ctc {

bool IsGzip(std::string_view bytes);

// Calls `write` with one piece of the content after the other. Throws Error when the file is
// damaged: its end is missing, its code is invalid, or its checksum is another.
void Gunzip(std::string_view bytes, const std::function<void(const uint8_t*, size_t)>& write);

}  // namespace ctc
