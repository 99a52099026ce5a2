#include "path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <climits>
#include <deque>

namespace {

// The kernel answers EAGAIN when a rename raced with a resolution below a root; a hostile step is dead by then, so a
// few attempts are plenty.
constexpr int kRaceRetriesMax = 64;
// Longer paths are opened in pieces, because one system call takes at most PATH_MAX bytes.
constexpr size_t kPieceMax = PATH_MAX - 256;

int openat2Retry(int dirFd, const char* path, int flags, uint64_t resolve) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  for (int i = 0; i < kRaceRetriesMax; i++) {
    const long fd = syscall(SYS_openat2, dirFd, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
  return -1;
}

void prependComponents(std::deque<std::string>& todo, std::string_view path) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  todo.insert(todo.begin(), parts.begin(), parts.end());
}

// One resolution in progress: the directories entered so far, each by descriptor, so that no name is looked up twice.
class Resolution {
 public:
  Resolution(int rootFd, ResolvedPath& out, const FindCovering& findCovering)
      : rootFd_(rootFd), out_(out), findCovering_(findCovering) {}

  int run(std::string_view path) {
    prependComponents(todo_, path);
    while (!todo_.empty()) {
      std::string name = std::move(todo_.front());
      todo_.pop_front();
      if (const int error = step(name)) return error;
    }
    return 0;
  }

 private:
  int top() const { return stack_.empty() ? rootFd_ : stack_.back().get(); }

  int step(const std::string& name) {
    if (name == "..") {
      if (!out_.components.empty()) out_.components.pop_back();
      if (out_.existing > out_.components.size()) {
        out_.existing = out_.components.size();
        stack_.pop_back();
      }
      return 0;
    }
    if (findCovering_ != nullptr) {
      const std::optional<Covering> covering = findCovering_(out_.components, name);
      if (covering.has_value() && covering->isLink) return follow(covering->target);
      if (covering.has_value()) return todo_.empty() ? push(name, false) : ENOTDIR;
    }
    if (out_.existing < out_.components.size()) return push(name, false);
    struct stat st;
    if (fstatat(top(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? push(name, false) : errno;
    if (S_ISLNK(st.st_mode)) return readAndFollow(name);
    if (!S_ISDIR(st.st_mode)) return todo_.empty() ? push(name, true) : ENOTDIR;
    Fd fd(openat(top(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return errno;
    stack_.push_back(std::move(fd));
    out_.components.push_back(name);
    out_.existing = out_.components.size();
    return 0;
  }

  int push(const std::string& name, bool exists) {
    out_.components.push_back(name);
    if (exists) {
      out_.existing = out_.components.size();
      stack_.emplace_back();
    }
    return 0;
  }

  int readAndFollow(const std::string& name) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(top(), name.c_str(), target, sizeof target);
    if (length < 0) return errno;
    return follow(std::string_view(target, static_cast<size_t>(length)));
  }

  int follow(std::string_view target) {
    if (++followed_ > kSymlinkMax) return ELOOP;
    if (!target.empty() && target[0] == '/') {
      stack_.clear();
      out_.components.clear();
      out_.existing = 0;
    }
    prependComponents(todo_, target);
    return 0;
  }

  int rootFd_;
  ResolvedPath& out_;
  const FindCovering& findCovering_;
  std::deque<std::string> todo_;
  std::vector<Fd> stack_;
  int followed_ = 0;
};

}  // namespace

Fd openInRoot(int rootFd, const char* path, int flags) {
  return Fd(openat2Retry(rootFd, path[0] == '\0' ? "." : path, flags, RESOLVE_IN_ROOT));
}

Fd openBeneath(int dirFd, const char* path, int flags) {
  constexpr uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  std::string_view rest = path[0] == '\0' ? "." : path;
  Fd held;
  int at = dirFd;
  while (rest.size() > kPieceMax) {
    const size_t slash = rest.rfind('/', kPieceMax);
    if (slash == std::string_view::npos || slash == 0) {
      errno = ENAMETOOLONG;
      return Fd();
    }
    Fd next(openat2Retry(at, std::string(rest.substr(0, slash)).c_str(), O_PATH | O_DIRECTORY, resolve));
    if (!next.valid()) return Fd();
    held = std::move(next);
    at = held.get();
    rest.remove_prefix(slash + 1);
  }
  return Fd(openat2Retry(at, std::string(rest).c_str(), flags, resolve));
}

int resolveInRoot(int rootFd, std::string_view path, ResolvedPath& out, const FindCovering& findCovering) {
  out = ResolvedPath();
  return Resolution(rootFd, out, findCovering).run(path);
}
