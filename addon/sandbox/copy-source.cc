#include "copy-source.h"

#include <fcntl.h>

#include <cerrno>

#include "path.h"

namespace {

int64_t nanoseconds(const struct timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

CopyFiles::CopyFiles(const Operation& operation, const Job& job, const CopyRequest& request)
    : operation_(operation), request_(request) {
  for (const CopySource& source : request.sources) {
    Fd root = source.isView ? openView(job, source.view, request.userxattr)
                            : Fd(::open(source.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root.valid()) operation.failErrno("open", source.directory);
    roots_.push_back(std::move(root));
  }
}

int CopyFiles::parentOf(const CopyEntry& entry, std::string& name) {
  const size_t slash = entry.sourcePath.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : entry.sourcePath.substr(0, slash);
  name = slash == std::string::npos ? entry.sourcePath : entry.sourcePath.substr(slash + 1);
  if (name.empty()) name.assign(1, '.');
  if (entry.source >= roots_.size()) operation_.refuse(EINVAL, entry.sourcePath, "malformed specification");
  if (!cached_.valid() || cachedSource_ != entry.source || cachedPath_ != parent) {
    cached_ = openBeneath(roots_[entry.source].get(), parent.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!cached_.valid()) failToOpen(entry, "openat2");
    cachedSource_ = entry.source;
    cachedPath_ = parent;
  }
  return cached_.get();
}

// What is gone, or a link or something else by now, was changed too.
void CopyFiles::failToOpen(const CopyEntry& entry, const char* syscall) const {
  const int error = errno;
  if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO) {
    operation_.refuse(EBUSY, entry.sourcePath, entry.sourcePath + ": changed while it was read");
  }
  operation_.failWith(syscall, error, entry.sourcePath);
}

Fd CopyFiles::open(const CopyEntry& entry) {
  std::string name;
  const int parent = parentOf(entry, name);
  Fd fd(openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) failToOpen(entry, "openat");
  verify(entry, fd.get());
  return fd;
}

void CopyFiles::verify(const CopyEntry& entry, int fd) const {
  struct stat st;
  if (fstat(fd, &st) != 0) operation_.failErrno("fstat", entry.sourcePath);
  if (S_ISREG(st.st_mode) && static_cast<uint64_t>(st.st_size) == entry.sizeBytes && st.st_ino == entry.ino &&
      nanoseconds(st.st_mtim) == entry.mtimeNs && nanoseconds(st.st_ctim) == entry.ctimeNs) {
    return;
  }
  operation_.refuse(EBUSY, entry.sourcePath, entry.sourcePath + ": changed while it was read");
}

Xattrs CopyFiles::xattrs(const CopyEntry& entry) {
  std::string name;
  const int parent = parentOf(entry, name);
  return readLayerXattrs(operation_, parent, name.c_str(), entry.sourcePath);
}

void CopyFiles::writeData(TarWriter& tar, const TreeNode& node, const std::string&, const std::string&) {
  const CopyEntry& entry = request_.entries[node.source];
  if (S_ISSOCK(entry.mode)) return;  // it lands as an empty file
  const Fd file = open(entry);
  if (!tar.copyData(file.get(), entry.sizeBytes, entry.sourcePath)) {
    operation_.refuse(EBUSY, entry.sourcePath, entry.sourcePath + ": changed while it was read");
  }
  verify(entry, file.get());
}
