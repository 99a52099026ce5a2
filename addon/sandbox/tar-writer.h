// Writes the one canonical tar form, layerFormat 1 (DESIGN.md, section 5): ustar where it can say the entry, else one PAX
// header with only the keys that ustar cannot say, in fixed order; two zero blocks at the end and nothing more.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "operation.h"
#include "xattr.h"

// Values are ustar's typeflags (POSIX pax, "ustar Interchange Format").
enum class TarType : char {
  File = '0',
  HardLink = '1',
  SymbolicLink = '2',
  CharacterDevice = '3',
  BlockDevice = '4',
  Directory = '5',
  Fifo = '6',
};

struct TarEntry {
  std::string path;  // no leading `/` or `./`; directories end in `/`
  TarType type = TarType::File;
  uint32_t mode = 0;  // permission bits only
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t sizeBytes = 0;   // File only: exactly so many bytes must follow
  int64_t mtimeSeconds = 0;  // not negative
  std::string linkTarget;
  uint64_t rdev = 0;
  const Xattrs* xattrs = nullptr;
};

// Ends the job on a write error. Life: any number of (header, data of sizeBytes), then finish.
class TarWriter {
 public:
  TarWriter(const Operation& operation, int fd);

  void header(const TarEntry& entry);
  // Copies the entry's data from a file, from its start. False if the file ended early; the archive is then broken.
  bool copyData(int fromFd, uint64_t sizeBytes, const std::string& path);
  // Writes the end of the archive and everything buffered.
  void finish();

  uint64_t sizeBytes() const { return written_ + used_; }
  uint64_t entryCount() const { return entries_; }

 private:
  void block(const TarEntry& entry, const std::string& name, const std::string& prefix);
  void pax(const std::string& records);
  void append(const char* data, size_t size);
  void pad();
  void flush();

  const Operation& operation_;
  int fd_;
  std::vector<char> buffer_;
  size_t used_ = 0;
  uint64_t written_ = 0;
  uint64_t entries_ = 0;
};
