// Lists what COPY --from would copy: for each source pattern the matches, and each match with its whole subtree.
//
// Specification: view, bool userxattr, strings patterns, strings only: names of the directories, one in the other, that
//   alone are entered below a match (COPY --parents: /usr need not be listed for /usr/lib/x).
// Descriptor 0: where the list goes, a stream of
//   u8 1: match: u32 pattern index, bytes path as matched, bytes path with links followed, entry record (its name is "")
//   u8 2: an entry below the last match: entry record, whose name is its path below the match
//   u8 0: end.
// Result: u64 matches. A pattern that matches nothing has no matches; whether that is an error is the caller's business.
#include <fcntl.h>
#include <signal.h>

#include "compare.h"
#include "glob.h"
#include "listing.h"
#include "member-path.h"
#include "path.h"
#include "record.h"
#include "view.h"

namespace {

constexpr size_t kFlushBytes = 1 << 20;

class Scan {
 public:
  Scan(const Operation& operation, int rootFd, int outFd, std::vector<std::string> only)
      : operation_(operation), rootFd_(rootFd), outFd_(outFd), only_(std::move(only)) {}

  void pattern(uint32_t index, const std::string& pattern) {
    // `..` stops at the root, as everywhere in a source (SEMANTICS, row 55).
    const std::vector<std::string> parts = splitComponents(cleanMemberPath(pattern));
    size_t literal = 0;
    std::string prefix;
    while (literal < parts.size() && !hasWildcard(parts[literal])) {
      prefix += (literal > 0 ? "/" : "") + unescapeComponent(parts[literal]);
      literal += 1;
    }
    if (literal == parts.size()) return match(index, prefix);
    // Links in the part before the first wildcard are followed, later ones are not (fsutil, ResolveWildcards).
    const Fd directory = openInRoot(rootFd_, prefix.c_str(), O_RDONLY | O_DIRECTORY);
    if (!directory.valid()) return;
    expand(index, directory.get(), parts, literal, prefix);
  }

  void finish() {
    out_.u8(0);
    flush();
  }
  uint64_t matches() const { return matches_; }

 private:
  void expand(uint32_t index, int dirFd, const std::vector<std::string>& parts, size_t depth, const std::string& prefix) {
    for (const std::string& name : listNames(operation_, dirFd, prefix)) {
      bool malformed = false;
      const bool matched = matchComponent(parts[depth], name, malformed);
      if (malformed) operation_.refuse(EINVAL, parts[depth], "the pattern " + parts[depth] + " is malformed");
      if (!matched) continue;
      const std::string path = prefix.empty() ? name : prefix + '/' + name;
      if (depth + 1 == parts.size()) {
        match(index, path);
        continue;
      }
      const Fd below(openat(dirFd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (below.valid()) expand(index, below.get(), parts, depth + 1, path);
    }
  }

  // A match that is a link stands for what it leads to.
  void match(uint32_t index, const std::string& path) {
    ResolvedPath resolved;
    if (resolveInRoot(rootFd_, path, resolved) != 0 || resolved.existing < resolved.components.size()) return;
    std::string real;
    for (const std::string& component : resolved.components) real += (real.empty() ? "" : "/") + component;
    const size_t slash = real.rfind('/');
    const std::string above = slash == std::string::npos ? "" : real.substr(0, slash);
    const std::string name = slash == std::string::npos ? real : real.substr(slash + 1);
    const Fd parent = openBeneath(rootFd_, above.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!parent.valid()) operation_.failErrno("openat2", above);
    matches_ += 1;
    out_.u8(1);
    out_.u32(index);
    out_.bytes(path);
    out_.bytes(real);
    entry(parent.get(), name.empty() ? "." : name.c_str(), "", 0);
  }

  void entry(int dirFd, const char* name, const std::string& path, size_t depth) {
    struct stat st;
    if (fstatat(dirFd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) operation_.failErrno("fstatat", path);
    const std::string target = S_ISLNK(st.st_mode) ? readLinkTarget(operation_, dirFd, name, path) : "";
    out_.entry(path, st, target, readLayerXattrs(operation_, dirFd, name, path));
    if (out_.buffer().size() >= kFlushBytes) flush();
    if (S_ISDIR(st.st_mode)) subtree(openDirectory(operation_, dirFd, name, path).get(), path, depth);
  }

  // `depth` is that of the directory below the match.
  void subtree(int dirFd, const std::string& path, size_t depth) {
    if (depth >= kDepthMax) operation_.refuse(ELOOP, path, "/" + path + ": directories are nested too deeply");
    for (const std::string& name : namesIn(dirFd, path, depth)) {
      out_.u8(2);
      entry(dirFd, name.c_str(), path.empty() ? name : path + '/' + name, depth + 1);
    }
  }

  std::vector<std::string> namesIn(int dirFd, const std::string& path, size_t depth) {
    if (depth >= only_.size()) return listNames(operation_, dirFd, path);
    struct stat st;
    if (fstatat(dirFd, only_[depth].c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return {only_[depth]};
    if (errno != ENOENT && errno != ENAMETOOLONG) operation_.failErrno("fstatat", path + '/' + only_[depth]);
    return {};
  }

  void flush() {
    writeAll(operation_, outFd_, out_.buffer());
    out_.buffer().clear();
  }

  const Operation& operation_;
  int rootFd_;
  int outFd_;
  std::vector<std::string> only_;
  RecordWriter out_;
  uint64_t matches_ = 0;
};

}  // namespace

void runScan(Job& job, SpecReader& spec) {
  const Operation operation{job, "scan"};
  const ViewSpec view = readViewSpec(spec);
  const bool userxattr = spec.boolean();
  const std::vector<std::string> patterns = spec.strings();
  std::vector<std::string> only = spec.strings();
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  const Fd root = openView(job, view, userxattr);
  Scan scan(operation, root.get(), job.fds[0].get(), std::move(only));
  for (size_t i = 0; i < patterns.size(); i++) scan.pattern(static_cast<uint32_t>(i), patterns[i]);
  scan.finish();
  FrameWriter result;
  result.u64(scan.matches());
  succeed(job, result);
}
