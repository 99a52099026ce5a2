// COPY, and ADD of files: writes the layer's tar straight from the sources; no copy of the tree is made.
//
// Specification: copy_request.h. Descriptor 0: where the tar goes. Result: u64 bytes of the tar, u64 entries.
//
// The result is what BuildKit's copy into the merged tree would have changed (tonistiigi/fsutil, copy/copy.go): the
// destination itself is resolved through links inside the root; below it nothing is followed. A tree of names is built in
// memory, later items over earlier ones, then compared with the view below and written.
#include <fcntl.h>

#include "compare.h"
#include "copy_source.h"
#include "listing.h"
#include "path.h"
#include "unpack.h"

namespace {

constexpr size_t kNoSource = SIZE_MAX;

int64_t wholeSeconds(int64_t nanoseconds) {
  const int64_t seconds = nanoseconds / 1'000'000'000;
  return nanoseconds % 1'000'000'000 < 0 ? seconds - 1 : seconds;
}

std::vector<std::string> splitPath(const std::string& path) {
  std::vector<std::string> parts;
  const std::string clean = cleanMemberPath(path);
  for (size_t at = 0; at < clean.size();) {
    const size_t slash = std::min(clean.find('/', at), clean.size());
    parts.push_back(clean.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

// Builds the tree of what the copy puts where.
class CopyTree {
 public:
  CopyTree(const Operation& operation, const CopyRequest& request, CopyFiles& files, int viewFd, TreeNode& root)
      : operation_(operation), request_(request), files_(files), viewFd_(viewFd), root_(root) {
    root_.mode = S_IFDIR | kRootMode;
    root_.isAboveDirectory = viewFd >= 0;
  }

  void item(const CopyItem& item) {
    std::vector<std::string> destination = resolve(item.destination);
    if (!item.isSingle) {
      TreeNode& directory = makeDirectories(destination);
      const std::string path = pathOf(destination);
      for (size_t i = 0; i < item.count; i++) place(directory, path, item.first + i);
      return;
    }
    if (item.count != 1) operation_.refuse(EINVAL, item.destination, "malformed specification");
    if (item.destinationIsDirectory || isDirectory(destination)) destination.push_back(item.baseName);
    const std::string name = destination.back();
    destination.pop_back();
    TreeNode& parent = makeDirectories(destination);
    put(parent, name, pathOf(destination) + '/' + name, item.first);
  }

 private:
  static std::string pathOf(const std::vector<std::string>& components) {
    std::string path;
    for (const std::string& component : components) path += '/' + component;
    return path;
  }

  std::vector<std::string> resolve(const std::string& destination) {
    if (viewFd_ < 0) return splitPath(destination);
    ResolvedPath resolved;
    const int error = resolveInRoot(viewFd_, destination, resolved);
    if (error == ENOTDIR) operation_.refuse(ENOTDIR, destination, "cannot copy to non-directory: " + destination);
    if (error != 0) operation_.failWith("resolve", error, destination);
    return resolved.components;
  }

  // What stands at the path: in the tree, else in the view.
  bool isDirectory(const std::vector<std::string>& components) {
    TreeNode* node = &root_;
    std::string path;
    for (const std::string& component : components) {
      path += '/' + component;
      const auto found = node->children.find(component);
      if (found != node->children.end()) {
        node = found->second.get();
        continue;
      }
      return node->isAboveDirectory && openBeneath(viewFd_, pathOf(components).c_str() + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW).valid();
    }
    return node->isDirectory();
  }

  TreeNode& makeDirectories(const std::vector<std::string>& components) {
    TreeNode* node = &root_;
    std::string path;
    for (const std::string& component : components) {
      path += '/' + component;
      node = &enter(*node, component, path);
    }
    return *node;
  }

  // The directory `name`: as it is in the tree or in the view, or made.
  TreeNode& enter(TreeNode& parent, const std::string& name, const std::string& path) {
    std::unique_ptr<TreeNode>& child = parent.children[name];
    if (child == nullptr) child = findBelow(parent, path);
    if (child == nullptr) {
      child = std::make_unique<TreeNode>();
      child->mode = S_IFDIR | (request_.parentMode & 07777);
      child->uid = request_.parentUid;
      child->gid = request_.parentGid;
      child->mtimeSeconds = request_.parentSeconds;
      child->source = kNoSource;
      child->changed = true;
    }
    if (!child->isDirectory()) operation_.refuse(ENOTDIR, path, "cannot copy to non-directory: " + path);
    return *child;
  }

  // The node of what the view has at the path, or null.
  std::unique_ptr<TreeNode> findBelow(const TreeNode& parent, const std::string& path) {
    if (!parent.isAboveDirectory) return nullptr;
    const size_t slash = path.rfind('/');
    const std::string above = slash == 0 ? "" : path.substr(1, slash - 1);
    if (!lowerParent_.valid() || lowerPath_ != above) {
      lowerParent_ = openBeneath(viewFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
      if (!lowerParent_.valid()) operation_.failErrno("openat2", above);
      lowerPath_ = above;
    }
    struct stat st;
    const char* name = path.c_str() + slash + 1;
    if (!LowerDirectory{lowerParent_.get()}.find(operation_, name, path, st)) return nullptr;
    auto node = std::make_unique<TreeNode>();
    setAttributes(*node, st);
    node->xattrs = readLayerXattrs(operation_, lowerParent_.get(), name, path);
    node->source = kNoSource;
    node->isAboveDirectory = S_ISDIR(st.st_mode);
    return node;
  }

  void place(TreeNode& directory, const std::string& destination, size_t index) {
    std::vector<std::string> parts = splitPath(request_.entries[index].path);
    if (parts.empty()) operation_.refuse(EINVAL, destination, "malformed specification");
    TreeNode* parent = &directory;
    std::string path = destination;
    for (size_t i = 0; i + 1 < parts.size(); i++) {
      path += '/' + parts[i];
      parent = &enter(*parent, parts[i], path);
    }
    put(*parent, parts.back(), path + '/' + parts.back(), index);
  }

  void put(TreeNode& parent, const std::string& name, const std::string& path, size_t index) {
    const CopyEntry& entry = request_.entries[index];
    if (S_ISSOCK(entry.mode)) {
      return warn(operation_.job, entry.sourcePath + ": a socket cannot be in an image, it is left out");
    }
    std::unique_ptr<TreeNode>& child = parent.children[name];
    if (child == nullptr) child = findBelow(parent, path);
    const bool wasThere = child != nullptr;
    if (S_ISDIR(entry.mode)) {
      if (wasThere && !child->isDirectory()) operation_.refuse(ENOTDIR, path, "cannot copy to non-directory: " + path);
    } else if (wasThere && child->isDirectory()) {
      operation_.refuse(EISDIR, path, "cannot copy " + entry.sourcePath + " over a directory: " + path);
    }
    // A directory keeps its children and gets the attributes of the source's; anything else is replaced.
    if (!S_ISDIR(entry.mode) || !wasThere) child = std::make_unique<TreeNode>();
    fill(*child, entry, index);
  }

  void fill(TreeNode& node, const CopyEntry& entry, size_t index) {
    if (S_ISCHR(entry.mode) && entry.rdev == 0) {
      operation_.refuse(EINVAL, entry.sourcePath, entry.sourcePath + ": a device 0:0 cannot be in an image");
    }
    node.mode = entry.mode;
    node.uid = entry.uid;
    node.gid = entry.gid;
    node.rdev = S_ISCHR(entry.mode) || S_ISBLK(entry.mode) ? entry.rdev : 0;
    node.sizeBytes = S_ISREG(entry.mode) ? entry.sizeBytes : 0;
    node.mtimeSeconds = wholeSeconds(entry.mtimeNs);
    node.linkTarget = entry.linkTarget;
    node.xattrs = entry.xattrs ? files_.xattrs(entry) : Xattrs();
    node.source = index;
    node.changed = true;  // until it is compared
  }

  const Operation& operation_;
  const CopyRequest& request_;
  CopyFiles& files_;
  int viewFd_;
  TreeNode& root_;
  std::string lowerPath_;
  Fd lowerParent_;
};

// Finds out which nodes differ from what lies below, and which link groups are whole.
class CopyComparison {
 public:
  CopyComparison(const Operation& operation, const CopyRequest& request, CopyFiles& files, LinkGroups& links)
      : operation_(operation), request_(request), files_(files), links_(links) {}

  void directory(TreeNode& node, LowerDirectory lower, std::string& path, size_t depth) {
    if (depth > kDepthMax) operation_.refuse(ELOOP, path, path + ": directories are nested too deeply");
    const size_t length = path.size();
    for (auto& [name, child] : node.children) {
      path += '/' + name;
      entry(*child, lower, name.c_str(), path, depth);
      path.resize(length);
    }
  }

 private:
  void entry(TreeNode& node, LowerDirectory lower, const char* name, std::string& path, size_t depth) {
    struct stat st;
    const bool hasLower = lower.find(operation_, name, path, st);
    if (node.source != kNoSource) {
      node.changed = !hasLower || !sameAttributes(operation_, node, lower, name, path, st, request_.times) ||
                     !sameData(node, lower, name, path);
    }
    if (S_ISDIR(node.mode)) {
      Fd below;
      if (hasLower && S_ISDIR(st.st_mode)) below = openDirectory(operation_, lower.fd, name, path);
      return directory(node, {below.get()}, path, depth + 1);
    }
    const uint32_t group = request_.entries[node.source].linkGroup;
    if (group == 0) return;
    node.linkGroup = links_.of(0, group);
    links_.note(node.linkGroup, node.changed, hasLower ? &st : nullptr);
  }

  bool sameData(const TreeNode& node, LowerDirectory lower, const char* name, const std::string& path) {
    if (!node.isRegular()) return true;
    const CopyEntry& entry = request_.entries[node.source];
    const Fd mine = files_.open(entry);
    const Fd below = openFile(operation_, lower.fd, name, path);
    const bool same = sameContent(operation_, mine.get(), below.get(), path);
    files_.verify(entry, mine.get());
    return same;
  }

  const Operation& operation_;
  const CopyRequest& request_;
  CopyFiles& files_;
  LinkGroups& links_;
};

}  // namespace

void runCopy(Job& job, SpecReader& spec) {
  const Operation operation{job, "copy"};
  const CopyRequest request = readCopyRequest(spec);
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  Fd mounted, view;
  if (!request.link) {
    mounted = openView(job, request.destination, request.userxattr);
    view = Fd(openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!view.valid()) operation.failErrno("openat", "/");
  }
  CopyFiles files(operation, job, request);
  TreeNode root;
  CopyTree tree(operation, request, files, view.get(), root);
  for (const CopyItem& item : request.items) tree.item(item);

  LinkGroups links;
  std::string path;
  CopyComparison(operation, request, files, links).directory(root, {view.get()}, path, 0);
  selectLayer(root, links);
  TarWriter tar(operation, job.fds[0].get());
  writeLayer(operation, tar, root, links, request.times, files);
  FrameWriter result;
  result.u64(tar.sizeBytes());
  result.u64(tar.entryCount());
  succeed(job, result);
}
