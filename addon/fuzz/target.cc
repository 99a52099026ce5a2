#include "target.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMagicAt = 257;
constexpr size_t kChecksumAt = 148, kChecksumBytes = 8;

void setChecksum(uint8_t* block) {
  std::memset(block + kChecksumAt, ' ', kChecksumBytes);
  unsigned sum = 0;
  for (size_t i = 0; i < kBlock; i++) sum += block[i];
  std::snprintf(reinterpret_cast<char*>(block + kChecksumAt), kChecksumBytes, "%06o", sum);
  block[kChecksumAt + 7] = ' ';
}

}  // namespace

void sendFrame(const Job&, FrameType, const FrameWriter&) {}
void warn(const Job&, std::string_view) {}
void succeed(const Job&, const FrameWriter&) { throw Ended{0, ""}; }
void fail(const Job&, uint16_t, std::string_view, std::string_view, int error, std::string_view path, std::string_view detail) {
  throw Ended{error, std::string(path) + ": " + std::string(detail)};
}

Fd memoryFile(Bytes bytes) {
  Fd fd(memfd_create("input", MFD_CLOEXEC));
  if (!fd.valid() || write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) violated("a memory file");
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::vector<uint8_t> withChecksums(Bytes tar) {
  std::vector<uint8_t> fixed(tar.begin(), tar.end());
  for (size_t at = 0; at + kBlock <= fixed.size(); at += kBlock) {
    if (std::memcmp(fixed.data() + at + kMagicAt, "ustar", 5) == 0) setChecksum(fixed.data() + at);
  }
  return fixed;
}

void violated(const std::string& property) {
  std::fprintf(stderr, "violated: %s\n", property.c_str());
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzzOne(Bytes(data, size));
  return 0;
}
