// Reads a job's specification, as src/native/encoding.ts writes it: little-endian integers and length-prefixed bytes,
// in a fixed order for each job. A malformed specification is a bug of ours: the reader latches `failed()` and returns
// zeros, and the job must check it once before acting.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

class SpecReader {
 public:
  SpecReader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }
  int64_t i64() { return static_cast<int64_t>(integer(8)); }
  bool boolean() { return integer(1) != 0; }

  // u32 length, then that many bytes. The view is valid as long as the specification.
  std::string_view bytes() {
    const uint32_t length = u32();
    if (failed_ || length > size_ - at_) {
      failed_ = true;
      return {};
    }
    std::string_view view(reinterpret_cast<const char*>(data_) + at_, length);
    at_ += length;
    return view;
  }
  // A path or argument: bytes without NUL, NUL-terminated for the kernel.
  std::string string() {
    std::string_view view = bytes();
    if (view.find('\0') != std::string_view::npos) failed_ = true;
    return std::string(view);
  }
  // u32 count, then that many strings.
  std::vector<std::string> strings() {
    const uint32_t count = u32();
    std::vector<std::string> list;
    for (uint32_t i = 0; i < count && !failed_; i++) list.push_back(string());
    return list;
  }
  bool atEnd() const { return at_ == size_; }
  bool failed() const { return failed_; }

 private:
  uint64_t integer(size_t width) {
    if (failed_ || width > size_ - at_) {
      failed_ = true;
      return 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, data_ + at_, width);
    at_ += width;
    return value;
  }
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
  bool failed_ = false;
};
