// Reads one file of a view, or tells what stands at some paths of it. Links are followed inside the root.
//
// Specification: view, bool userxattr, u8 mode.
//   0: bytes path, u64 max bytes. Descriptor 0 gets the content. Result: u64 size, u32 mode. Fails with ENOENT, EFBIG, or
//      EINVAL for what is not a regular file (passwd may be a fifo: CVE-2024-9676).
//   1: u32 count of paths (bytes). Descriptor 0 gets for each: u8 1, bytes path with links followed, entry record; or u8 0,
//      bytes path that it would be made at ("" if nothing can). Result: empty.
#include <fcntl.h>

#include <algorithm>

#include "listing.h"
#include "path.h"
#include "record.h"
#include "view.h"

namespace {

constexpr size_t kReadBytes = 256 << 10;

[[noreturn]] void readContent(const Operation& operation, int rootFd, const std::string& path, uint64_t sizeMax) {
  // Opening a device or a fifo may act or hang, so look before: nobody else is in this tree.
  const Fd seen = openInRoot(rootFd, path.c_str(), O_PATH);
  struct stat st;
  if (!seen.valid() || fstat(seen.get(), &st) != 0) operation.failErrno("openat2", path);
  if (!S_ISREG(st.st_mode)) operation.failWith("openat2", EINVAL, path);
  if (static_cast<uint64_t>(st.st_size) > sizeMax) operation.failWith("read", EFBIG, path);
  const Fd file = openInRoot(rootFd, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file.valid()) operation.failErrno("openat2", path);
  uint64_t size = 0;
  std::string block(kReadBytes, '\0');
  for (;;) {
    const ssize_t got = read(file.get(), block.data(), kReadBytes);
    if (got < 0) operation.failErrno("read", path);
    if (got == 0) break;
    size += static_cast<uint64_t>(got);
    if (size > sizeMax) operation.failWith("read", EFBIG, path);
    writeAll(operation, operation.job.fds[0].get(), std::string_view(block).substr(0, static_cast<size_t>(got)));
  }
  FrameWriter result;
  result.u64(size);
  result.u32(st.st_mode);
  succeed(operation.job, result);
}

void describe(const Operation& operation, int rootFd, const std::string& path, RecordWriter& out) {
  ResolvedPath resolved;
  const int error = resolveInRoot(rootFd, path, resolved);
  std::string real;
  for (const std::string& component : resolved.components) real += '/' + component;
  if (real.empty()) real += '/';
  Fd fd;
  struct stat st;
  if (error == 0 && resolved.existing == resolved.components.size()) {
    fd = openBeneath(rootFd, real.c_str() + 1, O_PATH | O_NOFOLLOW);
    if (!fd.valid() || fstat(fd.get(), &st) != 0) operation.failErrno("openat2", path);
    out.u8(1);
    out.bytes(real);
    out.entry("", st, "", {});
    return;
  }
  out.u8(0);
  out.bytes(error == 0 ? real : "");
}

}  // namespace

void runRead(Job& job, SpecReader& spec) {
  const Operation operation{job, "read file"};
  const ViewSpec view = readViewSpec(spec);
  const bool userxattr = spec.boolean();
  const bool isStat = spec.u8() == 1;
  const std::vector<std::string> paths = isStat ? spec.strings() : std::vector<std::string>{spec.string()};
  const uint64_t sizeMax = isStat ? 0 : spec.u64();
  requireSpec(operation, spec, 1);
  const Fd root = openView(job, view, userxattr);
  if (!isStat) readContent(operation, root.get(), paths[0], sizeMax);
  RecordWriter out;
  for (const std::string& path : paths) describe(operation, root.get(), path, out);
  writeAll(operation, job.fds[0].get(), out.buffer());
  succeed(job, FrameWriter());
}
