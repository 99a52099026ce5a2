// Reads one directory of a tree on the host, as contexts are, as one packed table.
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
#include <string>
#include <string_view>
#include <vector>

#include "below.h"
#include "system-error.h"

namespace {

constexpr size_t kListBytes = 32 << 10;

// One entry in numbers, as src/native/directory-table.ts reads it.
struct Row {
  uint64_t sizeBytes;
  int64_t mtimeNs, ctimeNs;
  uint64_t device, inode, rdev;
  uint32_t mode, uid, gid, linkCount;
};
static_assert(sizeof(Row) == 64);

int64_t nanoseconds(const struct timespec& time) { return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

Row rowOf(const struct stat& st) {
  return {static_cast<uint64_t>(st.st_size), nanoseconds(st.st_mtim), nanoseconds(st.st_ctim), st.st_dev, st.st_ino, st.st_rdev,
          st.st_mode, st.st_uid, st.st_gid, static_cast<uint32_t>(st.st_nlink)};
}

// All names of a directory, each with a NUL behind it, in no order.
std::string listNames(Napi::Env env, int dirFd, const std::string& path) {
  alignas(struct dirent64) char buffer[kListBytes];  // on the stack: a heap block of this size is mapped and zeroed anew a directory
  std::string names;
  for (;;) {
    const long got = syscall(SYS_getdents64, dirFd, buffer, sizeof buffer);
    if (got < 0) throw systemError(env, "getdents64", errno, path);
    if (got == 0) return names;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(buffer + at);
      at += entry->d_reclen;
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      names.append(entry->d_name).push_back('\0');
    }
  }
}

// The names by bytes. Each view's data ends with a NUL.
std::vector<std::string_view> sortNames(std::string_view names) {
  std::vector<std::string_view> sorted;
  for (size_t at = 0; at < names.size(); at += sorted.back().size() + 1) sorted.emplace_back(names.data() + at);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// What the result is made of: rows, names and the targets of symbolic links, the latter two with a NUL behind each.
struct Table {
  std::vector<Row> rows;
  std::string names;
  std::string targets;

  Napi::Value toArrayBuffer(Napi::Env env) const {
    const uint64_t head[] = {rows.size(), names.size()};
    const size_t rowBytes = rows.size() * sizeof(Row);
    auto buffer = Napi::ArrayBuffer::New(env, sizeof head + rowBytes + names.size() + targets.size());
    auto* out = static_cast<char*>(buffer.Data());
    std::memcpy(out, head, sizeof head);
    if (rowBytes > 0) std::memcpy(out + sizeof head, rows.data(), rowBytes);
    std::memcpy(out + sizeof head + rowBytes, names.data(), names.size());
    std::memcpy(out + sizeof head + rowBytes + names.size(), targets.data(), targets.size());
    return buffer;
  }
};

// readDirectory(root: Buffer, path: Buffer) -> ArrayBuffer: u64 count of rows, u64 bytes of names, the rows in byte order
// of the names, the names, the targets of the symbolic links among them. Without xattrs, which COPY does not take from a
// context. Cost: one fstatat an entry (test/native/directory.test.ts).
Napi::Value readDirectory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Fd root = openRoot(env, bytesOf(info[0]));
  const std::string path = bytesOf(info[1]);
  const Fd directory = openBelow(root.get(), path, O_RDONLY | O_DIRECTORY);
  if (!directory.valid()) throw systemError(env, "openat2", errno, path);
  const std::string listed = listNames(env, directory.get(), path);
  const std::vector<std::string_view> sorted = sortNames(listed);
  Table table;
  table.rows.reserve(sorted.size());
  table.names.reserve(listed.size());
  for (const std::string_view name : sorted) {
    struct stat st;
    if (fstatat(directory.get(), name.data(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed since it was listed: as if it had never been there
      throw systemError(env, "fstatat", errno, path + '/' + std::string(name));
    }
    if (S_ISLNK(st.st_mode)) {
      char target[PATH_MAX];
      const ssize_t length = readlinkat(directory.get(), name.data(), target, sizeof target);
      if (length < 0) throw systemError(env, "readlinkat", errno, path + '/' + std::string(name));
      table.targets.append(target, static_cast<size_t>(length)).push_back('\0');
    }
    table.rows.push_back(rowOf(st));
    table.names.append(name).push_back('\0');
  }
  return table.toArrayBuffer(env);
}

}  // namespace

void initHashFiles(Napi::Env env, Napi::Object exports);

Napi::Object initDirectory(Napi::Env env, Napi::Object exports) {
  exports.Set("readDirectory", Napi::Function::New(env, readDirectory, "readDirectory"));
  initHashFiles(env, exports);
  return exports;
}
