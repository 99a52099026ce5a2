// One directory entry as bytes, for TypeScript to decode (src/native/directory.ts). The addon writes it for trees on the
// host, the scan job for views.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class RecordWriter {
 public:
  void u8(uint8_t v) { raw(&v, sizeof v); }
  void u32(uint32_t v) { raw(&v, sizeof v); }
  void u64(uint64_t v) { raw(&v, sizeof v); }
  void bytes(std::string_view v) {
    u32(static_cast<uint32_t>(v.size()));
    raw(v.data(), v.size());
  }
  // bytes name, u32 mode, u32 uid, u32 gid, u64 size, i64 mtime ns, i64 ctime ns, u64 dev, u64 ino, u32 nlink, u64 rdev,
  // bytes link target, u32 count of xattrs each (bytes name, bytes value).
  void entry(std::string_view name, const struct stat& st, std::string_view linkTarget,
             const std::vector<std::pair<std::string, std::string>>& xattrs) {
    bytes(name);
    u32(st.st_mode);
    u32(st.st_uid);
    u32(st.st_gid);
    u64(static_cast<uint64_t>(st.st_size));
    u64(nanoseconds(st.st_mtim));
    u64(nanoseconds(st.st_ctim));
    u64(st.st_dev);
    u64(st.st_ino);
    u32(static_cast<uint32_t>(st.st_nlink));
    u64(st.st_rdev);
    bytes(linkTarget);
    this->xattrs(xattrs);
  }
  // u32 count, each bytes name, bytes value.
  void xattrs(const std::vector<std::pair<std::string, std::string>>& list) {
    u32(static_cast<uint32_t>(list.size()));
    for (const auto& [key, value] : list) {
      bytes(key);
      bytes(value);
    }
  }
  std::string& buffer() { return buffer_; }

 private:
  static uint64_t nanoseconds(const struct timespec& time) {
    return static_cast<uint64_t>(static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec);
  }
  void raw(const void* data, size_t size) { buffer_.append(static_cast<const char*>(data), size); }
  std::string buffer_;
};
