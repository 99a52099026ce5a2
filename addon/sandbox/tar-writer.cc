#include "tar-writer.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

#include "listing.h"

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kBufferBytes = 1 << 20;
constexpr size_t kNameMax = 100;
constexpr size_t kPrefixMax = 155;
constexpr uint64_t kId7Max = 07777777;           // seven octal digits
constexpr uint64_t kNumber11Max = 077777777777;  // eleven octal digits

// Field offsets and widths of a ustar header.
struct Ustar {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkName[100];
  char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], padding[12];
};
static_assert(sizeof(Ustar) == kBlock);

// Octal digits that fill the field but its last byte. A value that does not fit is zero here and right in the PAX header.
template <size_t Width>
void octal(char (&field)[Width], uint64_t value) {
  const uint64_t limit = 1ULL << (3 * (Width - 1));
  if (value >= limit) value = 0;
  for (size_t i = Width - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
  field[Width - 1] = '\0';
}

void sealChecksum(Ustar& block) {
  std::memset(block.checksum, ' ', sizeof block.checksum);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&block);
  unsigned sum = 0;
  for (size_t i = 0; i < kBlock; i++) sum += bytes[i];
  for (size_t i = 6; i-- > 0; sum >>= 3) block.checksum[i] = static_cast<char>('0' + (sum & 7));
  block.checksum[6] = '\0';
}

// Splits a path at its last possible slash, as Go's archive/tar does, so that there is one split for each path.
bool splitPath(const std::string& path, std::string& name, std::string& prefix) {
  if (path.size() <= kNameMax) {
    name = path;
    return true;
  }
  size_t length = path.size();
  if (length > kPrefixMax + 1) {
    length = kPrefixMax + 1;
  } else if (path.back() == '/') {
    length -= 1;
  }
  const size_t slash = path.rfind('/', length - 1);
  if (slash == std::string::npos || slash == 0) return false;
  const size_t rest = path.size() - slash - 1;
  if (rest == 0 || rest > kNameMax || slash > kPrefixMax) return false;
  name = path.substr(slash + 1);
  prefix = path.substr(0, slash);
  return true;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself (POSIX pax, "pax Extended Header").
void addRecord(std::string& records, const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t total = rest + std::to_string(rest).size();
  if (std::to_string(total).size() != std::to_string(rest).size()) total = rest + std::to_string(total).size();
  records += std::to_string(total) + ' ' + key + '=' + value + '\n';
}

std::string paxRecords(const TarEntry& entry, bool pathFits) {
  std::string records;
  if (!pathFits) addRecord(records, "path", entry.path);
  if (entry.linkTarget.size() > kNameMax) addRecord(records, "linkpath", entry.linkTarget);
  if (entry.sizeBytes > kNumber11Max) addRecord(records, "size", std::to_string(entry.sizeBytes));
  if (entry.uid > kId7Max) addRecord(records, "uid", std::to_string(entry.uid));
  if (entry.gid > kId7Max) addRecord(records, "gid", std::to_string(entry.gid));
  if (static_cast<uint64_t>(entry.mtimeSeconds) > kNumber11Max) {
    addRecord(records, "mtime", std::to_string(entry.mtimeSeconds));
  }
  if (entry.xattrs != nullptr) {
    for (const auto& [key, value] : *entry.xattrs) addRecord(records, "SCHILY.xattr." + key, value);
  }
  return records;
}

}  // namespace

TarWriter::TarWriter(const Operation& operation, int fd) : operation_(operation), fd_(fd), buffer_(kBufferBytes) {
  // Larger pipes mean fewer context switches; not every pipe may grow, and that is fine.
  (void)fcntl(fd, F_SETPIPE_SZ, static_cast<int>(kBufferBytes));
}

void TarWriter::header(const TarEntry& entry) {
  std::string name, prefix;
  const bool pathFits = splitPath(entry.path, name, prefix);
  // Readers that ignore PAX headers get at least the start of the name.
  if (!pathFits) name = entry.path.substr(0, kNameMax);
  const std::string records = paxRecords(entry, pathFits);
  if (!records.empty()) pax(records);
  block(entry, name, prefix);
  entries_ += 1;
}

void TarWriter::block(const TarEntry& entry, const std::string& name, const std::string& prefix) {
  Ustar block = {};
  std::memcpy(block.name, name.data(), std::min(name.size(), sizeof block.name));
  std::memcpy(block.prefix, prefix.data(), std::min(prefix.size(), sizeof block.prefix));
  octal(block.mode, entry.mode);
  octal(block.uid, entry.uid);
  octal(block.gid, entry.gid);
  octal(block.size, entry.sizeBytes);
  octal(block.mtime, static_cast<uint64_t>(entry.mtimeSeconds));
  block.type = static_cast<char>(entry.type);
  std::memcpy(block.linkName, entry.linkTarget.data(), std::min(entry.linkTarget.size(), sizeof block.linkName));
  std::memcpy(block.magic, "ustar", 6);
  std::memcpy(block.version, "00", 2);
  octal(block.major, major(entry.rdev));
  octal(block.minor, minor(entry.rdev));
  sealChecksum(block);
  append(reinterpret_cast<const char*>(&block), kBlock);
}

// The extended header's own metadata is the same for every entry.
void TarWriter::pax(const std::string& records) {
  Ustar block = {};
  std::memcpy(block.name, "././@PaxHeader", 14);
  octal(block.mode, 0644);
  octal(block.uid, 0);
  octal(block.gid, 0);
  octal(block.size, records.size());
  octal(block.mtime, 0);
  block.type = 'x';
  std::memcpy(block.magic, "ustar", 6);
  std::memcpy(block.version, "00", 2);
  octal(block.major, 0);
  octal(block.minor, 0);
  sealChecksum(block);
  append(reinterpret_cast<const char*>(&block), kBlock);
  append(records.data(), records.size());
  pad();
}

bool TarWriter::copyData(int fromFd, uint64_t sizeBytes, const std::string& path) {
  for (uint64_t left = sizeBytes; left > 0;) {
    if (used_ == buffer_.size()) flush();
    const size_t want = static_cast<size_t>(std::min<uint64_t>(left, buffer_.size() - used_));
    const ssize_t got = read(fromFd, buffer_.data() + used_, want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) operation_.failErrno("read", path);
    if (got == 0) return false;
    used_ += static_cast<size_t>(got);
    left -= static_cast<uint64_t>(got);
  }
  pad();
  return true;
}

void TarWriter::finish() {
  const char zeros[2 * kBlock] = {};
  append(zeros, sizeof zeros);
  flush();
}

void TarWriter::pad() {
  const char zeros[kBlock] = {};
  const size_t over = static_cast<size_t>(sizeBytes() % kBlock);
  if (over != 0) append(zeros, kBlock - over);
}

void TarWriter::append(const char* data, size_t size) {
  while (size > 0) {
    if (used_ == buffer_.size()) flush();
    const size_t part = std::min(size, buffer_.size() - used_);
    std::memcpy(buffer_.data() + used_, data, part);
    used_ += part;
    data += part;
    size -= part;
  }
}

void TarWriter::flush() {
  writeAll(operation_, fd_, std::string_view(buffer_.data(), used_));
  written_ += used_;
  used_ = 0;
}
