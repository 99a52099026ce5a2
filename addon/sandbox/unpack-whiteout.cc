// What the whiteouts of a layer do (OCI image spec, layer.md#whiteouts): they hide what lies below the layer, never what
// the layer itself brings, wherever in the archive they stand.
#include <fcntl.h>

#include <cerrno>

#include "listing.h"
#include "unpack.h"
#include "xattr.h"

void Unpacking::whiteout(const std::string& name, const std::string& path) {
  if (name.empty() || name == "." || name == "..") operation_.refuse(EBADMSG, path, "/" + path + ": a whiteout of nothing");
  if (intoView()) {
    deleteBelow(parent_.get(), name, parentPath_ + name);
  } else {
    makeWhiteout(name.c_str(), path);
  }
}

void Unpacking::makeWhiteout(const char* name, const std::string& path) {
  if (mknodat(parent_.get(), name, S_IFCHR, 0) == 0) return;
  struct stat st;
  if (errno != EEXIST || fstatat(parent_.get(), name, &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("mknodat", path);
  // Anything but a directory hides what is below by itself.
  if (!S_ISDIR(st.st_mode)) return;
  if (!setXattr(parent_.get(), name, opaqueKey(), "y")) operation_.failErrno("lsetxattr", path);
}

// The parent hides everything below it.
void Unpacking::opaque(const std::string& path) {
  if (intoView()) {
    deleteLower(parent_.get(), parentPath_);
    parentValid_ = false;
    return;
  }
  // Overlayfs does not look for the marker on a layer's root; only a view of the layers below knows the names.
  if (parentPath_.empty()) implied_ += 1;
  if (!setXattr(parent_.get(), ".", opaqueKey(), "y")) operation_.failErrno("lsetxattr", path);
}

void Unpacking::deleteLower(int dirFd, const std::string& path) {
  const Fd fd(openat(dirFd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) operation_.failErrno("openat", path);
  for (const std::string& name : listNames(operation_, fd.get(), path)) {
    deleteBelow(dirFd, name, path + name);
  }
}

// Deletes what the layers below have at the path. A directory keeps what this layer put into it, and nothing else.
void Unpacking::deleteBelow(int dirFd, const std::string& name, const std::string& path) {
  if (!made_.contains(path)) return clear(dirFd, name.c_str(), path);
  struct stat st;
  if (fstatat(dirFd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fstatat", path);
  if (S_ISDIR(st.st_mode)) deleteLower(openDirectory(operation_, dirFd, name.c_str(), path).get(), path + '/');
}
