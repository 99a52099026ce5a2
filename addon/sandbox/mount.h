// The mount system calls that work on descriptors (fsopen(2) and its family, Linux 5.2 to 6.5), called directly so that
// a C library older than they are does. Each returns as the kernel does: -1 and errno, or an invalid Fd.
#pragma once
#include <linux/mount.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fd.h"

// What a failed step of a longer work was, for `fail`.
struct Failure {
  const char* syscall = "";
  int error = 0;
  std::string path;
  std::string detail;
};

using MountOptions = std::vector<std::pair<std::string, std::string>>;  // an empty value makes a flag

// A detached mount of a new file system instance; `attributes` are MOUNT_ATTR_* of fsmount(2).
// Invalid on failure, with the kernel's own words in `failure.detail` where it gives some.
Fd createMount(const char* fsType, const MountOptions& options, uint64_t attributes, Failure& failure);
// A detached copy of what the descriptor refers to; only `recursive` with what is mounted below.
Fd cloneTree(int fd, bool recursive);
// Attaches a detached mount on the file or directory that the descriptor refers to.
int attachMount(int mountFd, int targetFd);
// Attaches a mount on top of this process's root directory: there it is out of the way of every path, belongs to the
// mount namespace, so that clones of its subtrees may be taken, and vanishes when the old root is left.
int attachAside(int mountFd);
// With MOUNT_ATTR_IDMAP among the attributes, the mount shows the ids of files as those of that user namespace.
int setMountAttributes(int mountFd, uint64_t attributes, bool recursive, int userNamespace = -1);
int makeAllPrivate();
// Makes the current directory this process's root: that of the mount that was put aside last. Detaches the old root.
int pivotRootHere();
