// The user namespace around a step of a build by root: its root is an ordinary user of this machine. Both operations run in
// the step's process (see operations.h).
//
// The step's mounts are made from outside, with root's privileges, and show the step's ids: layers and caches by idmapped
// mounts, new files because they are made with the file system ids of the namespace's root. On disk everything stays as
// without a namespace. The step enters the namespace when nothing is left to be mounted.
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "operations.h"
#include "path.h"

namespace {

constexpr size_t kNumberBytesMax = 32;

// Runs in a child of the step's process: makes a user namespace and waits in it until the socket closes. Says which process
// it is in the /proc that is mounted here, whose numbers are not those of the step's pid namespace.
[[noreturn]] void holdNamespace(int socket) {
  char number[kNumberBytesMax];
  if (unshare(CLONE_NEWUSER) != 0) _exit(errno);
  prctl(PR_SET_DUMPABLE, 1);  // so that its files in /proc are those of its user
  const ssize_t size = readlink("/proc/self", number, sizeof number);
  if (size <= 0 || write(socket, number, static_cast<size_t>(size)) != size) _exit(EIO);
  char ignored;
  while (read(socket, &ignored, 1) > 0) {
  }
  _exit(0);
}

void writeMap(StepContext& step, const std::string& path, const std::string& map) {
  Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) step.failErrno("open", path);
  if (write(file.get(), map.data(), map.size()) != static_cast<ssize_t>(map.size())) step.failWith("write", errno, path, map);
}

// Everything that this process makes from here on belongs to the namespace's root, while its capabilities stay.
void useFileSystemIds(StepContext& step, uid_t uid, gid_t gid) {
  if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0) step.failErrno("prctl", "securebits");
  setfsgid(gid);
  setfsuid(uid);
  if (setfsuid(static_cast<uid_t>(-1)) != static_cast<int>(uid)) step.failWith("setfsuid", EPERM, std::to_string(uid));
}

}  // namespace

// uid map, gid map (as user_namespaces(7) writes them), u32 uid, u32 gid: the ids that root of the namespace has here. With
// CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID and CAP_SETPCAP.
void makeUserNamespace(StepContext& step) {
  const std::string uidMap = step.spec.string();
  const std::string gidMap = step.spec.string();
  const uid_t uid = step.spec.u32();
  const gid_t gid = step.spec.u32();
  step.requireSpec();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) step.failErrno("socketpair", "");
  Fd ours(ends[0]), theirs(ends[1]);
  const pid_t holder = fork();
  if (holder < 0) step.failErrno("fork", "");
  if (holder == 0) {
    ours.reset();
    holdNamespace(theirs.get());
  }
  theirs.reset();
  char number[kNumberBytesMax];
  const ssize_t size = read(ours.get(), number, sizeof number);
  if (size > 0) {
    const std::string process = "/proc/" + std::string(number, static_cast<size_t>(size));
    writeMap(step, process + "/uid_map", uidMap);
    writeMap(step, process + "/gid_map", gidMap);
    step.userNamespace = Fd(open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!step.userNamespace.valid()) step.failErrno("open", process + "/ns/user");
  }
  ours.reset();
  int status = 0;
  while (waitpid(holder, &status, 0) < 0 && errno == EINTR) {
  }
  if (size <= 0) step.failWith("unshare", WIFEXITED(status) ? WEXITSTATUS(status) : EIO, "user namespace");
  useFileSystemIds(step, uid, gid);
}

// With CAP_SYS_ADMIN, and single-threaded. From here on the process has every capability in the namespace, and none outside.
void enterStepUserNamespace(StepContext& step) {
  if (setns(step.userNamespace.get(), CLONE_NEWUSER) != 0) step.failErrno("setns", "user namespace");
  step.userNamespace.reset();
}

// place, value: writes a file of a kernel file system that is mounted for the step.
void setKernelParameter(StepContext& step) {
  const Place place = step.readPlace();
  const std::string value = step.spec.string();
  step.requireSpec();
  Fd file = openBeneath(step.slot(place.slot).fd.get(), place.path.c_str(), O_WRONLY);
  if (!file.valid() && errno == ENOENT) return;  // a kernel without it
  if (!file.valid()) step.failErrno("openat2", place.path);
  if (write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) step.failErrno("write", place.path);
}
