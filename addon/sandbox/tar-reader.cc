#include "tar-reader.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr size_t kBufferBytes = 1 << 20;

// Files of all kinds of storage, and what else v7 and GNU archives say.
char normalType(char type, const std::string& path) {
  if (type == '\0' || type == '0') return !path.empty() && path.back() == '/' ? '5' : '0';  // v7 directories
  if (type == '7' || type == 'S') return '0';
  return type;
}

}  // namespace

TarReader::TarReader(const Operation& operation, int fd, std::string what)
    : operation_(operation), fd_(fd), what_(std::move(what)), buffer_(kBufferBytes) {}

void TarReader::corrupt(const std::string& reason) const {
  const std::string where = current_.empty() ? "" : " (after or in " + current_.substr(0, 200) + ")";
  operation_.refuse(EBADMSG, current_, what_ + " is not a valid tar: " + reason + where);
}

bool TarReader::next(TarMember& member) {
  skip(left_ + padding_);
  left_ = padding_ = 0;
  member = TarMember();
  Pending pending;
  char block[kTarBlock];
  TarHeader header;
  while (nextHeader(block, header)) {
    switch (header.type) {
      case 'x': parsePax(readExtended(header), pending); break;
      case 'g': readExtended(header); break;  // about the archive as a whole; Go's reader ignores it too
      case 'L': pending.longName = readExtended(header).c_str(); break;
      case 'K': pending.longLink = readExtended(header).c_str(); break;
      default:
        fill(member, header, pending);
        if (header.type == 'S') readSparseMap(member, block, header);
        if (member.isSparse && sparseMajor_ == 1) readSparseDataMap(member);
        if (member.isSparse) checkSparse(member);
        if (++members_ > kMemberCountMax) corrupt("it has more than " + std::to_string(kMemberCountMax) + " entries");
        return true;
    }
    pending.any = true;
  }
  if (pending.any) corrupt("it ends after an extended header");
  return false;
}

bool TarReader::nextHeader(char (&block)[kTarBlock], TarHeader& header) {
  // Many archivers leave the end blocks out, so an end between members is one.
  if (!readBlock(block)) return false;
  if (isZeroBlock(block)) {
    if (!readBlock(block) || isZeroBlock(block)) return false;
    corrupt("a lone zero block is followed by data");
  }
  header = TarHeader();
  if (const char* reason = parseTarHeader(block, header)) corrupt(reason);
  return true;
}

std::string TarReader::readExtended(const TarHeader& header) {
  if (header.sizeBytes > kExtendedHeaderMax) {
    corrupt("an extended header of " + std::to_string(header.sizeBytes) + " bytes is over the limit of " +
            std::to_string(kExtendedHeaderMax));
  }
  std::string data(header.sizeBytes, '\0');
  if (take(data.data(), data.size()) != data.size()) corrupt("it ends in an extended header");
  skip((kTarBlock - header.sizeBytes % kTarBlock) % kTarBlock);
  return data;
}

void TarReader::fill(TarMember& member, const TarHeader& header, const Pending& pending) {
  member.path = pending.longName.empty() ? header.name : pending.longName;
  member.linkTarget = pending.longLink.empty() ? header.linkName : pending.longLink;
  current_ = member.path;
  sparseMajor_ = 0;
  sparseNamed_ = false;
  TarHeader numbers = header;
  for (const auto& [key, value] : pending.pax) {
    uint64_t* number = key == "size" ? &numbers.sizeBytes : key == "uid" ? &numbers.uid : key == "gid" ? &numbers.gid : nullptr;
    if (number == nullptr) applyPax(member, key, value);
    else if (!value.empty() && !parseDecimal(value, *number)) corrupt("PAX " + key + " is not a number");
  }
  bool hasTime = false;
  for (const auto& [key, value] : pending.pax) {
    if (key == "mtime" && !value.empty()) hasTime = true;
  }
  if (!hasTime) member.mtimeSeconds = numbers.mtime;
  member.type = normalType(header.type, member.path);
  current_ = member.path;
  if (member.path.size() > kMemberPathMax || member.linkTarget.size() > kMemberPathMax) {
    current_.resize(std::min<size_t>(current_.size(), 100));
    corrupt("a path has more than " + std::to_string(kMemberPathMax) + " bytes");
  }
  if (member.path.find('\0') != std::string::npos || member.linkTarget.find('\0') != std::string::npos) {
    corrupt("a path holds a NUL byte");
  }
  fillNumbers(member, numbers);
}

