// Files below a root on the host: no component of their path is followed if it is a link, and none leads out.
#pragma once
#include <fcntl.h>
#include <linux/openat2.h>
#include <napi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "sandbox/fd.h"
#include "system-error.h"

inline Fd openBelow(int rootFd, const std::string& path, int flags) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  for (;;) {
    const long fd = syscall(SYS_openat2, rootFd, name, &how, sizeof how);
    // EAGAIN: a rename raced with the resolution.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return Fd(static_cast<int>(fd));
  }
}

inline Fd openRoot(Napi::Env env, const std::string& root) {
  Fd fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) throw systemError(env, "open", errno, root);
  return fd;
}

inline std::string bytesOf(const Napi::Value& value) {
  const auto buffer = value.As<Napi::Buffer<char>>();
  return std::string(buffer.Data(), buffer.Length());
}
