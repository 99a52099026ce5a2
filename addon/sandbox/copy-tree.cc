#include "copy-tree.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "compare.h"
#include "member-path.h"
#include "path.h"

namespace {

int64_t wholeSeconds(int64_t nanoseconds) {
  const int64_t seconds = nanoseconds / 1'000'000'000;
  return nanoseconds % 1'000'000'000 < 0 ? seconds - 1 : seconds;
}

// What stands there keeps the attributes that the source does not have.
void addXattrs(Xattrs& xattrs, const Xattrs& below) {
  for (const auto& attribute : below) {
    const auto same = [&](const auto& other) { return other.first == attribute.first; };
    if (std::none_of(xattrs.begin(), xattrs.end(), same)) xattrs.push_back(attribute);
  }
  std::sort(xattrs.begin(), xattrs.end());
}

std::string pathOf(const std::vector<std::string>& components) {
  std::string path;
  for (const std::string& component : components) path += '/' + component;
  return path;
}

}  // namespace

CopyTree::CopyTree(const Operation& operation, const CopyRequest& request, CopyFiles& files, int viewFd, TreeNode& root)
    : operation_(operation), request_(request), files_(files), viewFd_(viewFd), root_(root) {
  root_.mode = S_IFDIR | kRootMode;
  root_.isAboveDirectory = viewFd >= 0;
}

void CopyTree::item(const CopyItem& item) {
  const std::vector<std::string> destination = resolve(item.destination);
  if (item.isSingle) return single(item, destination);
  TreeNode& directory = makeDirectories(destination);
  if (item.hasTime && !destination.empty()) keepTime(directory, item);
  const std::string path = pathOf(destination);
  for (size_t i = 0; i < item.count; i++) place(directory, path, item.first + i);
}

void CopyTree::single(const CopyItem& item, std::vector<std::string> destination) {
  if (item.destinationIsDirectory || isDirectory(destination)) destination.push_back(item.baseName);
  const std::string name = destination.back();
  if (item.count != 1 || name.empty()) operation_.refuse(EINVAL, item.destination, "malformed specification");
  destination.pop_back();
  TreeNode& parent = makeDirectories(destination);
  put(parent, name, pathOf(destination) + '/' + name, item.first);
}

std::vector<std::string> CopyTree::resolve(const std::string& destination) {
  if (viewFd_ < 0) return splitComponents(cleanMemberPath(destination));
  ResolvedPath resolved;
  const auto findCovering = [&](const auto& parents, const auto& name) { return coveringAt(parents, name); };
  const int error = resolveInRoot(viewFd_, destination, resolved, findCovering);
  if (error == ENOTDIR) operation_.refuse(ENOTDIR, destination, "cannot copy to non-directory: " + destination);
  if (error == ELOOP) operation_.refuse(ENOTDIR, destination, "too many levels of symbolic links: " + destination);
  if (error != 0) operation_.failWith("resolve", error, destination);
  return resolved.components;
}

// Earlier items count: one may have replaced a link of the view, or brought one.
std::optional<Covering> CopyTree::coveringAt(const std::vector<std::string>& parents, const std::string& name) const {
  const TreeNode* node = &root_;
  for (size_t i = 0; i <= parents.size(); i++) {
    const auto found = node->children.find(i < parents.size() ? parents[i] : name);
    if (found == node->children.end()) return std::nullopt;
    node = found->second.get();
  }
  if (node->isDirectory()) return std::nullopt;
  return Covering{S_ISLNK(node->mode), node->linkTarget};
}

// Whether a directory stands there: in the tree, else in the view.
bool CopyTree::isDirectory(const std::vector<std::string>& components) {
  const TreeNode* node = &root_;
  for (const std::string& component : components) {
    const auto found = node->children.find(component);
    if (found == node->children.end()) {
      const std::string path = pathOf(components);
      return node->isAboveDirectory && openBeneath(viewFd_, path.c_str() + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW).valid();
    }
    node = found->second.get();
  }
  return node->isDirectory();
}

TreeNode& CopyTree::makeDirectories(const std::vector<std::string>& components) {
  TreeNode* node = &root_;
  std::string path;
  for (const std::string& component : components) {
    path += '/' + component;
    node = &enter(*node, component, path);
  }
  return *node;
}

// The directory `name`: as it is in the tree or in the view, or made.
TreeNode& CopyTree::enter(TreeNode& parent, const std::string& name, const std::string& path) {
  std::unique_ptr<TreeNode>& child = parent.children[name];
  if (child == nullptr) child = findBelow(parent, path);
  if (child == nullptr) child = makeParent(parent);
  if (!child->isDirectory()) operation_.refuse(ENOTDIR, path, "cannot copy to non-directory: " + path);
  return *child;
}

// As mkdir makes it, also in a setgid directory (inode(7)): that one's group, unless an owner was asked for, and the bit.
std::unique_ptr<TreeNode> CopyTree::makeParent(const TreeNode& above) const {
  auto node = std::make_unique<TreeNode>();
  const bool inSetgid = (above.mode & S_ISGID) != 0;
  node->mode = S_IFDIR | (request_.parentMode & 0777) | (inSetgid ? S_ISGID : 0);
  node->uid = request_.parentUid;
  node->gid = inSetgid && request_.parentsInherit ? above.gid : request_.parentGid;
  node->mtimeSeconds = request_.parentSeconds;
  node->source = kNoSource;
  node->changed = true;
  return node;
}

