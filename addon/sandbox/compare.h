// Whether an entry differs from the one below it, as DESIGN.md section 5 defines it: type, content, mode, owner, device,
// link target, xattrs; mtime only where times are kept.
#pragma once
#include <sys/stat.h>

#include "tree.h"

// A directory of the merged view below, entered by descriptor. Without one nothing lies below.
struct LowerDirectory {
  int fd = -1;

  bool exists() const { return fd >= 0; }
  // Whether `name` lies below; a device 0:0 is a whiteout even if no overlay stands between it and us.
  bool find(const Operation& operation, const char* name, const std::string& path, struct stat& st) const;
};

// Everything but the content of regular files, whose sizes are compared. For hard links to be comparable the caller
// looks at the data only if this is true.
bool sameAttributes(const Operation& operation, const TreeNode& node, const LowerDirectory& lower, const char* name,
                    const std::string& path, const struct stat& lowerStat, const TimePolicy& times);
