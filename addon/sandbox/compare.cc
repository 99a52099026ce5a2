#include "compare.h"

#include <fcntl.h>

#include "listing.h"

bool LowerDirectory::find(const Operation& operation, const char* name, const std::string& path, struct stat& st) const {
  if (fd < 0) return false;
  if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    operation.failErrno("fstatat", path);
  }
  return !isWhiteoutDevice(st);
}

bool sameAttributes(const Operation& operation, const TreeNode& node, const LowerDirectory& lower, const char* name,
                    const std::string& path, const struct stat& lowerStat, const TimePolicy& times) {
  TreeNode below;
  setAttributes(below, lowerStat);
  if (node.mode != below.mode || node.uid != below.uid || node.gid != below.gid || node.rdev != below.rdev ||
      node.sizeBytes != below.sizeBytes) {
    return false;
  }
  if (times.keeps() && node.mtimeSeconds != below.mtimeSeconds) return false;
  if (S_ISLNK(node.mode) && readLinkTarget(operation, lower.fd, name, path) != node.linkTarget) return false;
  return readLayerXattrs(operation, lower.fd, name, path) == node.xattrs;
}