// BuildKit gives the destination of a directory the source's times, if it gives it nothing else.
void CopyTree::keepTime(TreeNode& directory, const CopyItem& item) const {
  if (!request_.times.keeps()) return;
  const int64_t seconds = wholeSeconds(item.mtimeNs);
  if (directory.mtimeSeconds != seconds) directory.changed = true;
  directory.mtimeSeconds = seconds;
}

// The node of what the view has at the path, or null.
std::unique_ptr<TreeNode> CopyTree::findBelow(const TreeNode& parent, const std::string& path) {
  if (!parent.isAboveDirectory) return nullptr;
  const auto [above, name] = splitLast(path.substr(1));
  if (!lowerParent_.valid() || lowerPath_ != above) {
    lowerParent_ = openBeneath(viewFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!lowerParent_.valid()) operation_.failErrno("openat2", above);
    lowerPath_ = above;
  }
  struct stat st;
  if (!LowerDirectory{lowerParent_.get()}.find(operation_, name.c_str(), path, st)) return nullptr;
  auto node = std::make_unique<TreeNode>();
  setAttributes(*node, st);
  node->xattrs = readLayerXattrs(operation_, lowerParent_.get(), name.c_str(), path);
  node->source = kNoSource;
  node->isAboveDirectory = S_ISDIR(st.st_mode);
  return node;
}

void CopyTree::place(TreeNode& directory, const std::string& destination, size_t index) {
  const std::vector<std::string> parts = splitComponents(cleanMemberPath(request_.entries[index].path));
  if (parts.empty()) operation_.refuse(EINVAL, destination, "malformed specification");
  TreeNode* parent = &directory;
  std::string path = destination;
  for (size_t i = 0; i + 1 < parts.size(); i++) {
    path += '/' + parts[i];
    parent = &enter(*parent, parts[i], path);
  }
  put(*parent, parts.back(), path + '/' + parts.back(), index);
}

void CopyTree::put(TreeNode& parent, const std::string& name, const std::string& path, size_t index) {
  const CopyEntry& entry = request_.entries[index];
  if (S_ISSOCK(entry.mode)) {  // as BuildKit's client sends it (fsutil, stat.go)
    warn(operation_.job, entry.sourcePath + ": a socket cannot be in an image, it becomes an empty file");
  }
  std::unique_ptr<TreeNode>& child = parent.children[name];
  if (child == nullptr) child = findBelow(parent, path);
  const bool wasThere = child != nullptr;
  if (S_ISDIR(entry.mode)) {
    if (wasThere && !child->isDirectory()) operation_.refuse(ENOTDIR, path, "cannot copy to non-directory: " + path);
  } else if (wasThere && child->isDirectory()) {
    operation_.refuse(EISDIR, path, "cannot copy " + entry.sourcePath + " over a directory: " + path);
  }
  if (S_ISDIR(entry.mode) && wasThere) return overDirectory(*child, entry, index);
  child = std::make_unique<TreeNode>();
  fill(*child, entry, index);
}

// A directory keeps its children and gets the attributes of the source's; if it is only on the way to something, no more
// than its mode, and that without --chmod (fsutil, copyDirectoryOnly).
void CopyTree::overDirectory(TreeNode& node, const CopyEntry& entry, size_t index) {
  if (entry.isImplied) {
    const uint32_t mode = S_IFDIR | (entry.impliedMode & 07777);
    if (node.mode != mode) node.changed = true;
    node.mode = mode;
    return;
  }
  const Xattrs below = std::move(node.xattrs);
  fill(node, entry, index);
  addXattrs(node.xattrs, below);
}

void CopyTree::fill(TreeNode& node, const CopyEntry& entry, size_t index) {
  if (S_ISCHR(entry.mode) && entry.rdev == 0) {
    operation_.refuse(EINVAL, entry.sourcePath, entry.sourcePath + ": a device 0:0 cannot be in an image");
  }
  node.mode = S_ISSOCK(entry.mode) ? S_IFREG | (entry.mode & 07777) : entry.mode;
  node.uid = entry.uid;
  node.gid = entry.gid;
  node.rdev = S_ISCHR(entry.mode) || S_ISBLK(entry.mode) ? entry.rdev : 0;
  node.sizeBytes = S_ISREG(entry.mode) ? entry.sizeBytes : 0;
  node.mtimeSeconds = secondsOf(entry);
  node.linkTarget = entry.linkTarget;
  node.xattrs = entry.readsXattrs ? files_.xattrs(entry) : entry.xattrs;
  node.source = index;
  node.changed = true;  // until it is compared
}

// The times of a context count for nothing: not even early ones, which a clamp leaves alone, because they are in no key.
int64_t CopyTree::secondsOf(const CopyEntry& entry) const {
  const bool isView = entry.source < request_.sources.size() && request_.sources[entry.source].isView;
  return isView || request_.times.keeps() ? wholeSeconds(entry.mtimeNs) : request_.times.seconds;
}
