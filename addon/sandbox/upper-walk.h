// The walk over an upperdir and, in step with it, over the same directories of the merged view below: which entries the
// layer may hold, and which of them differ.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "compare.h"
#include "tree.h"

// What the tree that a step wrote to is: an upperdir, with overlayfs's own state in trusted.overlay.* or, in a user namespace,
// in user.overlay.*; or a plain tree, in which nothing is overlayfs's and most entries are as they were.
enum class UpperForm : uint8_t { Overlay, UserXattr, Tree };

class UpperWalk {
 public:
  UpperWalk(const Operation& operation, UpperForm form, const TimePolicy& times, LinkGroups& links)
      : operation_(operation), form_(form), times_(times), links_(links) {}

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
  XattrReading readMarks(int upperFd, const char* name, const std::string& path);
  bool saysNothing(const TreeNode& node) const;
  void addMissing(TreeNode& node, const std::vector<std::string>& names, LowerDirectory lower, const std::string& path);

  const Operation& operation_;
  const UpperForm form_;
  const TimePolicy times_;
  LinkGroups& links_;
};
