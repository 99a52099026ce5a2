// Reads one directory of a tree on the host, as contexts are, as packed records.
#include <dirent.h>
#include <fcntl.h>
#include <napi.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "below.h"
#include "sandbox/record.h"
#include "system-error.h"

namespace {

constexpr size_t kListBytes = 256 << 10;

std::vector<std::string> listNames(Napi::Env env, int dirFd, const std::string& path) {
  std::vector<char> buffer(kListBytes);
  std::vector<std::string> names;
  for (;;) {
    const long got = syscall(SYS_getdents64, dirFd, buffer.data(), buffer.size());
    if (got < 0) throw systemError(env, "getdents64", errno, path);
    if (got == 0) break;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(buffer.data() + at);
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
      at += entry->d_reclen;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// readDirectory(root: Buffer, path: Buffer) -> Buffer of entry records (sandbox/record.h) in byte order, without xattrs,
// which COPY does not take from a context.
Napi::Value readDirectory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Fd root = openRoot(env, bytesOf(info[0]));
  const std::string path = bytesOf(info[1]);
  const Fd directory = openBelow(root.get(), path, O_RDONLY | O_DIRECTORY);
  if (!directory.valid()) throw systemError(env, "openat2", errno, path);
  RecordWriter out;
  for (const std::string& name : listNames(env, directory.get(), path)) {
    struct stat st;
    char target[PATH_MAX];
    ssize_t length = 0;
    if (fstatat(directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed since it was listed: as if it had never been there
      throw systemError(env, "fstatat", errno, path + '/' + name);
    }
    if (S_ISLNK(st.st_mode)) length = readlinkat(directory.get(), name.c_str(), target, sizeof target);
    if (length < 0) throw systemError(env, "readlinkat", errno, path + '/' + name);
    out.entry(name, st, std::string_view(target, static_cast<size_t>(length)), {});
  }
  return Napi::Buffer<char>::Copy(env, out.buffer().data(), out.buffer().size());
}

}  // namespace

void initHashFiles(Napi::Env env, Napi::Object exports);

Napi::Object initDirectory(Napi::Env env, Napi::Object exports) {
  exports.Set("readDirectory", Napi::Function::New(env, readDirectory, "readDirectory"));
  initHashFiles(env, exports);
  return exports;
}
