// Operations that make files in the private file systems of a step, which nobody else can see yet. All run in the
// step's process, before it gives up any privilege (see operations.h).
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "operations.h"
#include "path.h"

namespace {

// The directory that a place's last name is in, and that name.
struct Entry {
  Fd parent;
  std::string name;
};

Entry openParent(StepContext& step, const Place& place) {
  const size_t slash = place.path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : place.path.substr(0, slash);
  Entry entry;
  entry.parent = openBeneath(step.slot(place.slot).fd.get(), parent.c_str(), O_PATH | O_DIRECTORY);
  if (!entry.parent.valid()) step.failErrno("openat2", place.path);
  entry.name = slash == std::string::npos ? place.path : place.path.substr(slash + 1);
  return entry;
}

void writeAll(StepContext& step, int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0) step.failErrno("write", path);
    content.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

// place, u32 mode.
void makeDirectory(StepContext& step) {
  const Place place = step.readPlace();
  const mode_t mode = step.spec.u32();
  step.requireSpec();
  Entry entry = openParent(step, place);
  if (mkdirat(entry.parent.get(), entry.name.c_str(), mode) != 0) step.failErrno("mkdirat", place.path);
  if (fchmodat(entry.parent.get(), entry.name.c_str(), mode, 0) != 0) step.failErrno("fchmodat", place.path);
}

// place, u32 mode, u32 major, u32 minor: a character device.
void makeDevice(StepContext& step) {
  const Place place = step.readPlace();
  const mode_t mode = step.spec.u32();
  const uint32_t major = step.spec.u32();
  const uint32_t minor = step.spec.u32();
  step.requireSpec();
  Entry entry = openParent(step, place);
  if (mknodat(entry.parent.get(), entry.name.c_str(), S_IFCHR | mode, makedev(major, minor)) != 0) step.failErrno("mknodat", place.path);
  if (fchmodat(entry.parent.get(), entry.name.c_str(), mode, 0) != 0) step.failErrno("fchmodat", place.path);
}

// place, target: a symbolic link.
void makeLink(StepContext& step) {
  const Place place = step.readPlace();
  const std::string target = step.spec.string();
  step.requireSpec();
  Entry entry = openParent(step, place);
  if (symlinkat(target.c_str(), entry.parent.get(), entry.name.c_str()) != 0) step.failErrno("symlinkat", place.path);
}

// place, content, u32 mode, u32 uid, u32 gid.
void makeFile(StepContext& step) {
  const Place place = step.readPlace();
  const std::string_view content = step.spec.bytes();
  const mode_t mode = step.spec.u32();
  const uid_t uid = step.spec.u32();
  const gid_t gid = step.spec.u32();
  step.requireSpec();
  Entry entry = openParent(step, place);
  Fd file(openat(entry.parent.get(), entry.name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.valid()) step.failErrno("openat", place.path);
  writeAll(step, file.get(), content, place.path);
  if (fchown(file.get(), uid, gid) != 0) step.failWith("fchown", errno, place.path, "owner " + std::to_string(uid) + ":" + std::to_string(gid));
  if (fchmod(file.get(), mode) != 0) step.failErrno("fchmod", place.path);
}
