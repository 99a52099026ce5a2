#include "unpack.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "listing.h"
#include "member-path.h"
#include "path.h"
#include "times.h"
#include "xattr.h"

namespace {

constexpr const char* kWhiteout = ".wh.";
constexpr const char* kOpaque = ".wh..wh..opq";
constexpr const char* kAufs = ".wh..wh.";  // other bookkeeping of aufs, which layers of old Dockers hold

bool startsWith(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

bool hasWhiteoutComponent(const std::string& parent) {
  return startsWith(parent, kWhiteout) || parent.find("/.wh.") != std::string::npos;
}

}  // namespace

Unpacking::Unpacking(const Operation& operation, int rootFd, UnpackPolicy policy)
    : operation_(operation), rootFd_(rootFd), policy_(std::move(policy)) {
  umask(0);
}

void Unpacking::member(TarReader& reader, const TarMember& member) {
  const std::string path = cleanMemberPath(member.path);
  if (path.empty()) {
    // The root's own entry says nothing: an archive's must not change the destination, a layer's has no place to go.
    if (member.type == '5') return;
    operation_.refuse(EBADMSG, member.path, "the archive's entry for its root is not a directory");
  }
  const auto [parent, name] = splitLast(path);
  if (name.size() > 255) operation_.refuse(ENAMETOOLONG, path, "a name in the archive has more than 255 bytes");
  if (member.type == 'V') return;  // GNU volume label
  if (startsWith(name, kWhiteout) || hasWhiteoutComponent(parent)) {
    if (!layer()) {
      operation_.refuse(EINVAL, path, "/" + policy_.shown + path + ": an image cannot hold a file whose name starts with .wh.");
    }
    if (name != kOpaque && (startsWith(path, kAufs) || path.find("/.wh..wh.") != std::string::npos)) return;
    if (hasWhiteoutComponent(parent)) operation_.refuse(EBADMSG, path, "a whiteout is used as a directory");
    enterParent(parent);
    if (name == kOpaque) return opaque(path);
    return whiteout(name.substr(4), path);
  }
  enterParent(parent);
  create(reader, member, name, parentPath_ + name);
  if (intoView()) noteMade(parentPath_ + name);
}

// The directories above are needed too, even where they came from below.
void Unpacking::noteMade(std::string path) {
  while (!path.empty() && made_.insert(path).second) {
    path = splitLast(path).first;
    if (!path.empty()) path.pop_back();
  }
}

// Leaves the parent's descriptor and resolved path in parent_ and parentPath_, making what is missing.
void Unpacking::enterParent(const std::string& parent) {
  if (parentValid_ && parent == parentAsked_) return;
  parentValid_ = false;
  ResolvedPath resolved;
  int error = resolveInRoot(rootFd_, parent, resolved);
  if (error == ENOTDIR && intoDirectory() && clearWhiteoutAbove(parent)) error = resolveInRoot(rootFd_, parent, resolved);
  if (error != 0) operation_.failWith("resolve", error, parent);
  if (resolved.components.size() > kDepthMax) operation_.refuse(ELOOP, parent, "directories are nested too deeply");
  makeMissing(resolved.components, resolved.existing);
  parentPath_ = joinComponents(resolved.components, resolved.components.size());
  parent_ = openBeneath(rootFd_, parentPath_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!parent_.valid()) operation_.failErrno("openat2", parent);
  parentAsked_ = parent;
  parentValid_ = true;
}

// `.wh.a` and then `a/b`: the whiteout becomes a directory that hides the one below.
bool Unpacking::clearWhiteoutAbove(const std::string& parent) {
  for (size_t slash = parent.find('/'); slash != std::string::npos; slash = parent.find('/', slash + 1)) {
    ResolvedPath resolved;
    if (resolveInRoot(rootFd_, parent.substr(0, slash), resolved) != 0 || resolved.existing == 0) continue;
    if (resolved.existing < resolved.components.size()) continue;
    const std::string above = joinComponents(resolved.components, resolved.existing - 1);
    const std::string& name = resolved.components.back();
    const Fd fd = openBeneath(rootFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat st;
    if (!fd.valid() || fstatat(fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !isWhiteoutDevice(st)) continue;
    makeDirectory(fd.get(), name, above + name);
    directories_.try_emplace(above + name);
    implied_ += 1;
    return true;
  }
  return false;
}

void Unpacking::makeMissing(const std::vector<std::string>& components, size_t existing) {
  for (size_t i = existing; i < components.size(); i++) {
    const std::string above = joinComponents(components, i);
    const Fd fd = openBeneath(rootFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.valid()) operation_.failErrno("openat2", above);
    if (mkdirat(fd.get(), components[i].c_str(), 0700) != 0) operation_.failErrno("mkdirat", above + components[i]);
    Attributes attributes;
    if (policy_.hasOwner && policy_.ownsMissing) {
      attributes.uid = policy_.uid;
      attributes.gid = policy_.gid;
    }
    attributes.mtimeSeconds = kRootSeconds;
    attributes.hasTime = layer();
    directories_[above + components[i]] = attributes;
    implied_ += 1;
  }
}

// A directory that is there stays; over a whiteout of this layer it must hide what the whiteout hid.
void Unpacking::makeDirectory(int parentFd, const std::string& name, const std::string& path) {
  if (mkdirat(parentFd, name.c_str(), 0700) == 0) return;
  struct stat st;
  if (errno != EEXIST || fstatat(parentFd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("mkdirat", path);
  if (S_ISDIR(st.st_mode)) return;
  clear(parentFd, name.c_str(), path);
  if (mkdirat(parentFd, name.c_str(), 0700) != 0) operation_.failErrno("mkdirat", path);
  if (intoDirectory() && isWhiteoutDevice(st) && !setXattr(parentFd, name.c_str(), opaqueKey(), "y")) {
    operation_.failErrno("lsetxattr", path);
  }
}

void Unpacking::clear(int parentFd, const char* name, const std::string& path) {
  removeEntry(operation_, parentFd, name, path);
  // What was below a directory that is gone has no attributes to set.
  directories_.erase(path);
  const std::string below = path + '/';
  auto at = directories_.lower_bound(below);
  while (at != directories_.end() && startsWith(at->first, below.c_str())) at = directories_.erase(at);
  parentValid_ = false;
}

void Unpacking::finish() {
  // Children first: a directory may forbid entering it.
  for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) finishDirectory(at->first, at->second);
  if (!layer()) return;
  if (fchown(rootFd_, 0, 0) != 0) operation_.failErrno("fchown", "/");
  if (fchmod(rootFd_, kRootMode) != 0) operation_.failErrno("fchmod", "/");
  if (setTimeAt(rootFd_, ".", kRootSeconds) != 0) operation_.failErrno("utimensat", "/");
}

void Unpacking::finishDirectory(const std::string& path, const Attributes& attributes) {
  const Fd fd = openBeneath(rootFd_, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd.valid()) operation_.failErrno("openat2", path);
  if (fchown(fd.get(), attributes.uid, attributes.gid) != 0) operation_.failOwner("fchown", path, attributes.uid, attributes.gid);
  setXattrs(fd.get(), ".", attributes.xattrs, path);
  if (fchmod(fd.get(), attributes.mode) != 0) operation_.failErrno("fchmod", path);
  if (!attributes.hasTime) return;
  if (setTimeAt(fd.get(), ".", attributes.mtimeSeconds, attributes.mtimeNanoseconds) != 0) {
    operation_.failErrno("utimensat", path);
  }
}
