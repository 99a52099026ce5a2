// Copies trees of snapshots, where no overlay can share what is below: type, mode, owner, times, attributes and content.
// The copy shares no inode with what it was made from, so that writing to one never shows in the other; where the file
// system can share blocks (FICLONE) it does.
#pragma once
#include <map>
#include <string>
#include <utility>

#include "fd.h"
#include "operation.h"

class Duplication {
 public:
  // `keepsLinks`: names of one file stay names of one file. Without, each becomes a file of its own, which is what overlayfs
  // makes of a name that is written to: a tree that steps write to then gives the same layer as an overlay does.
  Duplication(const Operation& operation, bool keepsLinks);

  // Fills the empty directory with a copy of the other's content, and gives it the other's attributes. Both descriptors
  // must be readable. `path` is for messages: "" or ending in `/`.
  void directory(int fromFd, int toFd, std::string& path, size_t depth = 0);
  // Copies one entry, which must not be there yet, with all that is below it: the whole that is copied. `path` is for messages.
  void top(int fromFd, const char* name, int toFd, const char* newName, std::string& path);
  // Copies one entry below the top, which must not be there yet.
  void entry(int fromFd, const char* name, int toFd, const char* newName, std::string& path, size_t depth = 0);

 private:
  bool linkToFirst(const struct stat& st, int toFd, const char* newName, const std::string& path);
  void file(int fromFd, const char* name, int toFd, const char* newName, const struct stat& st, const std::string& path);
  bool node(int fromFd, const char* name, int toFd, const char* newName, const struct stat& st, const std::string& path);
  void setAttributes(int fromFd, const char* name, int toFd, const char* newName, const struct stat& st, const std::string& path);

  const Operation& operation_;
  const bool keepsLinks_;
  int rootFd_ = -1;  // of the copy, for links
  std::map<std::pair<uint64_t, uint64_t>, std::string> firstNames_;
};
