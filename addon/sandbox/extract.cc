// Unpacks an archive into an active snapshot, for ADD of a tar: through the merged view, so that the destination's links
// and existing directories count, and what changed is in the upperdir for the commit that follows.
//
// Specification: view with upper, bool userxattr, bytes destination (in the image), bool hasOwner, u32 uid, u32 gid,
// bool hasMode, u32 mode. Descriptor 0: the uncompressed tar. Result: u64 entries.
#include <fcntl.h>

#include "listing.h"
#include "path.h"
#include "unpack.h"
#include "view.h"

namespace {

// The destination as a clean path in the root. Its missing directories are made with the first entry's parents.
std::string resolveDestination(const Operation& operation, int rootFd, const std::string& destination) {
  ResolvedPath resolved;
  const int error = resolveInRoot(rootFd, destination, resolved);
  if (error == ENOTDIR) operation.refuse(ENOTDIR, destination, "cannot copy to non-directory: " + destination);
  if (error == ELOOP) operation.refuse(ENOTDIR, destination, "too many levels of symbolic links: " + destination);
  if (error != 0) operation.failWith("resolve", error, destination);
  std::string base;
  for (const std::string& component : resolved.components) base += component + '/';
  if (resolved.existing < resolved.components.size() || base.empty()) return base;
  if (!openBeneath(rootFd, base.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW).valid()) {
    operation.refuse(ENOTDIR, destination, "cannot copy to non-directory: " + destination);
  }
  return base;
}

// The archive sees the destination as its root, as in BuildKit, which unpacks after a chroot: links in it lead no further.
Fd makeDestination(const Operation& operation, int rootFd, const UnpackPolicy& policy) {
  Unpacking parents(operation, rootFd, policy);
  parents.makeBase();
  parents.finish();
  Fd target = openBeneath(rootFd, policy.base.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!target.valid()) operation.failErrno("openat2", policy.base);
  return target;
}

}  // namespace

void runExtract(Job& job, SpecReader& spec) {
  const Operation operation{job, "extract archive"};
  const ViewSpec view = readViewSpec(spec);
  UnpackPolicy policy;
  policy.kind = UnpackPolicy::Kind::Archive;
  policy.userxattr = spec.boolean();
  const std::string destination = spec.string();
  policy.hasOwner = spec.boolean();
  policy.uid = spec.u32();
  policy.gid = spec.u32();
  policy.hasMode = spec.boolean();
  policy.mode = spec.u32() & 07777;
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  const Fd mounted = openView(job, view, policy.userxattr);
  const Fd root(openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) operation.failErrno("open", "/");
  policy.base = resolveDestination(operation, root.get(), destination);
  const Fd target = makeDestination(operation, root.get(), policy);

  TarReader reader(operation, job.fds[0].get(), "the archive");
  policy.shown = policy.base;
  policy.ownsMissing = false;
  Unpacking unpacking(operation, target.get(), policy);
  TarMember member;
  while (reader.next(member)) unpacking.member(reader, member);
  unpacking.finish();
  reader.drain();
  FrameWriter result;
  result.u64(reader.memberCount());
  succeed(job, result);
}
