#include "unpack.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "listing.h"
#include "path.h"
#include "times.h"
#include "xattr.h"

namespace {

constexpr const char* kWhiteout = ".wh.";
constexpr const char* kOpaque = ".wh..wh..opq";
constexpr const char* kAufs = ".wh..wh.";  // other bookkeeping of aufs, which layers of old Dockers hold

bool startsWith(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

bool isWhiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == 0; }

std::string join(const std::vector<std::string>& components, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; i++) path += components[i] + '/';
  return path;
}

// `a/b/c` -> `a/b/` and `c`.
std::pair<std::string, std::string> splitLast(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

bool hasWhiteoutComponent(const std::string& parent) {
  return startsWith(parent, kWhiteout) || parent.find("/.wh.") != std::string::npos;
}

}  // namespace

std::string cleanMemberPath(const std::string& path) {
  std::vector<std::string> components;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    if (part == "..") {
      if (!components.empty()) components.pop_back();
    } else if (!part.empty() && part != ".") {
      components.push_back(part);
    }
    at = slash + 1;
  }
  std::string clean = join(components, components.size());
  if (!clean.empty()) clean.pop_back();
  return clean;
}

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
      operation_.refuse(EINVAL, path, "/" + policy_.base + path + ": an image cannot hold a file whose name starts with .wh.");
    }
    if (name != kOpaque && (startsWith(path, kAufs) || path.find("/.wh..wh.") != std::string::npos)) return;
    if (hasWhiteoutComponent(parent)) operation_.refuse(EBADMSG, path, "a whiteout is used as a directory");
    enterParent(policy_.base + parent);
    if (name == kOpaque) return opaque(path);
    return whiteout(name.substr(4), path);
  }
  enterParent(policy_.base + parent);
  create(reader, member, name, parentPath_ + name);
  if (intoView()) made_.insert(parentPath_ + name);
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
  parentPath_ = join(resolved.components, resolved.components.size());
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
    const std::string above = join(resolved.components, resolved.existing - 1);
    const std::string& name = resolved.components.back();
    const Fd fd = openBeneath(rootFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat st;
    if (!fd.valid() || fstatat(fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !isWhiteout(st)) continue;
    makeDirectory(fd.get(), name, above + name);
    directories_.try_emplace(above + name);
    implied_ += 1;
    return true;
  }
  return false;
}

void Unpacking::makeMissing(const std::vector<std::string>& components, size_t existing) {
  for (size_t i = existing; i < components.size(); i++) {
    const std::string above = join(components, i);
    const Fd fd = openBeneath(rootFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.valid()) operation_.failErrno("openat2", above);
    if (mkdirat(fd.get(), components[i].c_str(), 0700) != 0) operation_.failErrno("mkdirat", above + components[i]);
    Attributes attributes;
    if (policy_.hasOwner) {
      attributes.uid = policy_.uid;
      attributes.gid = policy_.gid;
    }
    attributes.mtimeSeconds = kRootSeconds;
    attributes.hasTime = layer();
    directories_[above + components[i]] = attributes;
    implied_ += 1;
  }
}

