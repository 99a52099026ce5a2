// Commits an upperdir: compares it with the layers below and streams what differs as a canonical tar.
//
// Specification: view of the lowers, bytes upper (on the host), bool userxattr, time policy, u32 count of stubs each
// (u8 kind: 0 file, 1 directory; bytes path), bool normalise. Descriptor 0: where the tar goes.
// Result: u64 bytes of the tar, u64 entries.
//
// Nothing else uses the upperdir meanwhile: the step's pid namespace is dead and its overlay unmounted.
#include <fcntl.h>

#include <algorithm>

#include "compare.h"
#include "listing.h"
#include "normalise.h"
#include "path.h"
#include "tree.h"
#include "view.h"

namespace {

struct Stub {
  bool isDirectory;
  std::string path;
};

struct CommitRequest {
  ViewSpec lowers;
  std::string upper;
  bool userxattr;
  TimePolicy times;
  std::vector<Stub> stubs;
  bool normalise;
};

CommitRequest readRequest(SpecReader& spec) {
  CommitRequest request;
  request.lowers = readViewSpec(spec);
  request.upper = spec.string();
  request.userxattr = spec.boolean();
  request.times = readTimePolicy(spec);
  const uint32_t count = spec.u32();
  for (uint32_t i = 0; i < count && !spec.failed(); i++) {
    const bool isDirectory = spec.u8() == 1;
    request.stubs.push_back({isDirectory, spec.string()});
  }
  request.normalise = spec.boolean();
  return request;
}

// Removes what was made only to mount over it, if it is still what was made: an empty file or an empty directory. The
// step may have put a link in its place or above it, which is never followed (CVE-2024-23652).
void removeStub(int upperFd, const Stub& stub) {
  const size_t start = stub.path.find_first_not_of('/');
  if (start == std::string::npos) return;
  const std::string path = stub.path.substr(start);
  const size_t slash = path.rfind('/');
  const std::string parentPath = slash == std::string::npos ? "" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  Fd parent = openBeneath(upperFd, parentPath.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  struct stat st;
  if (!parent.valid() || fstatat(parent.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return;
  // What cannot be removed stays, and then it is part of the layer: rmdir refuses what is not empty.
  if (stub.isDirectory && S_ISDIR(st.st_mode)) (void)unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
  if (!stub.isDirectory && S_ISREG(st.st_mode) && st.st_size == 0) (void)unlinkat(parent.get(), name.c_str(), 0);
}

void removeStubs(int upperFd, std::vector<Stub> stubs) {
  // Longer paths first: children before the parents that were made for them.
  std::stable_sort(stubs.begin(), stubs.end(), [](const Stub& a, const Stub& b) { return a.path.size() > b.path.size(); });
  for (const Stub& stub : stubs) removeStub(upperFd, stub);
}

// The walk over the upperdir and, in step with it, over the same directories of the merged lower view.
class UpperWalk {
 public:
  UpperWalk(const Operation& operation, const CommitRequest& request, LinkGroups& links)
      : operation_(operation), request_(request), links_(links) {}

  // `hidden`: nothing of the lower directory shows through, because this one or one above it replaced it.
  void directory(TreeNode& node, int upperFd, LowerDirectory lower, bool hidden, std::string& path, size_t depth) {
    if (depth > kDepthMax) operation_.refuse(ELOOP, path, "/" + path + ": directories are nested too deeply");
    const size_t length = path.size();
    for (const std::string& name : listNames(operation_, upperFd, path)) {
      path += name;
      node.children[name] = entry(upperFd, name.c_str(), lower, hidden, path, depth);
      path.resize(length);
    }
    if (hidden && lower.exists()) addMissing(node, lower, path);
  }

 private:
  std::unique_ptr<TreeNode> entry(int upperFd, const char* name, LowerDirectory lower, bool hidden, std::string& path,
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
    XattrReading xattrs = readXattrs(operation_, upperFd, name, path, request_.userxattr);
    if ((S_ISCHR(st.st_mode) && st.st_rdev == 0) || (xattrs.whiteout && S_ISREG(st.st_mode) && st.st_size == 0)) {
      node->kind = hasLower ? TreeNode::Kind::Whiteout : TreeNode::Kind::Absent;
      return node;
    }
    if (xattrs.unsupported != nullptr) {
      operation_.refuse(ENOTSUP, path, "/" + path + ": overlayfs used " + xattrs.unsupported + ", which was switched off");
    }
    setAttributes(*node, st);
    node->xattrs = std::move(xattrs.kept);
    node->stray = std::move(xattrs.stray);
    if (S_ISDIR(st.st_mode)) {
      subdirectory(*node, upperFd, name, lower, hasLower ? &lowerStat : nullptr, hidden || xattrs.opaque, path, depth);
    } else {
      leaf(*node, upperFd, name, lower, hasLower ? &lowerStat : nullptr, st, path);
    }
    return node;
  }

  void subdirectory(TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const struct stat* lowerStat,
                    bool hidden, std::string& path, size_t depth) {
    node.changed = lowerStat == nullptr ||
                   !sameAttributes(operation_, node, lower, name, path, *lowerStat, request_.times);
    Fd upper = openDirectory(operation_, upperFd, name, path);
    Fd below;
    if (lowerStat != nullptr && S_ISDIR(lowerStat->st_mode)) below = openDirectory(operation_, lower.fd, name, path);
    path += '/';
    directory(node, upper.get(), {below.get()}, hidden, path, depth + 1);
  }

  void leaf(TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const struct stat* lowerStat,
            const struct stat& st, const std::string& path) {
    if (S_ISLNK(st.st_mode)) node.linkTarget = readLinkTarget(operation_, upperFd, name, path);
    node.changed = lowerStat == nullptr ||
                   !sameAttributes(operation_, node, lower, name, path, *lowerStat, request_.times) ||
                   !sameData(node, upperFd, name, lower, path);
    if (st.st_nlink > 1) {
      node.linkGroup = links_.of(st.st_dev, st.st_ino);
      links_.note(node.linkGroup, node.changed, lowerStat);
    }
  }

  bool sameData(const TreeNode& node, int upperFd, const char* name, LowerDirectory lower, const std::string& path) {
    if (!node.isRegular() || node.sizeBytes == 0) return true;
    const Fd mine = openFile(operation_, upperFd, name, path);
    const Fd below = openFile(operation_, lower.fd, name, path);
    return sameContent(operation_, mine.get(), below.get(), path);
  }

  // What the replaced directory had and this one has not, name by name: an opaque marker would depend on how the kernel
  // saw the change.
  void addMissing(TreeNode& node, LowerDirectory lower, const std::string& path) {
    for (const std::string& name : listNames(operation_, lower.fd, path)) {
      struct stat st;
      if (node.children.contains(name) || !lower.find(operation_, name.c_str(), path, st)) continue;
      auto whiteout = std::make_unique<TreeNode>();
      whiteout->kind = TreeNode::Kind::Whiteout;
      node.children[name] = std::move(whiteout);
    }
  }

  const Operation& operation_;
  const CommitRequest& request_;
  LinkGroups& links_;
};

// Streams file data from the upperdir, one open directory for each level.
class UpperSource final : public LayerSource {
 public:
  UpperSource(const Operation& operation, int upperFd) : operation_(operation), upperFd_(upperFd) {}

  void enterDirectory(const std::string& name, const std::string& path) override {
    Fd fd(openat(top(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) operation_.failErrno("openat", path);
    stack_.push_back(std::move(fd));
  }
  void leaveDirectory() override { stack_.pop_back(); }

  void writeData(TarWriter& tar, const TreeNode& node, const std::string& name, const std::string& path) override {
    if (node.sizeBytes == 0) return;
    const Fd file = openFile(operation_, top(), name.c_str(), path);
    struct stat st;
    const bool whole = tar.copyData(file.get(), node.sizeBytes, path);
    if (fstat(file.get(), &st) != 0) operation_.failErrno("fstat", path);
    if (!whole || static_cast<uint64_t>(st.st_size) != node.sizeBytes) {
      operation_.refuse(EBUSY, path, "/" + path + ": changed while it was committed");
    }
  }

 private:
  int top() const { return stack_.empty() ? upperFd_ : stack_.back().get(); }

  const Operation& operation_;
  int upperFd_;
  std::vector<Fd> stack_;
};

}  // namespace

void runCommit(Job& job, SpecReader& spec) {
  const Operation operation{job, "commit layer"};
  const CommitRequest request = readRequest(spec);
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  const Fd upper(open(request.upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!upper.valid()) operation.failErrno("open", request.upper);
  removeStubs(upper.get(), request.stubs);
  const Fd lowerRoot = openView(job, request.lowers, request.userxattr);
  const Fd lowers(openat(lowerRoot.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lowers.valid()) operation.failErrno("openat", "/");

  TreeNode root;
  LinkGroups links;
  root.mode = kRootMode | S_IFDIR;
  XattrReading rootXattrs = readXattrs(operation, upper.get(), ".", "/", request.userxattr);
  root.stray = std::move(rootXattrs.stray);
  for (const auto& [key, value] : rootXattrs.kept) root.stray.push_back(key);  // the root has no entry to carry them
  std::string path;
  UpperWalk(operation, request, links).directory(root, upper.get(), {lowers.get()}, rootXattrs.opaque, path, 0);
  selectLayer(root, links);

  TarWriter tar(operation, job.fds[0].get());
  UpperSource source(operation, upper.get());
  writeLayer(operation, tar, root, links, request.times, source);
  if (request.normalise) normaliseUpper(operation, upper.get(), root, request.times);
  FrameWriter result;
  result.u64(tar.sizeBytes());
  result.u64(tar.entryCount());
  succeed(job, result);
}
