// Writes the whole merged tree of a view as one plain tar in the canonical form, with times as they are in the tree.
//
// Specification: view, bool userxattr. Descriptor 0: where the tar goes. Result: u64 bytes of the tar, u64 entries.
#include <fcntl.h>

#include "compare.h"
#include "listing.h"
#include "tree.h"
#include "view.h"

namespace {

// One directory at a time: memory does not grow with the tree, except for files with several names.
class Exporting {
 public:
  Exporting(const Operation& operation, TarWriter& tar) : operation_(operation), tar_(tar) {}

  void directory(int dirFd, std::string& path, size_t depth) {
    if (depth > kDepthMax) operation_.refuse(ELOOP, path, "/" + path + ": directories are nested too deeply");
    const size_t length = path.size();
    for (const std::string& name : listNames(operation_, dirFd, path)) {
      path += name;
      entry(dirFd, name.c_str(), path, depth);
      path.resize(length);
    }
  }

 private:
  void entry(int dirFd, const char* name, std::string& path, size_t depth) {
    TreeNode node;
    struct stat st;
    if (!LowerDirectory{dirFd}.find(operation_, name, path, st)) return;
    if (S_ISSOCK(st.st_mode)) return warn(operation_.job, "/" + path + ": a socket cannot be in an image, it is left out");
    setAttributes(node, st);
    node.xattrs = readLayerXattrs(operation_, dirFd, name, path);
    if (S_ISLNK(st.st_mode)) node.linkTarget = readLinkTarget(operation_, dirFd, name, path);
    if (S_ISDIR(st.st_mode)) {
      tar_.header(tarEntryOf(node, path, times_));
      const Fd below = openDirectory(operation_, dirFd, name, path);
      path += '/';
      return directory(below.get(), path, depth + 1);
    }
    TarEntry entry = tarEntryOf(node, path, times_);
    if (st.st_nlink > 1 && isLaterName(st, path, entry)) return tar_.header(entry);
    tar_.header(entry);
    if (!node.isRegular()) return;
    const Fd file = openFile(operation_, dirFd, name, path);
    if (!tar_.copyData(file.get(), node.sizeBytes, path)) operation_.refuse(EBUSY, path, "/" + path + ": changed while it was read");
  }

  // Turns the entry into a link if the file was written under another name.
  bool isLaterName(const struct stat& st, const std::string& path, TarEntry& entry) {
    const auto [first, isNew] = firstNames_.try_emplace({st.st_dev, st.st_ino}, path);
    if (isNew) return false;
    entry.type = TarType::HardLink;
    entry.linkTarget = first->second;
    entry.sizeBytes = 0;
    entry.xattrs = nullptr;
    return true;
  }

  const Operation& operation_;
  TarWriter& tar_;
  const TimePolicy times_{TimePolicy::Kind::Keep, 0};
  std::map<std::pair<uint64_t, uint64_t>, std::string> firstNames_;
};

}  // namespace

void runExport(Job& job, SpecReader& spec) {
  const Operation operation{job, "export tree"};
  const ViewSpec view = readViewSpec(spec);
  const bool userxattr = spec.boolean();
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  const Fd mounted = openView(job, view, userxattr);
  const Fd root(openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) operation.failErrno("openat", "/");
  TarWriter tar(operation, job.fds[0].get());
  std::string path;
  Exporting(operation, tar).directory(root.get(), path, 0);
  tar.finish();
  FrameWriter result;
  result.u64(tar.sizeBytes());
  result.u64(tar.entryCount());
  succeed(job, result);
}
