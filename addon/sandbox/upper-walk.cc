#include "upper-walk.h"

#include <algorithm>
#include <cerrno>

#include "listing.h"

void UpperWalk::directory(TreeNode& node, int upperFd, LowerDirectory lower, bool hidden, std::string& path, size_t depth) {
  if (depth > kDepthMax) operation_.refuse(ELOOP, path, "/" + path + ": directories are nested too deeply");
  const size_t length = path.size();
  const std::vector<std::string> names = listNames(operation_, upperFd, path);
  for (const std::string& name : names) {
    path += name;
    std::unique_ptr<TreeNode> child = entry(upperFd, name.c_str(), lower, hidden, path, depth);
    if (!saysNothing(*child)) node.children[name] = std::move(child);
    path.resize(length);
  }
  if (hidden && lower.exists()) addMissing(node, names, lower, path);
}

// Memory then grows with what changed, not with the tree. Of an upperdir everything is kept: `normalise` removes by it.
bool UpperWalk::saysNothing(const TreeNode& node) const {
  return form_ == UpperForm::Tree && node.kind == TreeNode::Kind::Entry && !node.changed && node.linkGroup == 0 && node.children.empty();
}

// In a plain tree overlayfs's attributes are names like others, which no layer holds.
XattrReading UpperWalk::readMarks(int upperFd, const char* name, const std::string& path) {
  XattrReading reading = readXattrs(operation_, upperFd, name, path, form_ == UpperForm::UserXattr);
  if (form_ != UpperForm::Tree) return reading;
  reading.opaque = reading.whiteout = false;
  reading.unsupported = nullptr;
  return reading;
}

std::unique_ptr<TreeNode> UpperWalk::entry(int upperFd, const char* name, LowerDirectory lower, bool hidden, std::string& path,
                                size_t depth) {
  auto node = std::make_unique<TreeNode>();
  struct stat st, lowerStat;
  if (fstatat(upperFd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fstatat", path);
  const bool hasLower = lower.find(operation_, name, path, lowerStat);
  if (S_ISSOCK(st.st_mode)) {
    warn(operation_.job, "/" + path + ": a socket cannot be in an image, it is left out");
    node->kind = hasLower ? TreeNode::Kind::Whiteout : TreeNode::Kind::Absent;
    return node;
  }
  XattrReading xattrs = readMarks(upperFd, name, path);
  if (isWhiteoutDevice(st) || (xattrs.whiteout && S_ISREG(st.st_mode) && st.st_size == 0)) {
    node->kind = hasLower ? TreeNode::Kind::Whiteout : TreeNode::Kind::Absent;
    return node;
  }
  if (xattrs.unsupported != nullptr) {
    operation_.refuse(ENOTSUP, path, "/" + path + ": overlayfs used " + xattrs.unsupported + ", which was switched off");
  }
  setAttributes(*node, st);
  warnAboutLost(xattrs, path);
  node->xattrs = std::move(xattrs.kept);
  node->stray = std::move(xattrs.stray);
  if (S_ISDIR(st.st_mode)) {
    subdirectory(*node, upperFd, name, lower, hasLower ? &lowerStat : nullptr, hidden || xattrs.opaque, path, depth);
  } else {
    leaf(*node, upperFd, name, lower, hasLower ? &lowerStat : nullptr, st, path);
  }
  return node;
}

// Attributes of the step's own that no tar can carry; those of overlayfs and trusted.* are not meant to be kept.
void UpperWalk::warnAboutLost(const XattrReading& xattrs, const std::string& path) {
  for (const std::string& key : xattrs.stray) {
    if (key.find('=') == std::string::npos) continue;
    warn(operation_.job, "/" + path + ": the attribute " + key + " cannot be in an image, it is left out");
  }
}

void UpperWalk::subdirectory(TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const struct stat* lowerStat,
                  bool hidden, std::string& path, size_t depth) {
  node.changed = lowerStat == nullptr ||
                 !sameAttributes(operation_, node, lower, name, path, *lowerStat, times_);
  Fd upper = openDirectory(operation_, upperFd, name, path);
  Fd below;
  if (lowerStat != nullptr && S_ISDIR(lowerStat->st_mode)) below = openDirectory(operation_, lower.fd, name, path);
  path += '/';
  directory(node, upper.get(), {below.get()}, hidden, path, depth + 1);
}

void UpperWalk::leaf(TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const struct stat* lowerStat,
          const struct stat& st, const std::string& path) {
  if (S_ISLNK(st.st_mode)) node.linkTarget = readLinkTarget(operation_, upperFd, name, path);
  node.changed = lowerStat == nullptr ||
                 !sameAttributes(operation_, node, lower, name, path, *lowerStat, times_) ||
                 !sameData(node, upperFd, name, lower, path);
  if (st.st_nlink > 1) {
    node.linkGroup = links_.of(st.st_dev, st.st_ino);
    links_.note(node.linkGroup, node.changed, lowerStat);
  }
}

bool UpperWalk::sameData(const TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const std::string& path) {
  if (!node.isRegular() || node.sizeBytes == 0) return true;
  const Fd mine = openFile(operation_, upperFd, name, path);
  const Fd below = openFile(operation_, lower.fd, name, path);
  return sameContent(operation_, mine.get(), below.get(), path);
}

// What the replaced directory had and this one has not, name by name: an opaque marker would depend on how the kernel
// saw the change.
void UpperWalk::addMissing(TreeNode& node, const std::vector<std::string>& names, LowerDirectory lower, const std::string& path) {
  for (const std::string& name : listNames(operation_, lower.fd, path)) {
    struct stat st;
    if (std::binary_search(names.begin(), names.end(), name) || !lower.find(operation_, name.c_str(), path, st)) continue;
    auto whiteout = std::make_unique<TreeNode>();
    whiteout->kind = TreeNode::Kind::Whiteout;
    node.children[name] = std::move(whiteout);
  }
}
