// Extended attributes of an open file of a context, as far as COPY takes them.
#pragma once
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "sandbox/layer-xattr.h"

// Returns 0 or an errno. `buffer` must be able to hold what the kernel allows (XATTR_LIST_MAX, XATTR_SIZE_MAX: 64 KiB).
inline int readContextXattrs(int fd, std::vector<char>& buffer, Xattrs& xattrs) {
  const ssize_t size = flistxattr(fd, buffer.data(), buffer.size());
  if (size < 0) return errno == ENOTSUP ? 0 : errno;
  std::vector<std::string> names;
  for (const char* at = buffer.data(); at < buffer.data() + size; at += std::strlen(at) + 1) {
    if (belongsInContext(at)) names.emplace_back(at);
  }
  for (std::string& name : names) {
    const ssize_t length = fgetxattr(fd, name.c_str(), buffer.data(), buffer.size());
    // Capabilities that belong to a user namespace which ours cannot name are none of ours.
    if (length < 0 && (errno == EOVERFLOW || errno == ENODATA)) continue;
    if (length < 0) return errno;
    std::string value(buffer.data(), static_cast<size_t>(length));
    if (name == "security.capability") toPortableCapability(value);
    xattrs.emplace_back(std::move(name), std::move(value));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return 0;
}
