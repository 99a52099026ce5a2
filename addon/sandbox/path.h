// Paths inside a root that an image, a context or an archive controls. Everything is hostile: resolution goes through
// openat2 with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, or component by component with O_NOFOLLOW; never by joining strings.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fd.h"

// Limits with names (see SECURITY): symbolic links followed in one resolution, as in the kernel.
constexpr int kSymlinkMax = 40;

// Opens `path` inside the root, symbolic links resolved as if the root were `/`. -1 with errno on failure.
Fd openInRoot(int rootFd, const char* path, int flags);
// Opens `path` below the directory without following any symbolic link in any component.
Fd openBeneath(int dirFd, const char* path, int flags);

// Where a path leads: the existing part resolved through links, and the rest that does not exist.
struct ResolvedPath {
  std::vector<std::string> components;  // of the resolved path, from the root; no `.`, `..` or links among the existing ones
  size_t existing = 0;                  // how many of them exist
};
// What will stand over the root's own entry: no directory. Directories over directories need not be told.
struct Covering {
  bool isLink = false;
  std::string target;  // of a link
};
using FindCovering = std::function<std::optional<Covering>(const std::vector<std::string>& parents, const std::string& name)>;
// Resolves `path` as `mkdir -p` would, links followed inside the root (also dangling ones: their target becomes the path).
// Returns 0 or an errno (ELOOP, ENOTDIR, EACCES …).
int resolveInRoot(int rootFd, std::string_view path, ResolvedPath& out, const FindCovering& findCovering = nullptr);
