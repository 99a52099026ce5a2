// Reads a tar of any builder from a pipe, as a stream of members. Everything in it is hostile: each limit has a name, and
// what cannot be understood ends the job with the reason.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "operation.h"
#include "tar-header.h"
#include "xattr.h"

// Of one extended header (PAX or GNU long name). The longest path that Linux can name in one call has 4 KiB.
constexpr uint64_t kExtendedHeaderMax = 1 << 20;
constexpr size_t kMemberPathMax = 64 << 10;
constexpr uint64_t kMemberCountMax = 10'000'000;
constexpr size_t kSparsePiecesMax = 1 << 20;

struct TarMember {
  std::string path;
  std::string linkTarget;
  char type = '0';  // a ustar typeflag '0' to '6'; everything that is read as a file is '0'
  uint32_t mode = 0, uid = 0, gid = 0;
  uint64_t sizeBytes = 0;  // of the file
  int64_t mtimeSeconds = 0;
  long mtimeNanoseconds = 0;
  uint64_t rdev = 0;
  Xattrs xattrs;  // all that the archive names
  bool isSparse = false;
  SparseMap pieces;  // sparse only: where the stored bytes belong
};

class TarReader {
 public:
  // `what` names the archive in messages.
  TarReader(const Operation& operation, int fd, std::string what);

  // The next member, or false at the archive's end. Data of the last one that was not read is skipped.
  bool next(TarMember& member);
  // Writes the current member's data into a new, empty file.
  void copyData(const TarMember& member, int toFd, const std::string& path);
  // Reads what follows the archive's end, so that whoever digests the stream sees all of it.
  void drain();
  uint64_t memberCount() const { return members_; }

 private:
  // Extended headers that were read and wait for their member.
  struct Pending {
    std::string longName, longLink;
    std::vector<std::pair<std::string, std::string>> pax;
    bool any = false;
  };
  bool readBlock(char (&block)[kTarBlock]);
  bool nextHeader(char (&block)[kTarBlock], TarHeader& header);
  std::string readExtended(const TarHeader& header);
  void parsePax(const std::string& records, Pending& pending);
  void fill(TarMember& member, const TarHeader& header, const Pending& pending);
  void fillNumbers(TarMember& member, const TarHeader& header);
  void applyPax(TarMember& member, const std::string& key, const std::string& value);
  void applySparseKey(TarMember& member, const std::string& key, const std::string& value);
  void readSparseMap(TarMember& member, const char (&block)[kTarBlock], const TarHeader& header);
  void readSparseDataMap(TarMember& member);
  uint64_t readSparseNumber(std::string& text);
  void checkSparse(const TarMember& member);
  void writeAt(int toFd, uint64_t offset, uint64_t sizeBytes, const std::string& path);
  size_t take(char* to, size_t size);
  bool refill();
  void skip(uint64_t sizeBytes);
  void beginData(uint64_t sizeBytes);
  [[noreturn]] void corrupt(const std::string& reason) const;

  const Operation& operation_;
  int fd_;
  std::string what_;
  std::vector<char> buffer_;
  size_t start_ = 0, end_ = 0;
  uint64_t left_ = 0;     // data bytes of the current member that were not read
  uint64_t padding_ = 0;  // after them
  uint64_t members_ = 0;
  uint64_t sparseMajor_ = 0;
  bool sparseNamed_ = false;  // the real path was in GNU.sparse.name; `path` is made up then
  std::string current_;  // the member's path, for messages
};
