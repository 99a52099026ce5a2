// See placement.h. Every path of the tree is hostile: it is resolved inside the root as for a mount (target.h), and from then
// on there are only descriptors and single names.
#include "placement.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "duplicate-tree.h"
#include "listing.h"
#include "operations.h"
#include "path.h"
#include "target.h"
#include "view.h"

namespace {

std::string joinFirst(const std::vector<std::string>& components, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; i++) path += (i == 0 ? "" : "/") + components[i];
  return path;
}

struct timespec timeOf(StepContext& step, int fd, const std::string& path) {
  struct stat st{};
  if (fstat(fd, &st) != 0) step.failErrno("fstat", path);
  return st.st_mtim;
}

// Moves what a place names out of the way; missing ones are made first, as stubs, like the mount points they stand for.
Placement& clearPlace(StepContext& step, const Place& place, bool directory) {
  openTarget(step, place, directory);
  Slot& slot = step.slot(place.slot);
  ResolvedPath resolved;
  const int error = resolveInRoot(slot.fd.get(), place.path, resolved);
  if (error != 0 || resolved.components.empty()) step.failWith("openat2", error == 0 ? EBUSY : error, place.path);
  auto placement = std::make_unique<Placement>();
  placement->parent = openBeneath(slot.fd.get(), joinFirst(resolved.components, resolved.components.size() - 1).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!placement->parent.valid()) step.failErrno("openat2", place.path);
  placement->name = resolved.components.back();
  placement->parentTimeBefore = timeOf(step, placement->parent.get(), place.path);
  Placements& placements = step.placements;
  const std::string aside = std::to_string(placements.list.size());
  if (renameat(placement->parent.get(), placement->name.c_str(), placements.aside.get(), aside.c_str()) != 0) step.failErrno("renameat", place.path);
  placement->aside = aside;
  placements.list.push_back(std::move(placement));
  return *placements.list.back();
}

void notePlaced(StepContext& step, Placement& placement, const std::string& path) {
  placement.parentTimeAfter = timeOf(step, placement.parent.get(), path);
}

void writeWhole(StepContext& step, int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0) step.failErrno("write", path);
    content.remove_prefix(static_cast<size_t>(count));
  }
}

bool isSameTime(const struct timespec& a, const struct timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// A thing that was lent, if it is still one of its kind; a directory that the step took away comes back empty.
void takeHome(StepContext& step, Placement& placement) {
  struct stat st{};
  const bool isThere = fstatat(placement.parent.get(), placement.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  const char* home = placement.homeName.c_str();
  if (isThere && (st.st_mode & S_IFMT) == placement.homeType) {
    if (renameat(placement.parent.get(), placement.name.c_str(), placement.home.get(), home) != 0) step.failErrno("renameat", placement.name);
    return;
  }
  if (S_ISDIR(placement.homeType) && mkdirat(placement.home.get(), home, 0755) != 0) step.failErrno("mkdirat", placement.name);
}

void putBackOne(StepContext& step, Placements& placements, Placement& placement) {
  const struct timespec now = timeOf(step, placement.parent.get(), placement.name);
  if (placement.home.valid()) takeHome(step, placement);
  const Operation operation{step.job, "put back"};
  removeEntry(operation, placement.parent.get(), placement.name.c_str(), placement.name);
  const bool isBack = renameat(placements.aside.get(), placement.aside.c_str(), placement.parent.get(), placement.name.c_str()) == 0;
  if (!isBack && errno == ENOENT) return;  // the step has removed the directory that it was in
  if (!isBack) step.failErrno("renameat", placement.name);
  // The step did not change the directory; then neither did we.
  if (!isSameTime(now, placement.parentTimeAfter)) return;
  const struct timespec times[2] = {placement.parentTimeBefore, placement.parentTimeBefore};
  if (utimensat(placement.parent.get(), ".", times, 0) != 0) step.failErrno("utimensat", placement.name);
}

}  // namespace

void Placements::putBack(StepContext& step) {
  step.operation = "put back";
  std::vector<std::unique_ptr<Placement>> placed = std::move(list);
  list.clear();  // a failure must not come here again
  for (auto placement = placed.rbegin(); placement != placed.rend(); ++placement) putBackOne(step, *this, **placement);
}

// path: the folder for what stands where things are placed; made here, beside the step's tree.
void openAside(StepContext& step) {
  const std::string path = step.spec.string();
  step.requireSpec();
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) step.failErrno("mkdir", path);
  step.placements.aside = Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!step.placements.aside.valid()) step.failErrno("open", path);
  beforeEnd([&step] { step.placements.putBack(step); });
}

