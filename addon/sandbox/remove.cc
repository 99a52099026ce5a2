// Deletes a directory tree: a snapshot or an upperdir that was renamed aside. Specification: bytes path (on the host).
#include <fcntl.h>

#include <cerrno>

#include "job.h"
#include "listing.h"

void runRemove(Job& job, SpecReader& spec) {
  const Operation operation{job, "remove"};
  const std::string path = spec.string();
  requireSpec(operation, spec, 0);
  raiseDescriptorLimit();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) operation.refuse(EINVAL, path, "malformed specification");
  const std::string parentPath = slash == 0 ? "/" : path.substr(0, slash);
  Fd parent(open(parentPath.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() && errno == ENOENT) succeed(job, FrameWriter());
  if (!parent.valid()) operation.failErrno("open", parentPath);
  removeEntry(operation, parent.get(), path.c_str() + slash + 1, path);
  succeed(job, FrameWriter());
}
