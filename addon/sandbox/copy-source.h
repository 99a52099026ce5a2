// The files that a copy job reads: opened below their root without following links, and checked against what the caller
// saw when it made the cache key, before and after they are read.
#pragma once
#include <string>
#include <vector>

#include "copy-request.h"
#include "fd.h"
#include "operation.h"
#include "tree.h"

class CopyFiles final : public LayerSource {
 public:
  CopyFiles(const Operation& operation, const Job& job, const CopyRequest& request);

  // Opens a regular file that is still the one that the caller saw.
  Fd open(const CopyEntry& entry);
  // Ends the job if the file is another one now.
  void verify(const CopyEntry& entry, int fd) const;
  Xattrs xattrs(const CopyEntry& entry);

  void enterDirectory(const std::string&, const std::string&) override {}
  void leaveDirectory() override {}
  void writeData(TarWriter& tar, const TreeNode& node, const std::string& name, const std::string& path) override;

 private:
  [[noreturn]] void failToOpen(const CopyEntry& entry, const char* syscall) const;
  int parentOf(const CopyEntry& entry, std::string& name);

  const Operation& operation_;
  const CopyRequest& request_;
  std::vector<Fd> roots_;
  // The directory of the last file: entries of one directory come together.
  uint32_t cachedSource_ = 0;
  std::string cachedPath_;
  Fd cached_;
};
