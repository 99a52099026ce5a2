// Two things that Node may not do in a build without root, where what images own belongs to other ids of the host: rename
// a directory of theirs into another one, and give away one of its own. All paths are on the host and of Node's choice.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "job.h"
#include "operation.h"

// bytes from, bytes to: rename(2).
void runMove(Job& job, SpecReader& spec) {
  const Operation operation{job, "rename"};
  const std::string from = spec.string();
  const std::string to = spec.string();
  requireSpec(operation, spec, 0);
  if (rename(from.c_str(), to.c_str()) != 0) operation.failErrno("rename", from);
  succeed(job, FrameWriter());
}

// bytes path, u32 uid, u32 gid, u32 mode; a link is not followed. Both through one descriptor: the first may close the path.
void runGive(Job& job, SpecReader& spec) {
  const Operation operation{job, "give"};
  const std::string path = spec.string();
  const uid_t uid = spec.u32();
  const gid_t gid = spec.u32();
  const mode_t mode = spec.u32();
  requireSpec(operation, spec, 0);
  Fd file(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) operation.failErrno("open", path);
  if (fchownat(file.get(), "", uid, gid, AT_EMPTY_PATH) != 0) operation.failOwner("fchownat", path, uid, gid);
  const std::string name = "/proc/self/fd/" + std::to_string(file.get());
  if (chmod(name.c_str(), mode) != 0) operation.failErrno("chmod", path);
  succeed(job, FrameWriter());
}
