// Makes a snapshot from a layer's uncompressed tar, of any builder.
//
// Specification: u8 mode; 0: bytes directory (on the host, exists and is empty); 1: view with an upper, which becomes the
// snapshot, for layers that only make sense above others (see impliedCount); then bool userxattr.
// Descriptor 0: the tar. Result: u64 entries, u64 implied directories.
#include <fcntl.h>

#include "listing.h"
#include "unpack.h"
#include "view.h"

void runApply(Job& job, SpecReader& spec) {
  const Operation operation{job, "apply layer"};
  UnpackPolicy policy;
  const bool inView = spec.u8() == 1;
  ViewSpec view;
  std::string directory;
  if (inView) view = readViewSpec(spec);
  else directory = spec.string();
  policy.userxattr = spec.boolean();
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  policy.kind = inView ? UnpackPolicy::Kind::LayerIntoView : UnpackPolicy::Kind::LayerIntoDirectory;
  Fd mounted;
  if (inView) mounted = openView(job, view, policy.userxattr);
  const Fd root(inView ? openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                       : open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) operation.failErrno("open", directory);

  TarReader reader(operation, job.fds[0].get(), "the layer");
  Unpacking unpacking(operation, root.get(), policy);
  TarMember member;
  while (reader.next(member)) unpacking.member(reader, member);
  unpacking.finish();
  reader.drain();
  FrameWriter result;
  result.u64(reader.memberCount());
  result.u64(unpacking.impliedCount());
  succeed(job, result);
}
