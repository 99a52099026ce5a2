// Finds the first difference between two trees on the host, as they stand on the disk: whiteouts and overlayfs's marks are
// entries and attributes like others. Specification: bytes a, bytes b, bool user namespace. Result: bytes path and bytes what
// differs, both empty where nothing does. The path begins with a slash; "/" is the root, whose times do not count.
#include <fcntl.h>

#include <map>
#include <utility>

#include "job.h"
#include "listing.h"
#include "xattr.h"

namespace {

class TreeComparison {
 public:
  TreeComparison(const Operation& operation, bool userxattr) : operation_(operation), userxattr_(userxattr) {}

  // What differs at `path`, which then names it; nullptr where nothing does. `path` is "" or ends in `/`.
  const char* directories(int a, int b, std::string& path, size_t depth) {
    if (depth > kDepthMax) operation_.refuse(ELOOP, path, "/" + path + ": directories are nested too deeply");
    const std::vector<std::string> names = listNames(operation_, a, path);
    if (names != listNames(operation_, b, path)) return "names in the directory";
    const size_t length = path.size();
    for (const std::string& name : names) {
      path += name;
      if (const char* what = entries(a, b, name.c_str(), path, depth)) return what;
      path.resize(length);
    }
    return nullptr;
  }

  const char* attributes(int a, int b, const char* name, const std::string& path, const struct stat& one, const struct stat& two) {
    if (one.st_mode != two.st_mode) return "type or mode";
    if (one.st_uid != two.st_uid || one.st_gid != two.st_gid) return "owner";
    const XattrReading mine = readXattrs(operation_, a, name, path, userxattr_), other = readXattrs(operation_, b, name, path, userxattr_);
    const bool same = mine.kept == other.kept && mine.stray == other.stray && mine.opaque == other.opaque && mine.whiteout == other.whiteout;
    return same ? nullptr : "extended attributes";
  }

 private:
  const char* entries(int a, int b, const char* name, std::string& path, size_t depth) {
    struct stat one, two;
    if (fstatat(a, name, &one, AT_SYMLINK_NOFOLLOW) != 0 || fstatat(b, name, &two, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fstatat", path);
    if (const char* what = attributes(a, b, name, path, one, two)) return what;
    if (!isWhiteoutDevice(one) && (one.st_mtim.tv_sec != two.st_mtim.tv_sec || one.st_mtim.tv_nsec != two.st_mtim.tv_nsec)) return "time";
    if (one.st_rdev != two.st_rdev) return "device";
    if (S_ISDIR(one.st_mode)) {
      const Fd mine = openDirectory(operation_, a, name, path), other = openDirectory(operation_, b, name, path);
      path += '/';
      return directories(mine.get(), other.get(), path, depth + 1);
    }
    if (S_ISLNK(one.st_mode)) return readLinkTarget(operation_, a, name, path) == readLinkTarget(operation_, b, name, path) ? nullptr : "target of the link";
    if (!sameLinks(one, two)) return "hard links";
    return S_ISREG(one.st_mode) ? contents(a, b, name, path, one, two) : nullptr;
  }

  const char* contents(int a, int b, const char* name, const std::string& path, const struct stat& one, const struct stat& two) {
    if (one.st_size != two.st_size) return "size";
    const Fd mine = openFile(operation_, a, name, path), other = openFile(operation_, b, name, path);
    return sameContent(operation_, mine.get(), other.get(), path) ? nullptr : "content";
  }

  // Names of one file in one tree are names of one file in the other. Overlayfs makes one file of all whiteouts.
  bool sameLinks(const struct stat& one, const struct stat& two) {
    if (isWhiteoutDevice(one)) return true;
    if (one.st_nlink != two.st_nlink) return false;
    if (one.st_nlink == 1) return true;
    const auto known = links_.emplace(one.st_ino, two.st_ino);
    return known.first->second == two.st_ino;
  }

  const Operation& operation_;
  const bool userxattr_;
  std::map<ino_t, ino_t> links_;
};

Fd openRoot(const Operation& operation, const std::string& path) {
  Fd root(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.valid()) operation.failErrno("open", path);
  return root;
}

}  // namespace

void runCompareTrees(Job& job, SpecReader& spec) {
  const Operation operation{job, "compare trees"};
  const std::string pathA = spec.string();
  const std::string pathB = spec.string();
  TreeComparison comparison(operation, spec.boolean());
  requireSpec(operation, spec, 0);
  raiseDescriptorLimit();
  const Fd a = openRoot(operation, pathA), b = openRoot(operation, pathB);
  struct stat one, two;
  if (fstat(a.get(), &one) != 0 || fstat(b.get(), &two) != 0) operation.failErrno("fstat", pathA);
  std::string path;
  const char* what = comparison.attributes(a.get(), b.get(), ".", path, one, two);
  if (what == nullptr) what = comparison.directories(a.get(), b.get(), path, 0);
  FrameWriter result;
  result.bytes(what == nullptr ? "" : "/" + path);
  result.bytes(what == nullptr ? "" : what);
  succeed(job, result);
}
