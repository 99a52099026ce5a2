// The walk over an upperdir and, in step with it, over the same directories of the merged view below: which entries the
// layer may hold, and which of them differ.
#pragma once
#include <memory>
#include <string>

#include "compare.h"
#include "tree.h"

class UpperWalk {
 public:
  // `userxattr`: whether overlayfs keeps its own state in user.overlay.* instead of trusted.overlay.*.
  UpperWalk(const Operation& operation, bool userxattr, const TimePolicy& times, LinkGroups& links)
      : operation_(operation), userxattr_(userxattr), times_(times), links_(links) {}

  // Fills the node with what is in the directory. `hidden`: nothing of the lower directory shows through, because this one
  // or one above it replaced it. `path` is "" or ends in `/`.
  void directory(TreeNode& node, int upperFd, LowerDirectory lower, bool hidden, std::string& path, size_t depth);

 private:
  std::unique_ptr<TreeNode> entry(int upperFd, const char* name, LowerDirectory lower, bool hidden, std::string& path,
                                  size_t depth);
  void warnAboutLost(const XattrReading& xattrs, const std::string& path);
  void subdirectory(TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const struct stat* lowerStat,
                    bool hidden, std::string& path, size_t depth);
  void leaf(TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const struct stat* lowerStat,
            const struct stat& st, const std::string& path);
  bool sameData(const TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const std::string& path);
  void addMissing(TreeNode& node, LowerDirectory lower, const std::string& path);

  const Operation& operation_;
  const bool userxattr_;
  const TimePolicy times_;
  LinkGroups& links_;
};
