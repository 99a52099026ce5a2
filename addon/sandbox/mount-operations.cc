// Operations that mount. All run in the step's process, in its own mount namespace, before the root is changed and
// before any privilege is given up (see operations.h).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "mount-view.h"
#include "operations.h"
#include "path.h"
#include "target.h"

namespace {

bool isDirectory(StepContext& step, int fd, const std::string& path) {
  struct stat status{};
  if (fstat(fd, &status) != 0) step.failErrno("fstat", path);
  return S_ISDIR(status.st_mode);
}

void keep(StepContext& step, const std::string& name, Fd mount, bool hostile) {
  const uint64_t id = mountIdOf(mount.get());
  step.slots[name] = {std::move(mount), hostile, id};
}

void copyMode(StepContext& step, int from, int to, const std::string& path) {
  struct stat status{};
  if (fstat(from, &status) != 0) step.failErrno("fstat", path);
  if (fchmodat(to, ".", status.st_mode & 07777, 0) != 0) step.failErrno("fchmodat", path);
}

// Attaches a copy of what `source` refers to, and returns it. `path` is for errors.
Fd bindOver(StepContext& step, int source, int target, uint64_t attributes, const std::string& path, bool recursive = false) {
  Fd tree = cloneTree(source, recursive);
  if (!tree.valid()) step.failErrno("open_tree", path);
  if (setMountAttributes(tree.get(), attributes, recursive, step.userNamespace.get()) != 0) step.failErrno("mount_setattr", path);
  if (attachMount(tree.get(), target) != 0) step.failErrno("move_mount", path);
  return tree;
}

// The part of a kernel file system that a mask or protection is for; invalid where this kernel has no such file.
Fd openPart(StepContext& step, const Slot& slot, const std::string& path) {
  Fd part = openBeneath(slot.fd.get(), path.c_str(), O_PATH);
  if (!part.valid() && errno != ENOENT) step.failErrno("openat2", path);
  return part;
}

}  // namespace

// slot, view, bool userxattr, u64 attributes: mounts a stack of layers out of the way, under a name.
void mountViewAside(StepContext& step) {
  const std::string name = step.spec.string();
  const ViewSpec view = readViewSpec(step.spec);
  const bool userxattr = step.spec.boolean();
  const uint64_t attributes = step.spec.u64();
  step.requireSpec();
  Failure failure;
  Fd mount = mountView(view, userxattr, attributes, failure, step.userNamespace.get());
  if (!mount.valid()) step.failWith(failure);
  const bool isAside = view.lowers.empty() && view.upper.empty();  // the empty directory: mountView put it there
  if (!isAside && attachAside(mount.get()) != 0) step.failErrno("move_mount", "/");
  keep(step, name, std::move(mount), true);
}

// slot, path: names a directory of the host. What is in it is hostile: earlier steps wrote it, and others may write to it
// now, so that every path below it is resolved by the kernel, in one call, inside it (CVE-2024-23651).
void openTree(StepContext& step) {
  const std::string name = step.spec.string();
  const std::string path = step.spec.string();
  step.requireSpec();
  Fd tree(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!tree.valid()) step.failErrno("open", path);
  keep(step, name, std::move(tree), true);
}

// type, options, u64 attributes, slot (may be empty), place (slot empty: aside), bool mode of the target, bool optional:
// mounts a new file system. With the mode of the target it takes the permissions of the directory that it hides, if that was
// there; an optional one that the kernel refuses is passed over.
void mountFileSystem(StepContext& step) {
  const std::string type = step.spec.string();
  MountOptions options;
  const uint32_t count = step.spec.u32();
  for (uint32_t i = 0; i < count && !step.spec.failed(); i++) {
    std::string key = step.spec.string();
    options.emplace_back(std::move(key), step.spec.string());
  }
  const uint64_t attributes = step.spec.u64();
  const std::string name = step.spec.string();
  const Place place = step.readPlace();
  const bool modeOfTarget = step.spec.boolean();
  const bool optional = step.spec.boolean();
  step.requireSpec();
  Failure failure;
  Fd mount = createMount(type.c_str(), options, attributes, failure);
  if (!mount.valid() && optional) return;
  if (!mount.valid()) step.failWith(failure);
  if (place.slot.empty()) {
    if (attachAside(mount.get()) != 0) step.failErrno("move_mount", "/");
  } else {
    bool made = false;
    Fd target = openTarget(step, place, true, &made);
    if (modeOfTarget && !made) copyMode(step, target.get(), mount.get(), place.path);
    if (attachMount(mount.get(), target.get()) != 0) step.failErrno("move_mount", place.path);
  }
  if (!name.empty()) keep(step, name, std::move(mount), false);
}

// from, at, u64 attributes, bool recursive: makes a file or directory of one slot visible in another, with the last also
// what is mounted below it. With a name it becomes a slot itself.
void bindTree(StepContext& step) {
  const Place from = step.readPlace();
  const Place at = step.readPlace();
  const uint64_t attributes = step.spec.u64();
  const bool recursive = step.spec.boolean();
  const std::string name = step.spec.string();
  step.requireSpec();
  Fd source = openSource(step, from);
  Fd target = openTarget(step, at, isDirectory(step, source.get(), from.path));
  Fd tree = bindOver(step, source.get(), target.get(), attributes, at.path, recursive);
  if (!name.empty()) keep(step, name, std::move(tree), false);
}

// slot, paths, file cover, directory cover: hides files and directories of a kernel file system.
void maskPaths(StepContext& step) {
  Slot& slot = step.slot(step.spec.string());
  const std::vector<std::string> paths = step.spec.strings();
  const Place fileCover = step.readPlace();
  const Place directoryCover = step.readPlace();
  step.requireSpec();
  Fd file = openSource(step, fileCover);
  Fd directory = openSource(step, directoryCover);
  for (const std::string& path : paths) {
    Fd part = openPart(step, slot, path);
    if (!part.valid()) continue;
    const bool covered = isDirectory(step, part.get(), path);
    bindOver(step, covered ? directory.get() : file.get(), part.get(), MOUNT_ATTR_RDONLY, path);
  }
}

// slot, paths: makes parts of a kernel file system read-only.
void protectPaths(StepContext& step) {
  Slot& slot = step.slot(step.spec.string());
  const std::vector<std::string> paths = step.spec.strings();
  step.requireSpec();
  for (const std::string& path : paths) {
    Fd part = openPart(step, slot, path);
    if (part.valid()) bindOver(step, part.get(), part.get(), MOUNT_ATTR_RDONLY, path);
  }
}

// slot: from here on nothing is written to this mount.
void makeReadOnly(StepContext& step) {
  Slot& slot = step.slot(step.spec.string());
  step.requireSpec();
  if (setMountAttributes(slot.fd.get(), MOUNT_ATTR_RDONLY, false) != 0) step.failErrno("mount_setattr", "");
}

// slot: makes it this process's root, and leaves the old root with everything that is mounted there.
void pivotRoot(StepContext& step) {
  Slot& root = step.slot(step.spec.string());
  step.requireSpec();
  if (fchdir(root.fd.get()) != 0) step.failErrno("fchdir", "/");
  if (pivotRootHere() != 0) step.failErrno("pivot_root", "/");
  if (chdir("/") != 0) step.failErrno("chdir", "/");
  step.slots.clear();
}
