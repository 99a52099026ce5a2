// Copies the tree of a snapshot into an empty directory. Specification: bytes from, bytes to (on the host), bool keeps links.
#include <fcntl.h>

#include "duplicate-tree.h"
#include "job.h"
#include "listing.h"

void runDuplicate(Job& job, SpecReader& spec) {
  const Operation operation{job, "copy tree"};
  const std::string from = spec.string();
  const std::string to = spec.string();
  const bool keepsLinks = spec.boolean();
  requireSpec(operation, spec, 0);
  raiseDescriptorLimit();
  const Fd source(open(from.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source.valid()) operation.failErrno("open", from);
  const Fd target(open(to.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target.valid()) operation.failErrno("open", to);
  std::string path;
  Duplication(operation, keepsLinks).directory(source.get(), target.get(), path);
  succeed(job, FrameWriter());
}
