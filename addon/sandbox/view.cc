// See view.h. Runs in a job's process, with the privileges of the server (root of its user namespace).
#include "view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>

#include "mount-view.h"

namespace {

// An empty directory that overlayfs takes as a lowerdir: it wants at least one lower, and two without an upper, and only
// mounts of the caller's own mount namespace. The name works as long as the descriptor is open.
Fd createEmptyDirectory(Failure& failure) {
  Fd empty = createMount("tmpfs", {{"source", "empty"}, {"mode", "755"}, {"size", "4096"}}, MOUNT_ATTR_RDONLY, failure);
  if (empty.valid() && attachAside(empty.get()) != 0) {
    failure = {"move_mount", errno, "/", {}};
    return Fd();
  }
  return empty;
}

// A directory of the host, or an idmapped mount of it, which overlayfs takes only from the caller's mount namespace.
Fd openDirectory(const std::string& path, int userNamespace, Failure& failure) {
  Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) failure = {"open", errno, path, {}};
  if (!directory.valid() || userNamespace < 0) return directory;
  Fd mapped = cloneTree(directory.get(), false);
  if (!mapped.valid()) failure = {"open_tree", errno, path, {}};
  else if (setMountAttributes(mapped.get(), MOUNT_ATTR_IDMAP, false, userNamespace) != 0) failure = {"mount_setattr", errno, path, {}};
  else if (attachAside(mapped.get()) != 0) failure = {"move_mount", errno, path, {}};
  return mapped;
}

// The directories of a view, by descriptor, and what overlayfs is told to call them: a step reads those names in its
// /proc/mounts, where the paths of the host have no business.
struct Directories {
  int userNamespace = -1;
  std::vector<Fd> fds;
  std::string add(const std::string& path, Failure& failure) {
    fds.push_back(openDirectory(path, userNamespace, failure));
    return name();
  }
  // The last name of a path whose directory was added just before: both are in one mount.
  std::string addBeside(const std::string& path, int directory, Failure& failure) {
    fds.emplace_back(openat(directory, path.substr(path.rfind('/') + 1).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fds.back().valid()) failure = {"openat", errno, path, {}};
    return name();
  }

 private:
  std::string name() const { return "/proc/self/fd/" + std::to_string(fds.back().get()); }
};

std::string parentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// overlayfs wants both in the same mount: where mounts are mapped, in that of the directory that both are in.
void addUpper(MountOptions& options, const ViewSpec& view, Directories& directories, Failure& failure) {
  if (directories.userNamespace < 0) {
    options.push_back({"upperdir", directories.add(view.upper, failure)});
    options.push_back({"workdir", directories.add(view.work, failure)});
    return;
  }
  if (parentOf(view.upper) != parentOf(view.work)) {
    failure = {"open", EXDEV, view.work, {}};
    return;
  }
  directories.add(parentOf(view.upper), failure);
  const int parent = directories.fds.back().get();
  options.push_back({"upperdir", directories.addBeside(view.upper, parent, failure)});
  options.push_back({"workdir", directories.addBeside(view.work, parent, failure)});
}

// No option is left to the kernel's configuration: their defaults would decide what lands in an upperdir.
MountOptions overlayOptions(const ViewSpec& view, bool userxattr, Directories& directories, Failure& failure) {
  MountOptions options{{"source", "overlay"}};
  for (auto lower = view.lowers.rbegin(); lower != view.lowers.rend(); ++lower) {
    options.push_back({"lowerdir+", directories.add(lower->path, failure)});
  }
  if (!view.upper.empty()) {
    addUpper(options, view, directories, failure);
    options.push_back({"volatile", ""});
  }
  if (userxattr) options.push_back({"userxattr", ""});
  options.push_back({"redirect_dir", userxattr ? "nofollow" : "off"});
  for (const char* key : {"metacopy", "index", "xino", "nfs_export"}) options.push_back({key, "off"});
  return options;
}

Fd openTreeDirectory(const ViewSpec& view, Failure& failure) {
  const std::string& path = view.lowers[0].path;
  Fd tree(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!tree.valid()) failure = {"open", errno, path, {}};
  return tree;
}

// The tree as a mount of its own, so that it can have attributes. As with overlays only the root of it is cloned.
Fd cloneTreeDirectory(const ViewSpec& view, uint64_t attributes, Failure& failure, int userNamespace) {
  const Fd directory = openTreeDirectory(view, failure);
  if (!directory.valid()) return Fd();
  Fd mount = cloneTree(directory.get(), false);
  if (!mount.valid()) failure = {"open_tree", errno, view.lowers[0].path, {}};
  else if (setMountAttributes(mount.get(), attributes, false, userNamespace) != 0) failure = {"mount_setattr", errno, view.lowers[0].path, {}};
  return failure.error != 0 ? Fd() : std::move(mount);
}

}  // namespace

ViewSpec readViewSpec(SpecReader& spec) {
  ViewSpec view;
  const uint32_t count = spec.u32();
  for (uint32_t i = 0; i < count && !spec.failed(); i++) {
    const auto kind = static_cast<Lower::Kind>(spec.u8());
    view.lowers.push_back({kind, spec.string()});
  }
  view.upper = spec.string();
  view.work = spec.string();
  return view;
}

Fd mountView(const ViewSpec& view, bool userxattr, uint64_t attributes, Failure& failure, int userNamespace) {
  if (view.isTree()) return cloneTreeDirectory(view, attributes, failure, userNamespace);
  ViewSpec padded = view;
  Fd empty;
  if (view.lowers.size() < (view.upper.empty() ? 2 : 1)) {
    empty = createEmptyDirectory(failure);
    if (!empty.valid() || (view.lowers.empty() && view.upper.empty())) return empty;
    padded.lowers.insert(padded.lowers.begin(), {Lower::Kind::Directory, "/proc/self/fd/" + std::to_string(empty.get())});
  }
  if (view.upper.empty()) attributes |= MOUNT_ATTR_RDONLY;
  Directories directories{(attributes & MOUNT_ATTR_IDMAP) != 0 ? userNamespace : -1, {}};
  attributes &= ~static_cast<uint64_t>(MOUNT_ATTR_IDMAP);  // of the layers; overlayfs itself cannot be mapped
  const MountOptions options = overlayOptions(padded, userxattr, directories, failure);
  return failure.error != 0 ? Fd() : createMount("overlay", options, attributes, failure);
}

Fd openView(const Job& job, const ViewSpec& view, bool userxattr) {
  Failure failure;
  if (view.isTree()) {
    Fd tree = openTreeDirectory(view, failure);
    if (!tree.valid()) fail(job, 0, "open tree", failure.syscall, failure.error, failure.path);
    return tree;
  }
  static bool ownNamespace = false;
  if (!ownNamespace && unshare(CLONE_NEWNS) != 0) fail(job, 0, "mount view", "unshare", errno, "");
  ownNamespace = true;
  Fd root = mountView(view, userxattr, 0, failure);
  if (!root.valid()) fail(job, 0, "mount view", failure.syscall, failure.error, failure.path, failure.detail);
  return root;
}