void Unpacking::create(TarReader& reader, const TarMember& member, const std::string& name, const std::string& path) {
  switch (member.type) {
    case '0': return createFile(reader, member, name.c_str(), path);
    case '1': return createHardLink(member, name.c_str(), path);
    case '2': return createSymbolicLink(member, name.c_str(), path);
    case '3':
    case '4':
    case '6': return createNode(member, name.c_str(), path);
    case '5':
      makeDirectory(parent_.get(), name, path);
      directories_[path] = attributesOf(member);
      return;
    default:
      operation_.refuse(EBADMSG, path, "entry " + path + " has the unknown type '" + std::string(1, member.type) + "'");
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
  if (intoDirectory() && isWhiteout(st) && !setXattr(parentFd, name.c_str(), opaqueKey(), "y")) {
    operation_.failErrno("lsetxattr", path);
  }
}

// Calls `make` until it does not find the name taken.
template <typename Make>
void Unpacking::replacing(const char* name, const std::string& path, const char* syscall, Make make) {
  if (make()) return;
  if (errno != EEXIST) operation_.failErrno(syscall, path);
  clear(parent_.get(), name, path);
  if (!make()) operation_.failErrno(syscall, path);
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

void Unpacking::createFile(TarReader& reader, const TarMember& member, const char* name, const std::string& path) {
  const Attributes attributes = attributesOf(member);
  Fd fd;
  replacing(name, path, "openat", [&] {
    fd = Fd(openat(parent_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return fd.valid();
  });
  reader.copyData(member, fd.get(), path);
  // Owner first: changing it clears the setuid bits and capabilities.
  if (fchown(fd.get(), attributes.uid, attributes.gid) != 0) operation_.failErrno("fchown", path);
  setXattrs(parent_.get(), name, attributes.xattrs, path);
  if (fchmod(fd.get(), attributes.mode) != 0) operation_.failErrno("fchmod", path);
  const struct timespec time = {attributes.mtimeSeconds, attributes.mtimeNanoseconds};
  const struct timespec times[2] = {time, time};
  if (futimens(fd.get(), times) != 0) operation_.failErrno("futimens", path);
}

void Unpacking::createSymbolicLink(const TarMember& member, const char* name, const std::string& path) {
  if (member.linkTarget.empty()) operation_.refuse(EBADMSG, path, "the symbolic link " + path + " has no target");
  replacing(name, path, "symlinkat", [&] { return symlinkat(member.linkTarget.c_str(), parent_.get(), name) == 0; });
  setOwnerAndMode(name, attributesOf(member), true, path);
}

// The target is a path in the archive, resolved like every other; a link at its end is linked, not followed.
void Unpacking::createHardLink(const TarMember& member, const char* name, const std::string& path) {
  const std::string target = policy_.base + cleanMemberPath(member.linkTarget);
  const auto [above, last] = splitLast(target);
  ResolvedPath resolved;
  const int error = resolveInRoot(rootFd_, above, resolved);
  struct stat st;
  Fd from;
  if (error == 0 && resolved.existing == resolved.components.size()) {
    from = openBeneath(rootFd_, join(resolved.components, resolved.existing).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }
  if (!from.valid() || last.empty() || fstatat(from.get(), last.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || isWhiteout(st)) {
    operation_.refuse(ENOLINK, path, "the hard link " + path + " leads to " + member.linkTarget + ", which is not there");
  }
  if (S_ISDIR(st.st_mode)) operation_.refuse(EBADMSG, path, "the hard link " + path + " leads to a directory");
  if (join(resolved.components, resolved.existing) + last == path) return;  // a link to itself
  replacing(name, path, "linkat", [&] { return linkat(from.get(), last.c_str(), parent_.get(), name, 0) == 0; });
}

void Unpacking::createNode(const TarMember& member, const char* name, const std::string& path) {
  const mode_t type = member.type == '3' ? S_IFCHR : member.type == '4' ? S_IFBLK : S_IFIFO;
  if (type == S_IFCHR && member.rdev == 0) {
    // Overlayfs's whiteout in the open, as buggy builders wrote it; Docker's snapshotters take it for one, too.
    if (layer()) return whiteout(name, path);
    operation_.refuse(EBADMSG, path, "/" + path + ": a device 0:0 cannot be in an image");
  }
  bool refused = false;
  replacing(name, path, "mknodat", [&] {
    if (mknodat(parent_.get(), name, type | 0600, member.rdev) == 0) return true;
    // In a user namespace nobody can make devices; a build does not need them, and /dev is mounted over.
    refused = errno == EPERM && type != S_IFIFO;
    return refused;
  });
  if (refused) return warn(operation_.job, "/" + path + ": a device cannot be made here, it is left out");
  setOwnerAndMode(name, attributesOf(member), false, path);
}

void Unpacking::setOwnerAndMode(const char* name, const Attributes& attributes, bool isLink, const std::string& path) {
  const int parent = parent_.get();
  if (fchownat(parent, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fchownat", path);
  setXattrs(parent, name, attributes.xattrs, path);
  // The name was made just now and nobody else is here, so it is not a link that this would follow.
  if (!isLink && fchmodat(parent, name, attributes.mode, 0) != 0) operation_.failErrno("fchmodat", path);
  if (setTimeAt(parent, name, attributes.mtimeSeconds, attributes.mtimeNanoseconds) != 0) operation_.failErrno("utimensat", path);
}

Unpacking::Attributes Unpacking::attributesOf(const TarMember& member) const {
  Attributes attributes;
  attributes.mode = policy_.hasMode && member.type != '2' ? policy_.mode : member.mode;
  attributes.uid = policy_.hasOwner ? policy_.uid : member.uid;
  attributes.gid = policy_.hasOwner ? policy_.gid : member.gid;
  attributes.mtimeSeconds = member.mtimeSeconds;
  attributes.mtimeNanoseconds = member.mtimeNanoseconds;
  attributes.hasTime = true;
  // overlay.* in an archive would be state of our mounts, given by whoever made it.
  for (const auto& [key, value] : member.xattrs) {
    if (belongsInLayer(key)) attributes.xattrs.emplace_back(key, value);
  }
  return attributes;
}

void Unpacking::setXattrs(int dirFd, const char* name, const Xattrs& xattrs, const std::string& path) {
  for (auto [key, value] : xattrs) {
    if (key == "security.capability") toPortableCapability(value);
    if (!setXattr(dirFd, name, key, value)) operation_.failErrno("lsetxattr", path + " " + key);
  }
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
  if (fchown(fd.get(), attributes.uid, attributes.gid) != 0) operation_.failErrno("fchown", path);
  setXattrs(fd.get(), ".", attributes.xattrs, path);
  if (fchmod(fd.get(), attributes.mode) != 0) operation_.failErrno("fchmod", path);
  if (!attributes.hasTime) return;
  if (setTimeAt(fd.get(), ".", attributes.mtimeSeconds, attributes.mtimeNanoseconds) != 0) {
    operation_.failErrno("utimensat", path);
  }
}
