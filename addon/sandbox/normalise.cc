#include "normalise.h"

#include <fcntl.h>

#include "listing.h"

namespace {

class Normalising {
 public:
  Normalising(const Operation& operation, const TimePolicy& times) : operation_(operation), times_(times) {}

  void content(int fd, const TreeNode& node, const std::string& path) {
    for (const auto& [name, child] : node.children) entry(fd, name.c_str(), *child, path + '/' + name);
  }

  void strip(int dirFd, const char* name, const TreeNode& node, const std::string& path) {
    for (const std::string& key : node.stray) {
      // Another name of the same file was here before.
      if (!removeXattr(dirFd, name, key) && errno != ENODATA) operation_.failErrno("lremovexattr", path);
    }
  }

 private:
  void entry(int dirFd, const char* name, const TreeNode& node, const std::string& path) {
    if (!node.inLayer) return removeEntry(operation_, dirFd, name, path);
    if (node.kind == TreeNode::Kind::Whiteout) return whiteout(dirFd, name, path);
    if (S_ISDIR(node.mode)) {
      Fd fd = openDirectory(operation_, dirFd, name, path);
      content(fd.get(), node, path);
    }
    strip(dirFd, name, node, path);
    // A directory's time comes after its content's changes.
    if (setTimeAt(dirFd, name, times_.apply(node.mtimeSeconds)) != 0) operation_.failErrno("utimensat", path);
  }

  // A device 0:0 is what the kernel makes and what apply.cc makes; the other forms (xattr whiteouts, the children of an
  // opaque directory, a socket over a file) become one.
  void whiteout(int dirFd, const char* name, const std::string& path) {
    struct stat st;
    if (fstatat(dirFd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
      if (isWhiteoutDevice(st)) return;
      removeEntry(operation_, dirFd, name, path);
    }
    if (mknodat(dirFd, name, S_IFCHR, 0) != 0) operation_.failErrno("mknodat", path);
  }

  const Operation& operation_;
  const TimePolicy& times_;
};

}  // namespace

void normaliseUpper(const Operation& operation, int upperFd, const TreeNode& root, const TimePolicy& times) {
  Normalising normalising(operation, times);
  normalising.content(upperFd, root, "");
  normalising.strip(upperFd, ".", root, "/");
  if (fchown(upperFd, 0, 0) != 0) operation.failErrno("fchown", "/");
  if (fchmod(upperFd, kRootMode) != 0) operation.failErrno("fchmod", "/");
  if (setTimeAt(upperFd, ".", kRootSeconds) != 0) operation.failErrno("utimensat", "/");
}
