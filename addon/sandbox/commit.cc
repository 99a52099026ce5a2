// Commits an upperdir: compares it with the layers below and streams what differs as a canonical tar.
//
// Specification: view of the lowers, bytes upper (on the host), bool userxattr, time policy, u32 count of stubs each
// (u8 kind: 0 file, 1 directory; bytes path), bool normalise, bool whole. Descriptor 0: where the tar goes.
// Result: u64 bytes of the tar, u64 entries.
//
// `whole`: no upperdir but a tree that began as a copy of the view (duplicate.cc). Whatever it has not is gone, and nothing in
// it is overlayfs's. Its layer is the one that an upperdir gives, because both follow the same comparison.
//
// Nothing else uses the upperdir meanwhile: the step's pid namespace is dead and its overlay unmounted.
#include <fcntl.h>
#include <sys/vfs.h>

#include <algorithm>

#include "listing.h"
#include "normalise.h"
#include "path.h"
#include "tree.h"
#include "upper-walk.h"
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
  bool whole;
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
  request.whole = spec.boolean();
  return request;
}

// Whether a path does not lead to a stub any more: a step has removed it, or put something else above it.
bool isGone(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV; }

// Removes what was made only to mount over it, if it is still what was made: an empty file or an empty directory. The
// step may have put a link in its place or above it, which is never followed (CVE-2024-23652).
void removeStub(const Operation& operation, int upperFd, const Stub& stub) {
  const size_t start = stub.path.find_first_not_of('/');
  if (start == std::string::npos) return;
  const std::string path = stub.path.substr(start);
  const size_t slash = path.rfind('/');
  const std::string parentPath = slash == std::string::npos ? "" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  Fd parent = openBeneath(upperFd, parentPath.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!parent.valid()) {
    if (isGone(errno)) return;
    operation.failErrno("openat2", stub.path);
  }
  struct stat st;
  if (fstatat(parent.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (isGone(errno)) return;
    operation.failErrno("fstatat", stub.path);
  }
  const bool isStub = stub.isDirectory ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode) && st.st_size == 0;
  if (!isStub || unlinkat(parent.get(), name.c_str(), stub.isDirectory ? AT_REMOVEDIR : 0) == 0) return;
  // A directory that the step put something into stays, and then it is part of the layer. Every other refusal is a
  // failure: a layer with our mount points in it would be kept as the step's result.
  if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT) operation.failErrno("unlinkat", stub.path);
}

void removeStubs(const Operation& operation, int upperFd, std::vector<Stub> stubs) {
  // Longer paths first: children before the parents that were made for them.
  std::stable_sort(stubs.begin(), stubs.end(), [](const Stub& a, const Stub& b) { return a.path.size() > b.path.size(); });
  for (const Stub& stub : stubs) removeStub(operation, upperFd, stub);
}

// From this size on a file is asked for whether the disk has room for it once more. A step can make a file of terabytes
// that takes no room (lseek(2)), and its layer would fill the disk first and fail then, under everybody else.
constexpr uint64_t kRoomCheckedBytes = 1 << 30;

void requireRoom(const Operation& operation, int file, uint64_t sizeBytes, const std::string& path) {
  struct statfs disk{};
  if (fstatfs(file, &disk) != 0) operation.failErrno("fstatfs", path);
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * static_cast<uint64_t>(disk.f_bsize);
  if (sizeBytes > free) operation.failWith("write", ENOSPC, "/" + path);
}

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
    if (node.sizeBytes >= kRoomCheckedBytes) requireRoom(operation_, file.get(), node.sizeBytes, path);
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
  removeStubs(operation, upper.get(), request.stubs);
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
  const UpperForm form = request.whole ? UpperForm::Tree : request.userxattr ? UpperForm::UserXattr : UpperForm::Overlay;
  UpperWalk(operation, form, request.times, links).directory(root, upper.get(), {lowers.get()}, rootXattrs.opaque || request.whole, path, 0);
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
