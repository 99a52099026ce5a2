#include "xattr.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace {

// Limits of the kernel (include/uapi/linux/limits.h): XATTR_LIST_MAX and XATTR_SIZE_MAX.
constexpr size_t kListMax = 65536;
constexpr size_t kValueMax = 65536;
char listBuffer[kListMax];
char valueBuffer[kValueMax];

bool startsWith(const std::string& text, const char* prefix) { return text.compare(0, std::strlen(prefix), prefix) == 0; }

std::string readValue(const Operation& operation, const char* name, const std::string& key, const std::string& path) {
  const ssize_t size = lgetxattr(name, key.c_str(), valueBuffer, sizeof valueBuffer);
  if (size < 0) operation.failErrno("lgetxattr", path);
  return std::string(valueBuffer, static_cast<size_t>(size));
}

void readOverlayMark(const Operation& operation, const char* name, const std::string& key, const std::string& mark,
                     const std::string& path, XattrReading& reading) {
  if (mark == "opaque") {
    // `x` says "may hold xattr whiteouts", which hides nothing (Documentation/filesystems/overlayfs.rst).
    reading.opaque = readValue(operation, name, key, path) == "y";
  } else if (mark == "whiteout") {
    reading.whiteout = true;
  } else if (mark == "metacopy") {
    reading.unsupported = "metacopy";
  } else if (mark == "redirect") {
    reading.unsupported = "redirect";
  }
}

}  // namespace

XattrReading readXattrs(const Operation& operation, int dirFd, const char* name, const std::string& path, bool userxattr) {
  XattrReading reading;
  if (fchdir(dirFd) != 0) operation.failErrno("fchdir", path);
  const ssize_t size = llistxattr(name, listBuffer, sizeof listBuffer);
  if (size < 0) {
    if (errno == ENOTSUP) return reading;
    operation.failErrno("llistxattr", path);
  }
  const std::string overlay = userxattr ? "user.overlay." : "trusted.overlay.";
  for (const char* at = listBuffer; at < listBuffer + size; at += std::strlen(at) + 1) {
    std::string key(at);
    if (startsWith(key, overlay.c_str())) {
      readOverlayMark(operation, name, key, key.substr(overlay.size()), path, reading);
    }
    if (belongsInLayer(key)) {
      std::string value = readValue(operation, name, key, path);
      if (key == "security.capability") toPortableCapability(value);
      reading.kept.emplace_back(std::move(key), std::move(value));
    } else if (startsWith(key, "trusted.") || startsWith(key, "user.")) {
      reading.stray.push_back(std::move(key));
    }
  }
  std::sort(reading.kept.begin(), reading.kept.end());
  return reading;
}

Xattrs readLayerXattrs(const Operation& operation, int dirFd, const char* name, const std::string& path) {
  return readXattrs(operation, dirFd, name, path, false).kept;
}

bool setXattr(int dirFd, const char* name, const std::string& key, const std::string& value) {
  return fchdir(dirFd) == 0 && lsetxattr(name, key.c_str(), value.data(), value.size(), 0) == 0;
}

bool removeXattr(int dirFd, const char* name, const std::string& key) {
  return fchdir(dirFd) == 0 && lremovexattr(name, key.c_str()) == 0;
}