void TarReader::fillNumbers(TarMember& member, const TarHeader& header) {
  // 2^32-1 is the kernel's "leave as it is", not an id.
  if (header.uid >= UINT32_MAX || header.gid >= UINT32_MAX) corrupt("an owner is out of range");
  if (header.devMajor > 0xFFF || header.devMinor > 0xFFFFF) corrupt("a device number is out of range");
  member.mode = static_cast<uint32_t>(header.mode & 07777);
  member.uid = static_cast<uint32_t>(header.uid);
  member.gid = static_cast<uint32_t>(header.gid);
  member.rdev = makedev(static_cast<unsigned>(header.devMajor), static_cast<unsigned>(header.devMinor));
  // Links, devices and directories have no data, whatever their size field says (POSIX pax; Go's isHeaderOnlyType).
  const bool hasData = member.type == '0' || member.type < '1' || member.type > '6';
  beginData(hasData ? header.sizeBytes : 0);
  if (!member.isSparse) member.sizeBytes = left_;
}

void TarReader::beginData(uint64_t sizeBytes) {
  left_ = sizeBytes;
  padding_ = (kTarBlock - sizeBytes % kTarBlock) % kTarBlock;
}

void TarReader::copyData(const TarMember& member, int toFd, const std::string& path) {
  if (!member.isSparse) return writeAt(toFd, 0, left_, path);
  if (ftruncate(toFd, static_cast<off_t>(member.sizeBytes)) != 0) operation_.failErrno("ftruncate", path);
  for (const auto& [offset, length] : member.pieces) writeAt(toFd, offset, length, path);
}

void TarReader::writeAt(int toFd, uint64_t offset, uint64_t sizeBytes, const std::string& path) {
  for (uint64_t done = 0; done < sizeBytes;) {
    if (start_ == end_ && !refill()) corrupt("it ends in a file's data");
    const size_t part = static_cast<size_t>(std::min<uint64_t>(sizeBytes - done, end_ - start_));
    const ssize_t put = pwrite(toFd, buffer_.data() + start_, part, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) operation_.failErrno("pwrite", path);
    start_ += static_cast<size_t>(put);
    done += static_cast<uint64_t>(put);
    left_ -= static_cast<uint64_t>(put);
  }
}

void TarReader::drain() {
  do {
    start_ = end_ = 0;
  } while (refill());
}

bool TarReader::readBlock(char (&block)[kTarBlock]) {
  const size_t got = take(block, kTarBlock);
  if (got != 0 && got != kTarBlock) corrupt("it ends in a header");
  return got == kTarBlock;
}

void TarReader::skip(uint64_t sizeBytes) {
  while (sizeBytes > 0) {
    if (start_ == end_ && !refill()) {
      // The padding after the last member may be missing, as the end blocks may.
      if (sizeBytes <= padding_) return;
      corrupt("it ends in a file's data");
    }
    const size_t part = static_cast<size_t>(std::min<uint64_t>(sizeBytes, end_ - start_));
    start_ += part;
    sizeBytes -= part;
  }
}

size_t TarReader::take(char* to, size_t size) {
  size_t done = 0;
  while (done < size && (start_ < end_ || refill())) {
    const size_t part = std::min(size - done, end_ - start_);
    std::memcpy(to + done, buffer_.data() + start_, part);
    start_ += part;
    done += part;
  }
  return done;
}

bool TarReader::refill() {
  for (;;) {
    const ssize_t got = read(fd_, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) operation_.failErrno("read", what_);
    start_ = 0;
    end_ = static_cast<size_t>(got);
    return got > 0;
  }
}
