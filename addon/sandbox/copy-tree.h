// The tree of what a copy puts where: built in memory from the items, over what the view below has at their places.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "copy-request.h"
#include "copy-source.h"
#include "fd.h"
#include "path.h"
#include "tree.h"

// TreeNode.source of a directory that no entry of the request describes.
constexpr size_t kNoSource = SIZE_MAX;

class CopyTree {
 public:
  // `viewFd` is the root of the layers below, or -1 if nothing below counts (COPY --link).
  CopyTree(const Operation& operation, const CopyRequest& request, CopyFiles& files, int viewFd, TreeNode& root);

  // Adds one item over the earlier ones. Ends the job where a file meets a directory.
  void item(const CopyItem& item);

 private:
  void single(const CopyItem& item, std::vector<std::string> destination);
  std::vector<std::string> resolve(const std::string& destination);
  std::optional<Covering> coveringAt(const std::vector<std::string>& parents, const std::string& name) const;
  bool isDirectory(const std::vector<std::string>& components);
  TreeNode& makeDirectories(const std::vector<std::string>& components);
  TreeNode& enter(TreeNode& parent, const std::string& name, const std::string& path);
  std::unique_ptr<TreeNode> makeParent(const TreeNode& above) const;
  void keepTime(TreeNode& directory, const CopyItem& item) const;
  std::unique_ptr<TreeNode> findBelow(const TreeNode& parent, const std::string& path);
  void place(TreeNode& directory, const std::string& destination, size_t index);
  void put(TreeNode& parent, const std::string& name, const std::string& path, size_t index);
  void overDirectory(TreeNode& node, const CopyEntry& entry, size_t index);
  void fill(TreeNode& node, const CopyEntry& entry, size_t index);
  int64_t secondsOf(const CopyEntry& entry) const;

  const Operation& operation_;
  const CopyRequest& request_;
  CopyFiles& files_;
  int viewFd_;
  TreeNode& root_;
  // The directory of the view that was looked at last: entries of one directory come together.
  std::string lowerPath_;
  Fd lowerParent_;
};