// place, u32 mode, bool mode of what stood there, slot (may be empty): an empty directory.
void placeDirectory(StepContext& step) {
  const Place place = step.readPlace();
  mode_t mode = step.spec.u32();
  const bool keepsMode = step.spec.boolean();
  const std::string name = step.spec.string();
  step.requireSpec();
  const size_t stubs = step.stubs.size();
  Placement& placement = clearPlace(step, place, true);
  struct stat st{};
  if (fstatat(step.placements.aside.get(), placement.aside.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) step.failErrno("fstatat", place.path);
  if (keepsMode && step.stubs.size() == stubs) mode = st.st_mode & 07777;
  if (mkdirat(placement.parent.get(), placement.name.c_str(), 0700) != 0) step.failErrno("mkdirat", place.path);
  if (fchmodat(placement.parent.get(), placement.name.c_str(), mode, 0) != 0) step.failErrno("fchmodat", place.path);
  notePlaced(step, placement, place.path);
  if (name.empty()) return;
  Fd directory = openBeneath(placement.parent.get(), placement.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory.valid()) step.failErrno("openat2", place.path);
  const uint64_t id = mountIdOf(directory.get());
  step.slots[name] = {std::move(directory), false, id};
}

// place, content, u32 mode, u32 uid, u32 gid.
void placeFile(StepContext& step) {
  const Place place = step.readPlace();
  const std::string_view content = step.spec.bytes();
  const mode_t mode = step.spec.u32();
  const uid_t uid = step.spec.u32();
  const gid_t gid = step.spec.u32();
  step.requireSpec();
  Placement& placement = clearPlace(step, place, false);
  const Fd file(openat(placement.parent.get(), placement.name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) step.failErrno("openat", place.path);
  writeWhole(step, file.get(), content, place.path);
  if (fchown(file.get(), uid, gid) != 0) step.failWith("fchown", errno, place.path, "owner " + std::to_string(uid) + ":" + std::to_string(gid));
  if (fchmod(file.get(), mode) != 0) step.failErrno("fchmod", place.path);
  notePlaced(step, placement, place.path);
}

// slot of a tree, path in it, place: a copy of a file or directory, links in it followed inside its tree.
void placeCopy(StepContext& step) {
  const Place from = step.readPlace();
  const Place place = step.readPlace();
  step.requireSpec();
  Slot& tree = step.slot(from.slot);
  const Fd source = openInRoot(tree.fd.get(), from.path.c_str(), O_PATH);
  if (!source.valid()) step.failErrno("openat2", from.path);
  ResolvedPath resolved;
  const int error = resolveInRoot(tree.fd.get(), from.path, resolved);
  if (error != 0) step.failWith("openat2", error, from.path);
  struct stat st{};
  if (fstat(source.get(), &st) != 0) step.failErrno("fstat", from.path);
  const std::string above = resolved.components.empty() ? "" : joinFirst(resolved.components, resolved.components.size() - 1);
  const Fd parent = openBeneath(tree.fd.get(), above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!parent.valid()) step.failErrno("openat2", from.path);
  Placement& placement = clearPlace(step, place, S_ISDIR(st.st_mode));
  const Operation operation{step.job, "place copy"};
  std::string path = placement.name;
  const char* name = resolved.components.empty() ? "." : resolved.components.back().c_str();
  Duplication(operation, true).top(parent.get(), name, placement.parent.get(), placement.name.c_str(), path);
  notePlaced(step, placement, place.path);
}

// path on the host, slot of a hostile directory there or "", place: moves a file or directory of tsbuild's own into the tree
// until the step is over; a socket, which is no use without the process behind it, gets a second name.
void lendPath(StepContext& step) {
  const Place from = step.readPlace();
  const Place place = step.readPlace();
  step.requireSpec();
  const Fd source = openSource(step, from);
  struct stat st{};
  if (fstat(source.get(), &st) != 0) step.failErrno("fstat", from.path);
  std::vector<std::string> components;
  Fd root;
  if (from.slot == "host") {
    const size_t slash = from.path.rfind('/');
    root = Fd(open(from.path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    components.push_back(from.path.substr(slash + 1));
  } else {
    ResolvedPath resolved;
    const int error = resolveInRoot(step.slot(from.slot).fd.get(), from.path, resolved);
    if (error != 0 || resolved.components.empty()) step.failWith("openat2", error == 0 ? EBUSY : error, from.path);
    components = resolved.components;
    root = openBeneath(step.slot(from.slot).fd.get(), joinFirst(components, components.size() - 1).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }
  if (!root.valid()) step.failErrno("open", from.path);
  Placement& placement = clearPlace(step, place, S_ISDIR(st.st_mode));
  const char* name = components.back().c_str();
  if (S_ISSOCK(st.st_mode)) {
    if (linkat(root.get(), name, placement.parent.get(), placement.name.c_str(), 0) != 0) step.failErrno("linkat", place.path);
  } else {
    if (renameat(root.get(), name, placement.parent.get(), placement.name.c_str()) != 0) step.failErrno("renameat", place.path);
    placement.home = std::move(root);
    placement.homeName = components.back();
    placement.homeType = st.st_mode & S_IFMT;
  }
  notePlaced(step, placement, place.path);
}
