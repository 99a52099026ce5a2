// See seal.h. Runs first of all, in the process that Node started.
#include "seal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fd.h"

namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr unsigned kMemfdExec = 0x10;  // MFD_EXEC, Linux 6.3: says that vm.memfd_noexec=1 is not meant for this one

Fd createExecutableMemfd() {
  Fd copy(memfd_create("tsbuild-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING | kMemfdExec));
  if (copy.valid() || errno != EINVAL) return copy;
  return Fd(memfd_create("tsbuild-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

int copyAll(int from, int to) {
  struct stat status{};
  if (fstat(from, &status) != 0) return errno;
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t count = sendfile(to, from, nullptr, static_cast<size_t>(left));
    if (count <= 0) return count < 0 ? errno : EIO;
    left -= count;
  }
  return 0;
}

}  // namespace

int continueFromSealedCopy(char** argv, char** envp) {
  Fd self(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!self.valid()) return errno;
  const int seals = fcntl(self.get(), F_GET_SEALS);  // EINVAL on a file system that has none
  if (seals >= 0 && (seals & kSeals) == kSeals) return 0;
  Fd copy = createExecutableMemfd();
  if (!copy.valid()) return errno;
  const int error = copyAll(self.get(), copy.get());
  if (error != 0) return error;
  if (fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return errno;
  fexecve(copy.get(), argv, envp);
  return errno;
}
