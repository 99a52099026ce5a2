// Creates one entry of an archive below its parent, which is held by descriptor.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "listing.h"
#include "member-path.h"
#include "path.h"
#include "times.h"
#include "unpack.h"
#include "xattr.h"

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

// Calls `make` until it does not find the name taken.
template <typename Make>
void Unpacking::replacing(const char* name, const std::string& path, const char* syscall, Make make) {
  if (make()) return;
  if (errno != EEXIST) operation_.failErrno(syscall, path);
  clear(parent_.get(), name, path);
  if (!make()) operation_.failErrno(syscall, path);
}

void Unpacking::createFile(TarReader& reader, const TarMember& member, const char* name, const std::string& path) {
  const Attributes attributes = attributesOf(member);
  // In a snapshot of our own nothing is inherited (the umask is 0, its directories have mode 0700 and no ACL until the
  // end), so most files are right as they are created: two system calls less for each.
  const bool asCreated = intoDirectory() && attributes.uid == geteuid() && attributes.gid == getegid();
  const mode_t mode = asCreated ? attributes.mode & 0777 : 0600;
  Fd fd;
  replacing(name, path, "openat", [&] {
    fd = Fd(openat(parent_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    return fd.valid();
  });
  reader.copyData(member, fd.get(), path);
  // Owner first: changing it clears the setuid bits and capabilities.
  if (!asCreated && fchown(fd.get(), attributes.uid, attributes.gid) != 0) operation_.failOwner("fchown", path, attributes.uid, attributes.gid);
  setXattrs(parent_.get(), name, attributes.xattrs, path);
  const bool hasMode = asCreated && mode == attributes.mode && attributes.xattrs.empty();
  if (!hasMode && fchmod(fd.get(), attributes.mode) != 0) operation_.failErrno("fchmod", path);
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
  const std::string target = cleanMemberPath(member.linkTarget);
  const auto [above, last] = splitLast(target);
  ResolvedPath resolved;
  const int error = resolveInRoot(rootFd_, above, resolved);
  struct stat st;
  Fd from;
  if (error == 0 && resolved.existing == resolved.components.size()) {
    from = openBeneath(rootFd_, joinComponents(resolved.components, resolved.existing).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }
  if (!from.valid() || last.empty() || fstatat(from.get(), last.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || isWhiteoutDevice(st)) {
    if (intoDirectory()) {
      implied_ += 1;
      return;
    }
    operation_.refuse(ENOLINK, path, "the hard link " + path + " leads to " + member.linkTarget + ", which is not there");
  }
  if (S_ISDIR(st.st_mode)) operation_.refuse(EBADMSG, path, "the hard link " + path + " leads to a directory");
  if (joinComponents(resolved.components, resolved.existing) + last == path) return;  // a link to itself
  replacing(name, path, "linkat", [&, to = last.c_str()] { return linkat(from.get(), to, parent_.get(), name, 0) == 0; });
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
  if (fchownat(parent, name, attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0) operation_.failOwner("fchownat", path, attributes.uid, attributes.gid);
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
